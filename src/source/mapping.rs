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
//! [columns]                                 # field = heading, or alternatives: row by row the first
//! name = "当事人姓名/单位名称"              #   that holds something; `reason` may join several parts:
//! reason = ["列入名单事由", "列入黑名单事由"]  #   [["CF_WFXW"], ["CF_SY"]]
//! from = "列入名单时间"                     # name, from and identifiers must be there, others may
//! state = "状态"
//! state_on = "移出时间"                     # alone, it says that the record is off the list from then
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
//! state = "in_force"                        # what an empty state means; `revoked` in a list of removals
//! ```

use crate::record::{IdentifierKind, Role, SubjectKind, region};
use globset::{GlobBuilder, GlobMatcher};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::collections::HashMap;
use std::ops::Range;
use std::path::Path;
use toml::Spanned;
use toml::de::{DeTable, DeValue, ValueDeserializer};

/// A layout and the feeds that come in it.
#[derive(Clone, Debug)]
pub struct Mapping {
    /// Its code, which every entry's provenance names.
    pub code: String,
    /// Its name.
    pub name: String,
    /// How files are read.
    pub layout: Layout,
    /// Headings of the simple fields.
    pub columns: Columns,
    /// Columns of identifiers of the subject.
    pub identifiers: Vec<IdentifierColumn>,
    /// Columns of related persons.
    pub related: Vec<RelatedColumns>,
    /// What the feed's words mean.
    pub values: Values,
    /// Which files are which list.
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

impl Encoding {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Encoding::Auto => "auto",
            Encoding::Utf8 => "utf-8",
            Encoding::Gb18030 => "gb18030",
        }
    }

    /// By the name that a person gives it.
    pub fn from_name(name: &str) -> Option<Encoding> {
        match &*name.to_ascii_lowercase() {
            "utf-8" | "utf8" => Some(Encoding::Utf8),
            "gb18030" | "gbk" | "gb2312" => Some(Encoding::Gb18030),
            _ => None,
        }
    }
}

impl Layout {
    /// A character that can part cells.
    fn may_part(c: char) -> bool {
        c.is_ascii() && !matches!(c, '"' | '\r' | '\n')
    }

    /// What parts cells, by what a person gives: the character, or the word `tab`.
    pub fn delimiter_from(text: &str) -> Option<char> {
        let mut chars = text.chars();
        match (text, chars.next(), chars.next()) {
            ("tab" | "\\t", ..) => Some('\t'),
            (_, Some(one), None) if Layout::may_part(one) => Some(one),
            _ => None,
        }
    }
}

/// A heading, or several of which, row by row, the first that holds something counts.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged, expecting = "a heading, or a list of alternative headings, is needed")]
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

/// Headings of a text that may lie in several columns.
#[derive(Clone, Debug, Deserialize)]
#[serde(
    untagged,
    expecting = "a heading, a list of alternatives, or a list of such lists, is needed"
)]
pub enum Parts {
    /// One part, with its alternatives.
    One(Headings),
    /// Several, joined by `；`.
    Joined(Vec<Vec<String>>),
}

impl Parts {
    /// The alternatives of each part.
    pub fn each(&self) -> Vec<&[String]> {
        match self {
            Parts::One(headings) => vec![headings.each()],
            Parts::Joined(parts) => parts.iter().map(Vec::as_slice).collect(),
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
    pub reason: Option<Parts>,
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
    /// The last day of a suspension.
    pub state_until: Option<Headings>,
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
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StateWord {
    /// In force.
    #[default]
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
    /// What a record is whose state column is empty or not there.
    #[serde(default)]
    pub state: StateWord,
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
    /// The pattern as it is matched against names with one of the known endings, in capitals or not.
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
        let (table, errors) = DeTable::parse_recoverable(text);
        let mut draft = Draft { file, text, mistakes: Vec::new() };
        for error in &errors {
            draft.mistake(error.span().unwrap_or(0..0), error.message());
        }
        let mapping = if errors.is_empty() { draft.mapping(table) } else { None };
        match mapping {
            Some(mapping) if draft.mistakes.is_empty() => Ok(mapping),
            _ => Err(MappingError { mistakes: draft.mistakes }),
        }
    }

    /// Every mapping of a folder, in the order of the files' names.
    pub fn load_folder(folder: &Path) -> Result<Vec<Mapping>, MappingError> {
        let failed = |error: std::io::Error| MappingError {
            mistakes: vec![format!("{}: {error}", folder.display())],
        };
        let mut paths: Vec<_> = std::fs::read_dir(folder)
            .map_err(failed)?
            .map(|entry| entry.map(|entry| entry.path()))
            .collect::<Result<_, _>>()
            .map_err(failed)?;
        paths.retain(|path| path.extension().is_some_and(|suffix| suffix == "toml"));
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

type Value<'i> = Spanned<DeValue<'i>>;

/// A mapping while it is read piece by piece, so that a mistake in one hides none in another.
struct Draft<'a> {
    file: &'a str,
    text: &'a str,
    mistakes: Vec<String>,
}

impl<'a> Draft<'a> {
    fn mistake(&mut self, at: Range<usize>, what: &str) {
        let line = self.text[..at.start.min(self.text.len())].matches('\n').count() + 1;
        self.mistakes.push(format!("{}:{line}: {}", self.file, what.trim()));
    }

    fn mapping(&mut self, table: Spanned<DeTable<'a>>) -> Option<Mapping> {
        let (mut code, mut name, mut columns) = (None, None, None);
        let (mut layout, mut values) = (None, None);
        let (mut identifiers, mut related, mut feeds) = (Vec::new(), Vec::new(), Vec::new());
        for (key, value) in table.into_inner() {
            match key.get_ref().as_ref() {
                "code" => code = self.piece::<String>(value),
                "name" => name = self.piece::<String>(value),
                "layout" => layout = self.layout(value),
                "columns" => columns = self.columns(value),
                "values" => values = self.values(value),
                "identifier" => identifiers = self.pieces(value),
                "related" => related = self.pieces(value),
                "feed" => feeds = self.feeds(value),
                other => self.mistake(key.span(), &format!("`{other}` 未知 / is unknown")),
            }
        }
        if code.as_ref().is_none_or(String::is_empty) {
            self.mistake(0..0, "缺少 `code` / there is no `code`");
        }
        if columns.is_none() {
            self.mistake(0..0, "缺少可用的 `[columns]` / there are no sound `[columns]`");
        }
        if feeds.is_empty() {
            self.mistake(0..0, "没有可用的 `[[feed]]` / there is no `[[feed]]`");
        }
        let (columns, values): (Columns, Values) = (columns?, values.unwrap_or_default());
        if columns.state.is_some() && values.state.is_empty() {
            self.mistake(
                0..0,
                "有 `columns.state` 而没有 `[values.state]` / no words in `values.state`",
            );
        }
        let (code, name) = (code?, name.unwrap_or_default());
        let layout = layout.unwrap_or_default();
        Some(Mapping { code, name, layout, columns, identifiers, related, values, feeds })
    }

    fn piece<T: DeserializeOwned>(&mut self, value: Value<'a>) -> Option<T> {
        let span = value.span();
        match T::deserialize(ValueDeserializer::from(value)) {
            Ok(piece) => Some(piece),
            Err(error) => {
                self.mistake(error.span().unwrap_or(span), error.message());
                None
            }
        }
    }

    fn pieces<T: DeserializeOwned>(&mut self, value: Value<'a>) -> Vec<T> {
        let span = value.span();
        let DeValue::Array(values) = value.into_inner() else {
            self.mistake(span, "应为表数组 `[[…]]` / should be an array of tables");
            return Vec::new();
        };
        values.into_iter().filter_map(|value| self.piece(value)).collect()
    }

    fn layout(&mut self, value: Value<'a>) -> Option<Layout> {
        let delimiter = value.get_ref().get("delimiter").map(|delimiter| delimiter.span());
        let layout: Layout = self.piece(value)?;
        if layout.delimiter.is_some_and(|delimiter| !Layout::may_part(delimiter)) {
            self.mistake(
                delimiter.unwrap_or(0..0),
                "`delimiter` 必须是一个 ASCII 字符 / must be one ASCII character, no quote or line end",
            );
        }
        Some(layout)
    }

    /// Field by field first, since the whole stops at its first mistake.
    fn columns(&mut self, value: Value<'a>) -> Option<Columns> {
        let before = self.mistakes.len();
        if let DeValue::Table(table) = value.get_ref() {
            for (key, value) in table {
                // beside a name that is there the field is alone
                let mut alone = DeTable::new();
                let name = Spanned::new(0..0, DeValue::String("".into()));
                alone.insert(Spanned::new(0..0, "name".into()), name);
                alone.insert(key.clone(), value.clone());
                let span = value.span();
                let alone = Spanned::new(span.clone(), DeValue::Table(alone));
                if let Err(error) = Columns::deserialize(ValueDeserializer::from(alone)) {
                    let at = error.span().filter(|at| at.start > 0).unwrap_or(span);
                    self.mistake(at, &format!("`{}`: {}", key.get_ref(), error.message()));
                }
            }
        }
        if self.mistakes.len() > before { None } else { self.piece(value) }
    }

    /// Word by word, for the same reason.
    fn values(&mut self, value: Value<'a>) -> Option<Values> {
        let before = self.mistakes.len();
        if let DeValue::Table(tables) = value.get_ref() {
            for (table, words) in tables {
                let DeValue::Table(words) = words.get_ref() else { continue };
                for (word, meaning) in words {
                    let meaning = meaning.clone();
                    match table.get_ref().as_ref() {
                        "state" => drop(self.piece::<StateWord>(meaning)),
                        "kind" => drop(self.piece::<SubjectKind>(meaning)),
                        "identifier_kind" => drop(self.piece::<IdentifierKind>(meaning)),
                        _ => self.mistake(word.span(), "未知的取值表 / unknown table of values"),
                    }
                }
            }
        }
        if self.mistakes.len() > before { None } else { self.piece(value) }
    }

    fn feeds(&mut self, value: Value<'a>) -> Vec<FeedSpec> {
        let spans: Vec<Range<usize>> = match value.get_ref() {
            DeValue::Array(feeds) => feeds.iter().map(Spanned::span).collect(),
            _ => Vec::new(),
        };
        let DeValue::Array(values) = value.into_inner() else {
            self.mistake(0..0, "`feed` 应为 `[[feed]]` / should be `[[feed]]`");
            return Vec::new();
        };
        let mut feeds = Vec::new();
        for (value, span) in values.into_iter().zip(spans) {
            let Some(feed) = self.piece::<FeedSpec>(value) else { continue };
            if feed.list.is_empty() || feed.files.is_empty() {
                self.mistake(span.clone(), "`list` 或 `files` 为空 / `list` or `files` is empty");
            }
            if feed.region != 0 && !region::known(format!("{:06}", feed.region).as_bytes()) {
                self.mistake(
                    span.clone(),
                    "`region` 不是六位行政区划代码 / `region` is no code of six digits",
                );
            }
            if let Err(error) = feed.matcher() {
                self.mistake(span, &format!("`files = {:?}`: {error}", feed.files));
            }
            feeds.push(feed);
        }
        feeds
    }
}
