//! Which column of a file is what: by its heading, or as told.

use crate::text;
use std::fmt;

/// Headings of identifiers, as they are folded.
const IDENTIFIERS: &[&str] = &[
    "统一社会信用代码",
    "社会信用代码",
    "信用代码",
    "统一代码",
    "组织机构代码",
    "工商注册号",
    "注册号",
    "纳税人识别号",
    "纳税人编码",
    "税号",
    "身份证号",
    "身份证号码",
    "公民身份号码",
    "证件号",
    "证件号码",
    "证照号码",
    "主体代码",
    "主体标识",
    "车牌号",
    "车牌号码",
    "USCC",
    "USCCCODE",
    "CREDITCODE",
    "CREDIT_CODE",
    "REGISTRATIONNUMBER",
    "REGISTRATION_NUMBER",
    "IDNUMBER",
    "ID_NUMBER",
    "IDENTIFIER",
    "TAX_NUMBER",
    "TAXNUMBER",
];
/// A heading that may be one of an identifier where no other is, or a running number.
const DOUBTFUL: &str = "ID";
/// Headings of names, as they are folded, the more telling first.
const NAMES: &[&str] = &[
    "主体名称",
    "企业名称",
    "单位名称",
    "公司名称",
    "法人名称",
    "机构名称",
    "组织名称",
    "供应商名称",
    "投标人名称",
    "投标人",
    "纳税人名称",
    "当事人名称",
    "名称/姓名",
    "姓名/名称",
    "名称",
    "姓名",
    "COMPANY_NAME",
    "COMPANYNAME",
    "SUBJECT_NAME",
    "FULL_NAME",
    "NAME",
    "COMPANY",
];

/// What results are headed by, before the word for each.
pub const PREFIX: &str = "xincha_";

/// What the asker said of the columns. What is not said is recognised by its heading.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Told {
    /// Headings of identifiers.
    pub identifiers: Vec<String>,
    /// The heading of the name.
    pub name: Option<String>,
    /// Names are not asked about.
    pub no_names: bool,
}

/// Where the columns stand. See the [module](self).
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Columns {
    /// Those of identifiers.
    pub identifiers: Vec<usize>,
    /// That of the name.
    pub name: Option<usize>,
    /// All columns.
    pub count: usize,
}

/// What is wrong with the headings.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ColumnError {
    /// There are none.
    Empty,
    /// A column that was told is not there.
    Missing {
        /// Its heading.
        told: String,
        /// The headings that there are; none where objects have keys of their own each.
        found: Vec<String>,
    },
    /// No heading is one of an identifier or a name.
    NoneUsable {
        /// The headings that there are.
        found: Vec<String>,
    },
    /// A needed heading is there twice.
    Twice(String),
    /// Two headings are a needed one but for a remark in brackets.
    Alike(String, String),
    /// A result's heading is there already.
    Screened(String),
}

/// Headings that an error shows.
const SHOWN_MAX: usize = 30;

impl fmt::Display for ColumnError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |found: &[String]| {
            let mut shown = found[..found.len().min(SHOWN_MAX)].join(", ");
            if found.len() > SHOWN_MAX {
                shown.push_str(", …");
            }
            shown
        };
        match self {
            ColumnError::Empty => write!(f, "文件为空 / the file is empty"),
            ColumnError::Missing { told, found } if found.is_empty() => {
                write!(f, "缺少列 {told:?} / column {told:?} is missing: no object has it")
            }
            ColumnError::Missing { told, found } => {
                write!(f, "缺少列 {told:?} / column {told:?} is missing; it has {}", shown(found))
            }
            ColumnError::NoneUsable { found } => write!(
                f,
                "没有可用的证件号码列或名称列，请用 --id-column、--name-column 指定 / no column of \
                 identifiers or names is recognised, name them with --id-column and --name-column; it has {}",
                shown(found)
            ),
            ColumnError::Twice(heading) => {
                write!(f, "列 {heading:?} 出现两次 / column {heading:?} is there twice")
            }
            ColumnError::Alike(one, other) => write!(
                f,
                "列 {one:?} 与 {other:?} 括号外相同，请用 --id-column、--name-column 指定其一 / columns {one:?} and \
                 {other:?} are one but for what is in brackets: name one of them with --id-column or --name-column"
            ),
            ColumnError::Screened(heading) => write!(
                f,
                "列 {heading:?} 已存在，是否已比对过 / column {heading:?} is there already: was the file \
                 screened before?"
            ),
        }
    }
}

impl Columns {
    /// Find them among the headings.
    pub fn find(headings: &[String], told: &Told) -> Result<Columns, ColumnError> {
        if headings.iter().all(|heading| heading.trim().is_empty()) {
            return Err(ColumnError::Empty);
        }
        let headings = Headings::of(headings);
        if let Some(at) = headings.keys.iter().position(|key| key.starts_with(&*folded(PREFIX))) {
            return Err(ColumnError::Screened(headings.all[at].clone()));
        }
        let told_at = |told: &String| {
            headings.told(told)?.ok_or_else(|| ColumnError::Missing {
                told: told.clone(),
                found: headings.all.to_vec(),
            })
        };
        let identifiers = if told.identifiers.is_empty() {
            headings.identifiers()?
        } else {
            told.identifiers.iter().map(told_at).collect::<Result<_, _>>()?
        };
        let name = match &told.name {
            _ if told.no_names => None,
            Some(name) => Some(told_at(name)?),
            None => headings.name()?,
        };
        if identifiers.is_empty() && name.is_none() {
            return Err(ColumnError::NoneUsable { found: headings.all.to_vec() });
        }
        Ok(Columns { identifiers, name, count: headings.all.len() })
    }

    /// Those of an object, which may lack any of them, and which of those that were told it has: a bit each, the
    /// name's behind those of the identifiers.
    ///
    /// # Errors
    ///
    /// Of two either may be one.
    pub fn of_object(keys: &[String], told: &Told) -> (Result<Columns, ColumnError>, u64) {
        let headings = Headings::of(keys);
        let mut seen = 0;
        let mut told_at = |told: &String, bit: usize| {
            let at = headings.told(told);
            seen |= u64::from(at != Ok(None)) << bit.min(63);
            at
        };
        let mut find = || {
            let identifiers = match &told.identifiers[..] {
                [] => headings.identifiers()?,
                all => {
                    let told = all.iter().enumerate().map(|(bit, told)| told_at(told, bit));
                    told.filter_map(Result::transpose).collect::<Result<_, _>>()?
                }
            };
            let name = match &told.name {
                _ if told.no_names => None,
                Some(name) => told_at(name, told.identifiers.len())?,
                None => headings.name()?,
            };
            Ok(Columns { identifiers, name, count: keys.len() })
        };
        let found = find();
        // What is there more than once is not missing.
        let seen = if found.is_err() { u64::MAX } else { seen };
        (found, seen)
    }
}

/// Headings, and each as it is compared.
struct Headings<'a> {
    all: &'a [String],
    keys: Vec<String>,
}

impl Headings<'_> {
    fn of(all: &[String]) -> Headings<'_> {
        Headings { all, keys: all.iter().map(|heading| folded(heading)).collect() }
    }

    /// The one that was told: as it stands there, else as it is compared.
    fn told(&self, told: &str) -> Result<Option<usize>, ColumnError> {
        let is_same = |heading: &String| heading.trim() == told.trim();
        match self.all.iter().position(is_same) {
            Some(at) if self.all[at + 1..].iter().any(is_same) => {
                Err(ColumnError::Twice(self.all[at].clone()))
            }
            Some(at) => Ok(Some(at)),
            None => self.only(&folded(told)),
        }
    }

    /// The one of this key.
    fn only(&self, key: &str) -> Result<Option<usize>, ColumnError> {
        let mut found = (0..self.keys.len()).filter(|&at| self.keys[at] == key);
        match (found.next(), found.next()) {
            (Some(one), Some(other)) if self.all[one].trim() == self.all[other].trim() => {
                Err(ColumnError::Twice(self.all[one].clone()))
            }
            (Some(one), Some(other)) => {
                Err(ColumnError::Alike(self.all[one].clone(), self.all[other].clone()))
            }
            (found, _) => Ok(found),
        }
    }

    fn identifiers(&self) -> Result<Vec<usize>, ColumnError> {
        let among = |is: &dyn Fn(&str) -> bool| {
            let known = (0..self.keys.len()).filter(|&at| is(&self.keys[at]));
            known.map(|at| self.only(&self.keys[at]).map(|_| at)).collect::<Result<Vec<_>, _>>()
        };
        let known = among(&|key| IDENTIFIERS.contains(&key))?;
        if known.is_empty() { among(&|key| key == DOUBTFUL) } else { Ok(known) }
    }

    fn name(&self) -> Result<Option<usize>, ColumnError> {
        let known = NAMES.iter().find(|&&name| self.keys.iter().any(|key| key == name));
        known.map_or(Ok(None), |name| self.only(name))
    }
}

impl Told {
    /// The first of the columns that were told which no object had, given [what was
    /// seen](Columns::of_object).
    pub fn unseen(&self, seen: u64) -> Option<&String> {
        let name = self.name.as_ref().filter(|_| !self.no_names);
        let mut all = self.identifiers.iter().chain(name).enumerate();
        all.find(|(bit, _)| seen & 1 << (*bit).min(63) == 0).map(|(_, told)| told)
    }
}

/// A heading as it is compared: without a remark in brackets at its end, which sheets are fond of.
fn folded(heading: &str) -> String {
    let mut key = String::new();
    text::fold(heading, &mut key);
    let bare = key.strip_suffix(')').and_then(|key| key.rsplit_once('('));
    match bare {
        Some((bare, _)) if !bare.is_empty() => bare.to_owned(),
        _ => key,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(headings: &[&str], told: &Told) -> Result<Columns, ColumnError> {
        let headings: Vec<String> = headings.iter().map(|&heading| heading.to_owned()).collect();
        Columns::find(&headings, told)
    }

    #[test]
    fn columns_are_known_by_their_headings() {
        let told = Told::default();
        for (headings, identifiers, name) in [
            (&["序号", "企业名称", "统一社会信用代码（18位）"][..], &[2][..], Some(1)),
            (&["Name", " uscc "], &[1], Some(0)),
            (&["姓名", "身份证号码", "组织机构代码"], &[1, 2], Some(0)),
            (&["credit code", "x"], &[0], None),
            (&["证件号码"], &[0], None),
            (&["投标人"], &[], Some(0)),
        ] {
            let found =
                find(headings, &told).unwrap_or_else(|error| panic!("{headings:?}: {error}"));
            assert_eq!((&*found.identifiers, found.name), (identifiers, name));
            assert_eq!(found.count, headings.len());
        }
    }

    #[test]
    fn what_is_told_counts() {
        let told = Told { identifiers: vec!["代码".to_owned()], ..Told::default() };
        assert_eq!(find(&["代码", "名称"], &told).unwrap().identifiers, [0]);
        let told = Told { no_names: true, ..told };
        assert_eq!(find(&["代码", "名称"], &told).unwrap().name, None);
        assert!(matches!(find(&["名称"], &told), Err(ColumnError::Missing { .. })));
        let told = Told { name: Some("甲方".to_owned()), ..Told::default() };
        assert_eq!(find(&["甲方"], &told).unwrap().name, Some(0));
    }

    #[test]
    fn what_is_told_with_its_brackets_is_that_column() {
        let headings = ["名称（中文）", "名称（英文）", "代码(旧)", "代码(新) "];
        let told = Told {
            name: Some(" 名称（英文）".to_owned()),
            identifiers: vec!["代码(新)".to_owned()],
            ..Told::default()
        };
        let found = find(&headings, &told).unwrap();
        assert_eq!((&*found.identifiers, found.name), (&[3][..], Some(1)));
        let folded = Told { name: Some("名称".to_owned()), ..told.clone() };
        for told in [Told { name: None, ..told }, folded] {
            let error = find(&headings, &told).unwrap_err();
            assert_eq!(
                error,
                ColumnError::Alike("名称（中文）".to_owned(), "名称（英文）".to_owned())
            );
            assert!(error.to_string().contains("--name-column"), "{error}");
        }
    }

    #[test]
    fn headings_that_cannot_be_used_are_named() {
        let told = Told::default();
        let error = |headings: &[&str]| find(headings, &told).unwrap_err();
        assert_eq!(error(&[]), ColumnError::Empty);
        assert_eq!(error(&["", " "]), ColumnError::Empty);
        assert!(matches!(error(&["a", "b"]), ColumnError::NoneUsable { .. }));
        assert_eq!(error(&["名称", "名称"]), ColumnError::Twice("名称".to_owned()));
        assert!(matches!(error(&["名称", "xincha_verdict"]), ColumnError::Screened(_)));
        find(&["名称", "备注", "备注"], &told).unwrap();
    }
}
