//! Which column is what, for which list: `config/sources/*.toml`.
//!
//! ```toml
//! code = "department"
//! name = "部门名单通用格式"
//!
//! [layout]                                  # all optional
//! encoding = "auto"                         # auto | utf-8 | gb18030
//! delimiter = ","
//! sheet = "Sheet1"                          # else the first
//!
//! [columns]                                 # field = heading, or alternatives
//! name = "当事人姓名/单位名称"
//! reason = ["列入名单事由", "列入黑名单事由"]
//! from = "列入名单时间"
//!
//! [[identifier]]                            # any number; without a kind it is recognised
//! column = "身份证号/社会信用代码/组织机构代码/工商注册号"
//!
//! [[related]]
//! role = "legal_representative"
//! name = "法定代表人"
//! id = "法定代表人证件号码"
//!
//! [values.state]                            # words of the feed → in_force | exited | repaired | revoked
//! "已退出" = "exited"                        #   | suspended | objection | extended
//!
//! [[feed]]                                  # which files are which list
//! list = "aqsc"
//! files = "aqsc-*"
//! authority = "应急管理局"
//! region = 320500
//! ```

use crate::record::{IdentifierKind, Role, SubjectKind};
use globset::{GlobBuilder, GlobMatcher};
use serde::Deserialize;
use std::collections::HashMap;
use std::path::Path;

/// A layout and the feeds that come in it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mapping {
    /// Its code, which every entry's provenance names.
    pub code: String,
    /// Its name.
    pub name: String,
    /// How files are read.
    #[serde(default)]
    pub layout: Layout,
    /// Headings of the simple fields.
    pub columns: Columns,
    /// Columns of identifiers of the subject.
    #[serde(default, rename = "identifier")]
    pub identifiers: Vec<IdentifierColumn>,
    /// Columns of related persons.
    #[serde(default)]
    pub related: Vec<RelatedColumns>,
    /// What the feed's words mean.
    #[serde(default)]
    pub values: Values,
    /// Which files are which list.
    #[serde(rename = "feed")]
    pub feeds: Vec<FeedSpec>,
}

/// How files are read.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Layout {
    /// Of text files.
    pub encoding: Encoding,
    /// Of CSV, one ASCII character; a comma unless told.
    pub delimiter: Option<char>,
    /// Of Excel; the first sheet unless told.
    pub sheet: Option<String>,
}

/// The encoding of a text file.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize)]
pub enum Encoding {
    /// UTF-8 if all of the file is, else GB18030.
    #[default]
    #[serde(rename = "auto")]
    Auto,
    /// UTF-8, with or without a byte order mark.
    #[serde(rename = "utf-8")]
    Utf8,
    /// GB18030, and so GBK and GB2312.
    #[serde(rename = "gb18030")]
    Gb18030,
}

/// A heading, or several of which the first that is there counts.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub enum Headings {
    /// One.
    One(String),
    /// Alternatives.
    Any(Vec<String>),
}

impl Headings {
    /// The alternatives in order.
    pub fn each(&self) -> &[String] {
        match self {
            Headings::One(heading) => std::slice::from_ref(heading),
            Headings::Any(headings) => headings,
        }
    }
}

/// Headings of the simple fields of an entry.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Columns {
    /// The subject's name. The only one that must be there.
    pub name: Headings,
    /// A stable id of the record.
    pub entry_id: Option<Headings>,
    /// What the subject is, see [`Values::kind`].
    pub kind: Option<Headings>,
    /// Former names, several separated by `、` or `;`.
    pub former_names: Option<Headings>,
    /// Why.
    pub reason: Option<Headings>,
    /// Document or case number.
    pub document: Option<Headings>,
    /// Who decided.
    pub authority: Option<Headings>,
    /// Six digits of GB/T 2260.
    pub region: Option<Headings>,
    /// Day of the decision.
    pub decided: Option<Headings>,
    /// Day of publication.
    pub published: Option<Headings>,
    /// First day of the term.
    pub from: Option<Headings>,
    /// Last day of the term.
    pub to: Option<Headings>,
    /// Last day of publication.
    pub publicity_until: Option<Headings>,
    /// Where the record stands, see [`Values::state`].
    pub state: Option<Headings>,
    /// The day of the state: of the exit, of the beginning of a suspension.
    pub state_on: Option<Headings>,
}

/// A column of identifiers.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IdentifierColumn {
    /// Its heading.
    pub column: Headings,
    /// The kind of all of them; recognised from the form where neither this nor the next is given.
    pub kind: Option<IdentifierKind>,
    /// The column that names the kind, see [`Values::identifier_kind`].
    pub kind_column: Option<Headings>,
}

/// Columns of a related person.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RelatedColumns {
    /// How it is related.
    pub role: Role,
    /// Its name.
    pub name: Headings,
    /// Its identifier.
    pub id: Option<Headings>,
    /// The column that names the identifier's kind.
    pub id_kind: Option<Headings>,
}

/// What the words of a feed mean.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Values {
    /// Of the state column. Where it is empty a record is in force.
    pub state: HashMap<String, StateWord>,
    /// Of the kind column.
    pub kind: HashMap<String, SubjectKind>,
    /// Of identifier kind columns.
    pub identifier_kind: HashMap<String, IdentifierKind>,
}

/// A state as a feed can express it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StateWord {
    /// In force.
    InForce,
    /// Taken off the list.
    Exited,
    /// Repaired.
    Repaired,
    /// Void from the beginning.
    Revoked,
    /// Measures lifted for a time.
    Suspended,
    /// In force, with an objection noted.
    Objection,
    /// In force, the term extended.
    Extended,
}

/// Files of one list in this layout.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FeedSpec {
    /// Code of the list.
    pub list: String,
    /// Pattern of the files' names, without their endings: `sxbzxr-*`.
    pub files: String,
    /// Who decided, where no column says.
    #[serde(default)]
    pub authority: String,
    /// Six digits, where no column and no identifier says.
    #[serde(default)]
    pub region: u32,
    /// All of the list, or what changed.
    #[serde(default)]
    pub mode: Mode,
    /// When its data is true.
    #[serde(default)]
    pub as_of: AsOf,
}

/// All of a list, or what changed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// The files together are the list.
    #[default]
    Full,
    /// The rows amend and add to the list, files in the order of their names.
    Delta,
}

/// When the data of a feed is true.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AsOf {
    /// When the oldest of its files was written.
    #[default]
    File,
    /// When it is read: for feeds that are fetched for the build.
    Build,
}

impl FeedSpec {
    /// The pattern as it is matched against names with one of the known endings.
    pub fn matcher(&self) -> Result<GlobMatcher, globset::Error> {
        let pattern = format!("{}.{{csv,txt,xlsx,xls,jsonl,parquet}}", self.files);
        Ok(GlobBuilder::new(&pattern).case_insensitive(true).build()?.compile_matcher())
    }
}

/// What is wrong with mappings: every mistake of every file.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{}", mistakes.join("\n"))]
pub struct MappingError {
    /// One a line: file, line where known, and what is wrong.
    pub mistakes: Vec<String>,
}

impl Mapping {
    /// A mapping from its text. `file` names it in errors.
    pub fn parse(file: &str, text: &str) -> Result<Mapping, MappingError> {
        let mapping: Mapping = toml::from_str(text).map_err(|error| {
            let line = error.span().map_or(0, |span| text[..span.start].matches('\n').count() + 1);
            MappingError { mistakes: vec![format!("{file}:{line}: {}", error.message().trim())] }
        })?;
        let mistakes: Vec<String> =
            mapping.mistakes().into_iter().map(|mistake| format!("{file}: {mistake}")).collect();
        if mistakes.is_empty() { Ok(mapping) } else { Err(MappingError { mistakes }) }
    }

    fn mistakes(&self) -> Vec<String> {
        let mut mistakes = Vec::new();
        if self.code.is_empty() {
            mistakes.push("`code` 为空 / is empty".to_owned());
        }
        if self.layout.delimiter.is_some_and(|delimiter| !delimiter.is_ascii()) {
            mistakes.push(
                "`layout.delimiter` 必须是 ASCII 字符 / must be an ASCII character".to_owned(),
            );
        }
        if self.feeds.is_empty() {
            mistakes.push("没有 `[[feed]]` / there is no `[[feed]]`".to_owned());
        }
        for feed in &self.feeds {
            if feed.list.is_empty() || feed.files.is_empty() {
                mistakes.push(
                    "`[[feed]]` 的 list 或 files 为空 / its list or files is empty".to_owned(),
                );
            }
            if let Err(error) = feed.matcher() {
                mistakes.push(format!("`files = {:?}`: {error}", feed.files));
            }
        }
        if self.columns.state.is_some() && self.values.state.is_empty() {
            mistakes.push(
                "有 `columns.state` 而没有 `[values.state]` / no words for `columns.state`"
                    .to_owned(),
            );
        }
        mistakes
    }

    /// Every mapping of a folder, in the order of the files' names.
    pub fn load_folder(folder: &Path) -> Result<Vec<Mapping>, MappingError> {
        let failed = |error: std::io::Error| MappingError {
            mistakes: vec![format!("{}: {error}", folder.display())],
        };
        let mut paths: Vec<_> = std::fs::read_dir(folder)
            .map_err(failed)?
            .filter_map(|entry| entry.ok().map(|entry| entry.path()))
            .filter(|path| path.extension().is_some_and(|suffix| suffix == "toml"))
            .collect();
        paths.sort();
        let (mut mappings, mut mistakes): (Vec<Mapping>, Vec<String>) = (Vec::new(), Vec::new());
        for path in paths {
            let file = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let read = std::fs::read_to_string(&path)
                .map_err(|error| MappingError { mistakes: vec![format!("{file}: {error}")] })
                .and_then(|text| Mapping::parse(&file, &text));
            match read {
                Ok(mapping) if mappings.iter().any(|other| other.code == mapping.code) => {
                    mistakes.push(format!("{file}: code {:?} 重复 / is taken", mapping.code));
                }
                Ok(mapping) => mappings.push(mapping),
                Err(error) => mistakes.extend(error.mistakes),
            }
        }
        if mistakes.is_empty() { Ok(mappings) } else { Err(MappingError { mistakes }) }
    }
}
