//! What is wrong with a catalogue: every mistake of one run, each with its file and line.

use std::fmt;

/// Every mistake found in one run, in the order of files and lines. Never empty.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CatalogueError {
    /// The mistakes, by file name and line.
    pub mistakes: Vec<Mistake>,
}

/// One mistake.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Mistake {
    /// The file's name as given.
    pub file: String,
    /// Line of the offending value from 1; 0 where the file as a whole is at fault.
    pub line: usize,
    /// What is wrong.
    pub fault: Fault,
}

/// What is wrong, with the facts. The text is Chinese, then English.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, thiserror::Error)]
#[allow(missing_docs, reason = "the text of each variant is its documentation")]
pub enum Fault {
    #[error("文件缺失 / the file is missing")]
    MissingFile,
    #[error("目录没有这个文件 / a catalogue has no file of this name")]
    UnknownFile,
    #[error("文件重复 / the file is given twice")]
    RepeatedFile,
    #[error("不是有效的 TOML / not TOML: {0}")]
    Syntax(String),
    #[error("未知字段 `{field}` / unknown field, expected one of: {known}")]
    UnknownField { field: String, known: String },
    #[error("缺少字段 `{field}` / missing field")]
    MissingField { field: &'static str },
    #[error("字段 `{field}` 不能为空 / must not be empty")]
    EmptyField { field: &'static str },
    #[error("字段 `{field}` 类型不符 / wrong type: expected {expected}, found {found}")]
    WrongType { field: &'static str, expected: &'static str, found: &'static str },
    #[error("字段 `{field}` 取值 {found} 超出 1 至 {max} / out of range, expected 1 to {max}")]
    OutOfRange { field: &'static str, found: String, max: u32 },
    #[error("字段 `{field}` 取值 `{word}` 未知 / unknown value, expected one of: {known}")]
    UnknownWord { field: &'static str, word: String, known: String },
    #[error("`{field}` 中 `{value}` 重复 / given twice")]
    RepeatedValue { field: &'static str, value: String },
    #[error("`{field}` 超过 {max} 项 / too many: {count}, at most {max}")]
    TooMany { field: String, count: usize, max: usize },
    #[error(
        "代码 `{code}` 重复，首见于第 {first_line} 行 / duplicate code, first on line {first_line}"
    )]
    DuplicateCode { code: String, first_line: usize },
    #[error("未知{} `{code}` / unknown {what}", .what.zh())]
    UnknownCode { what: What, code: String },
    #[error("事项代码超过 {max} 个字符 / matter code of {count} characters, at most {max}")]
    LongMatterCode { count: usize, max: usize },
    #[error(
        "与第 {first_line} 行事项代码的后 12 位相同: `{tail}` / \
         the last 12 characters equal those of the matter on line {first_line}"
    )]
    DuplicateTail { tail: String, first_line: usize },
    #[error("事项未指定应查名单 / the matter consults no list")]
    ConsultsNothing,
    #[error("没有名单允许此措施 / no list allows this measure")]
    AllowedByNoList,
    #[error("措施不适用于任何事项 / the measure covers no matter")]
    CoversNoMatter,
    #[error("措施不及于任何人 / the measure reaches nobody")]
    ReachesNobody,
    #[error(
        "事项 `{matter}` 不查名单 `{list}`，措施永不适用 / \
         the matter does not consult the list, so the measure could never apply"
    )]
    NeverApplies { matter: String, list: String },
    #[error("激励措施只能用于红名单，`{list}` 是 {kind} / an incentive on a list that is not red")]
    IncentiveOffRed { list: String, kind: &'static str },
    #[error("惩戒措施不能用于红名单 `{list}` / a punishing action on a red list")]
    PunishmentOnRed { list: String },
    #[error("名单 `{list}` 仅供公示，不附带措施 / a record list carries no measure")]
    MeasureOnRecord { list: String },
    #[error("激励措施不分类，不得填 `{field}` / an incentive has no {field}")]
    IncentiveWith { field: &'static str },
    #[error("惩戒措施缺少 `{field}` / a punishing measure needs {field}")]
    PunishmentWithout { field: &'static str },
    #[error(
        "`{item}` 不在全国失信惩戒措施基础清单内 / not an item of the national basic list; \
         a local supplementary list is written `local:<document>`"
    )]
    UnknownItem { item: String },
    #[error(
        "基础清单将“{item}”列为 {listed} 类 / the national basic list puts this item in class {listed}"
    )]
    ClassDiffers { item: &'static str, listed: &'static str },
}

/// What a code names.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum What {
    /// A list.
    List,
    /// A matter.
    Matter,
    /// What the asked subject is to the listed one.
    Relation,
    /// What a subject is in a matter.
    Role,
}

impl What {
    fn zh(self) -> &'static str {
        match self {
            What::List => "名单",
            What::Matter => "事项",
            What::Relation => "关系",
            What::Role => "角色",
        }
    }
}

impl fmt::Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            What::List => "list",
            What::Matter => "matter",
            What::Relation => "relation",
            What::Role => "role",
        })
    }
}

impl fmt::Display for Mistake {
    /// `measures.toml:42: …`, without the line where the whole file is at fault.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => write!(f, "{}: {}", self.file, self.fault),
            line => write!(f, "{}:{line}: {}", self.file, self.fault),
        }
    }
}

impl fmt::Display for CatalogueError {
    /// One mistake per line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, mistake) in self.mistakes.iter().enumerate() {
            if number > 0 {
                f.write_str("\n")?;
            }
            mistake.fmt(f)?;
        }
        Ok(())
    }
}

impl std::error::Error for CatalogueError {}
