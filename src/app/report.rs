//! An answer in a file: a page to print, a table, JSON.

use crate::batch::{BatchError, check_paths};
use crate::catalogue::Catalogue;
use crate::http::{Evidence, Shown};
use crate::output::{Output, Table};
use serde_json::Value;
use std::error::Error;
use std::path::{Path, PathBuf};

/// Where an answer goes, beside what is printed.
#[derive(clap::Args, Debug)]
pub struct Report {
    /// 存档文件 / keep the answer: .html a page to print, .xlsx or .csv a table, .json
    #[arg(long, short, value_name = "FILE", value_parser = path)]
    output: Option<PathBuf>,
    /// 不脱敏 / show persons' names and numbers as they were asked
    #[arg(long, requires = "output")]
    unmasked: bool,
}

/// What a file will hold.
enum Kind {
    Page,
    Excel,
    Csv,
    Json,
}

impl Kind {
    fn of(path: &Path) -> Option<Kind> {
        Some(match &*path.extension()?.to_str()?.to_ascii_lowercase() {
            "html" | "htm" => Kind::Page,
            "xlsx" => Kind::Excel,
            "csv" => Kind::Csv,
            "json" => Kind::Json,
            _ => return None,
        })
    }
}

fn path(text: &str) -> Result<PathBuf, String> {
    let path = PathBuf::from(text);
    let unknown = "无法识别的格式 / unknown format: .html .xlsx .csv .json";
    if Kind::of(&path).is_some() { Ok(path) } else { Err(unknown.to_owned()) }
}

impl Report {
    /// The answer will not stand where the request does.
    ///
    /// # Errors
    ///
    /// It would.
    pub fn check(&self, request: &Path) -> Result<(), BatchError> {
        let request = (request.as_os_str() != "-").then_some(request);
        check_paths(request, self.output.as_deref(), None)
    }

    /// Write what was asked and answered, where that is wanted.
    pub fn write(
        &self,
        catalogue: &Catalogue,
        request: &[u8],
        answer: &Value,
    ) -> Result<(), Box<dyn Error>> {
        let Some(path) = &self.output else { return Ok(()) };
        let request: Value = serde_json::from_slice(request)?;
        let shown = if self.unmasked { Shown::Whole } else { Shown::Masked };
        let evidence = Evidence::new(catalogue, request, answer, shown);
        let mut output = Output::create(Some(path))?;
        let table = match Kind::of(path) {
            Some(Kind::Excel) => Table::excel(&mut output.writer),
            Some(Kind::Csv) => Table::csv(&mut output.writer),
            Some(Kind::Json) => {
                output.put(&serde_json::to_vec_pretty(answer)?)?;
                return Ok(output.finish()?);
            }
            _ => {
                output.put(evidence.page().as_bytes())?;
                return Ok(output.finish()?);
            }
        };
        let written = table.and_then(|mut table| {
            evidence.write(&mut table)?;
            table.finish()
        });
        written.map_err(|source| output.failed(source))?;
        Ok(output.finish()?)
    }
}
