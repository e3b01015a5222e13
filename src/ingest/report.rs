//! What was read, used, rejected.

use crate::index::Meta;
use std::fmt;
use std::path::PathBuf;

/// The account of a build: nothing is lost without being counted here.
#[derive(Clone, Debug)]
pub struct Report {
    /// What the snapshot says of itself.
    pub meta: Meta,
    /// The published file.
    pub path: PathBuf,
    /// Bytes of it.
    pub bytes: u64,
    /// Rows read.
    pub rows: u64,
    /// Rows rejected.
    pub rejects: u64,
    /// Cells left out of rows that were used.
    pub warnings: u64,
    /// Where the rejects are, when there are any.
    pub rejects_file: Option<PathBuf>,
    /// Lists of the catalogue that no feed delivered: a check that must consult one is undetermined.
    pub missing: Vec<String>,
    /// Files of the folder that are no feeds.
    pub ignored: Vec<String>,
    /// Seconds from the first byte to the published file.
    pub seconds: f64,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let meta = &self.meta;
        writeln!(f, "快照 / snapshot     {}  ({} bytes)", meta.id, self.bytes)?;
        writeln!(
            f,
            "记录 / entries      {} of {} rows, {} superseded",
            meta.entries, self.rows, meta.superseded
        )?;
        writeln!(f, "主体 / subjects     {}, {} identifiers", meta.subjects, meta.identifiers)?;
        write!(f, "拒收 / rejects      {}", self.rejects)?;
        if let Some(path) = &self.rejects_file {
            write!(f, "  → {}", path.display())?;
        }
        writeln!(f)?;
        writeln!(f, "舍弃单元格 / cells  {} left out of rows that were used", self.warnings)?;
        if meta.shared_identifiers > 0 {
            let shared = meta.shared_identifiers;
            writeln!(
                f,
                "共用标识 / shared   {shared} identifiers carried by subjects that are not one"
            )?;
        }
        for list in &meta.lists {
            writeln!(f, "  {:<12} {:>10}", list.code, list.entries)?;
        }
        if !self.missing.is_empty() {
            writeln!(f, "无数据名单 / without data {}", self.missing.join(", "))?;
        }
        if !self.ignored.is_empty() {
            writeln!(f, "未识别文件 / ignored {}", self.ignored.join(", "))?;
        }
        write!(
            f,
            "用时 / time         {:.1} s, {:.0} rows/s",
            self.seconds,
            self.rows as f64 / self.seconds.max(1e-9)
        )
    }
}
