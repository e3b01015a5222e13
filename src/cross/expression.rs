//! What is asked of the lists.
//!
//! ```text
//! expression = joint ("|" joint)*                 in any of them
//! joint      = part (("&" | "-") part)*           in both; in the first and not in the second
//! part       = atom | "(" expression ")"
//! atom       = (word | filter) ["[" filter+ "]"]   subjects with one entry in force of which all this is true
//! word       = all black ban focus red record
//! filter     = key ":" value                      list kind region authority decided published from to
//! value      = text in quotes, or without blanks and signs; a hyphen is a part of it
//! ```
//!
//! `black & region:3205` are subjects with a black entry and an entry of that region, whichever;
//! `black[region:3205]` with a black entry of that region.

use super::crossing::authority;
use crate::catalogue::{Catalogue, List, ListNo};
use crate::index::EntryView;
use crate::record::{Day, ListKind};
use std::ops::Range;
use winnow::ascii::multispace0;
use winnow::combinator::{alt, cut_err, delimited, opt, preceded, repeat, separated_pair};
use winnow::stream::LocatingSlice;
use winnow::token::{one_of, take_till, take_while};
use winnow::{ModalResult, Parser};

/// Bytes of an expression.
pub const BYTES_MAX: usize = 2_000;
/// Parts that ask for more than lists and kinds: each is a pass over all entries.
const PASSES_MAX: usize = 8;
/// Brackets in brackets.
const DEPTH_MAX: usize = 16;

/// See the [module](self).
#[derive(Clone, PartialEq, Debug)]
pub enum Expression {
    /// Subjects with one entry in force of which all this is true.
    Entry(Vec<Filter>),
    /// In both.
    Both(Box<Expression>, Box<Expression>),
    /// In any of the two.
    Any(Box<Expression>, Box<Expression>),
    /// In the first and not in the second.
    Without(Box<Expression>, Box<Expression>),
}

/// What may be true of an entry.
#[derive(Clone, PartialEq, Debug)]
pub enum Filter {
    /// On any list.
    All,
    /// On this list.
    List(ListNo),
    /// On a list of this kind.
    Kind(ListKind),
    /// Of a region whose code lies between these, six digits each.
    Region(u32, u32),
    /// Of an authority whose name has this in it.
    Authority(String),
    /// Decided in this time.
    Decided(Days),
    /// Published in this time.
    Published(Days),
    /// Counts from a day in this time. One that always counted does where the time has no beginning.
    From(Days),
    /// Counts until a day in this time. One without an end does where the time has none.
    To(Days),
}

/// From one day to another, both inclusive; open where there is none.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Days {
    /// The first.
    pub first: Option<Day>,
    /// The last.
    pub last: Option<Day>,
}

/// What is wrong with an expression, and where.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("第 {column} 字：{fault} / at character {column}: {fault_en}")]
pub struct ExpressionError {
    /// 1 is the first character.
    pub column: usize,
    fault: String,
    fault_en: String,
}

impl ExpressionError {
    /// Where and why, in Chinese and in English.
    pub fn told(&self) -> [String; 2] {
        let ExpressionError { column, fault, fault_en } = self;
        [format!("第 {column} 字：{fault}"), format!("At character {column}: {fault_en}")]
    }
}

impl Days {
    fn contain(self, day: Option<Day>) -> bool {
        day.is_some_and(|day| {
            self.first.is_none_or(|first| first <= day) && self.last.is_none_or(|last| day <= last)
        })
    }
}

impl Expression {
    /// Read an expression over the lists of a catalogue.
    pub fn parse(text: &str, catalogue: &Catalogue) -> Result<Expression, ExpressionError> {
        let error = |at: usize, (fault, fault_en): Fault| ExpressionError {
            column: text.get(..at).map_or(0, |before| before.chars().count()) + 1,
            fault,
            fault_en,
        };
        if text.len() > BYTES_MAX {
            return Err(error(0, both("表达式过长", "the expression is too long")));
        }
        if depth(text) > DEPTH_MAX {
            return Err(error(0, both("括号层数过多", "too many brackets in brackets")));
        }
        let read = (any, multispace0).map(|(read, _)| read).parse(LocatingSlice::new(text));
        let read =
            read.map_err(|fault| error(fault.offset(), expected(&text[fault.offset()..])))?;
        let read = Expression::of(read, catalogue).map_err(|(at, fault)| error(at, fault))?;
        if read.passes() > PASSES_MAX {
            let fault = both(
                &format!("名单与类别以外的条件至多 {PASSES_MAX} 处"),
                &format!("at most {PASSES_MAX} parts may ask for more than lists and kinds"),
            );
            return Err(error(0, fault));
        }
        Ok(read)
    }

    fn of(read: Read, catalogue: &Catalogue) -> Result<Expression, (usize, Fault)> {
        let boxed = |read: Box<Read>| Expression::of(*read, catalogue).map(Box::new);
        Ok(match read {
            Read::Entry(filters) => {
                let filter = |(span, key, value): (Range<usize>, Option<&str>, &str)| {
                    Filter::of(key, value, catalogue).map_err(|fault| (span.start, fault))
                };
                Expression::Entry(filters.into_iter().map(filter).collect::<Result<_, _>>()?)
            }
            Read::Pair(a, '&', b) => Expression::Both(boxed(a)?, boxed(b)?),
            Read::Pair(a, '-', b) => Expression::Without(boxed(a)?, boxed(b)?),
            Read::Pair(a, _, b) => Expression::Any(boxed(a)?, boxed(b)?),
        })
    }

    /// Parts that no set answers.
    fn passes(&self) -> usize {
        match self {
            Expression::Entry(filters) => usize::from(!matches!(
                filters[..],
                [Filter::All] | [Filter::List(_)] | [Filter::Kind(_)]
            )),
            Expression::Both(a, b) | Expression::Any(a, b) | Expression::Without(a, b) => {
                a.passes() + b.passes()
            }
        }
    }

    /// Whether what it asks depends on a list, on either side of any sign.
    pub fn speaks_of(&self, list: ListNo, kind: ListKind) -> bool {
        match self {
            Expression::Entry(filters) => filters.iter().all(|filter| match filter {
                Filter::List(wanted) => *wanted == list,
                Filter::Kind(wanted) => *wanted == kind,
                _ => true,
            }),
            Expression::Both(a, b) | Expression::Any(a, b) | Expression::Without(a, b) => {
                a.speaks_of(list, kind) || b.speaks_of(list, kind)
            }
        }
    }

    /// Its two sides, where it asks for subjects that are in both: what stands before the first `&`, and
    /// all behind it.
    pub fn sides(&self) -> (Vec<&Expression>, Vec<&Expression>) {
        match self {
            Expression::Both(a, b) => {
                let (first, mut rest) = a.sides();
                rest.push(b);
                (first, rest)
            }
            Expression::Without(a, _) => a.sides(),
            other => (vec![other], Vec::new()),
        }
    }

    /// One of the entries that it asks for, wherever it asks for it, may be this one.
    pub fn asks_for(&self, entry: &EntryView, no: ListNo, list: &List) -> bool {
        match self {
            Expression::Entry(filters) => {
                filters.iter().all(|filter| filter.is_true_of(entry, no, list))
            }
            Expression::Both(a, b) | Expression::Any(a, b) => {
                a.asks_for(entry, no, list) || b.asks_for(entry, no, list)
            }
            Expression::Without(a, _) => a.asks_for(entry, no, list),
        }
    }
}

impl Filter {
    fn is_true_of(&self, entry: &EntryView, no: ListNo, list: &List) -> bool {
        match self {
            Filter::All => true,
            Filter::List(wanted) => *wanted == no,
            Filter::Kind(wanted) => *wanted == list.kind,
            Filter::Region(first, last) => (*first..=*last).contains(&entry.region()),
            Filter::Authority(part) => authority(entry, list).contains(&**part),
            Filter::Decided(days) => days.contain(entry.decided()),
            Filter::Published(days) => days.contain(entry.published()),
            Filter::From(days) => match entry.term().from {
                None => days.first.is_none(),
                from => days.contain(from),
            },
            Filter::To(days) => match entry.term().to {
                None => days.last.is_none(),
                to => days.contain(to),
            },
        }
    }

    fn of(key: Option<&str>, value: &str, catalogue: &Catalogue) -> Result<Filter, Fault> {
        let Some(key) = key else {
            return match value {
                "all" => Ok(Filter::All),
                word => kind_of(word).map(Filter::Kind).ok_or_else(|| {
                    both(
                        &format!("未知词 {word}，可用：all black ban focus red record，名单写作 list:编码"),
                        &format!(
                            "{word} is no word, these are: all black ban focus red record; a list is list:CODE"
                        ),
                    )
                }),
            };
        };
        Ok(match key {
            "list" => Filter::List(catalogue.list_no(value).ok_or_else(|| {
                both(&format!("无此名单 {value}"), &format!("no list has the code {value}"))
            })?),
            "kind" => Filter::Kind(kind_of(value).ok_or_else(|| {
                both(
                    "名单类别应为 black ban focus red record",
                    "a kind is black, ban, focus, red or record",
                )
            })?),
            "region" => {
                let is_code =
                    (1..=6).contains(&value.len()) && value.bytes().all(|b| b.is_ascii_digit());
                let missing = 6_u32.saturating_sub(value.len() as u32);
                let digits = value.parse::<u32>().ok().filter(|_| is_code).ok_or_else(|| {
                    both("行政区划为 1 至 6 位数字", "a region is one to six digits of its code")
                })?;
                let unit = 10_u32.pow(missing);
                Filter::Region(digits * unit, digits * unit + (unit - 1))
            }
            "authority" => Filter::Authority(value.to_owned()),
            "decided" => Filter::Decided(days(value)?),
            "published" => Filter::Published(days(value)?),
            "from" => Filter::From(days(value)?),
            "to" => Filter::To(days(value)?),
            _ => {
                let keys = "list kind region authority decided published from to";
                return Err(both(
                    &format!("未知条件 {key}，可用：{keys}"),
                    &format!("{key} is no condition, these are: {keys}"),
                ));
            }
        })
    }
}

/// In Chinese and in English.
type Fault = (String, String);

fn both(fault: &str, fault_en: &str) -> Fault {
    (fault.to_owned(), fault_en.to_owned())
}

/// What is wrong where an expression cannot be read on.
fn expected(rest: &str) -> Fault {
    let example = "red & black, list:sxbzxr - ban, black[region:3205 decided:2026]";
    match rest.chars().find(|c| !c.is_whitespace()) {
        None => both(
            &format!("表达式不完整，例：{example}"),
            &format!("the expression ends too early; examples: {example}"),
        ),
        Some(c) => both(
            &format!("此处不能是 {c}，例：{example}"),
            &format!("{c} cannot stand here; examples: {example}"),
        ),
    }
}

/// Brackets open at once, at most.
fn depth(text: &str) -> usize {
    let mut open = 0usize;
    let depths = text.bytes().map(|byte| {
        match byte {
            b'(' => open += 1,
            b')' => open = open.saturating_sub(1),
            _ => {}
        }
        open
    });
    depths.max().unwrap_or(0)
}

fn kind_of(word: &str) -> Option<ListKind> {
    ListKind::ALL.into_iter().find(|kind| kind.code() == word)
}

/// `2026`, `2026-11`, `2026-11-27`, and two of them with `..` between, one of which may be missing.
fn days(text: &str) -> Result<Days, Fault> {
    let (first, last) = text.split_once("..").unwrap_or((text, text));
    let first = if first.is_empty() { None } else { Some(span(first)?.0) };
    let last = if last.is_empty() { None } else { Some(span(last)?.1) };
    Ok(Days { first, last })
}

/// The first and the last day of a year, a month, a day.
fn span(text: &str) -> Result<(Day, Day), Fault> {
    let mut numbers = text.split('-').map(|digits| digits.parse::<i16>().ok());
    let year = numbers.next().flatten();
    let read = |number: Option<Option<i16>>| match number {
        None => Some(None),
        Some(number) => number.and_then(|number| i8::try_from(number).ok()).map(Some),
    };
    let span = (|| {
        let (year, month, day) = (year?, read(numbers.next())?, read(numbers.next())?);
        let is_whole = numbers.next().is_none();
        let first = Day::from_ymd(year, month.unwrap_or(1), day.unwrap_or(1))?;
        let after = match (month, day) {
            (_, Some(_)) => first.plus(1),
            (Some(12), None) | (None, None) => Day::from_ymd(year + 1, 1, 1)?,
            (Some(month), None) => Day::from_ymd(year, month + 1, 1)?,
        };
        is_whole.then_some((first, after.plus(-1)))
    })();
    span.ok_or_else(|| {
        both(
            &format!("{text} 不是日期，例：2026、2026-11、2026-11-27、2026-01..2026-06、2026.."),
            &format!(
                "{text} is no day; examples: 2026, 2026-11, 2026-11-27, 2026-01..2026-06, 2026.."
            ),
        )
    })
}

/// An expression before it is known what its words mean.
#[derive(Clone)]
enum Read<'t> {
    /// Filters: where, the key, the value.
    Entry(Vec<(Range<usize>, Option<&'t str>, &'t str)>),
    Pair(Box<Read<'t>>, char, Box<Read<'t>>),
}

type Input<'t> = LocatingSlice<&'t str>;

fn any<'t>(input: &mut Input<'t>) -> ModalResult<Read<'t>> {
    let first = joint(input)?;
    pairs(first, '|', joint, input)
}

fn joint<'t>(input: &mut Input<'t>) -> ModalResult<Read<'t>> {
    let first = part(input)?;
    pairs(first, ['&', '-'], part, input)
}

/// The first and what follows it, from the left.
fn pairs<'t>(
    first: Read<'t>,
    signs: impl winnow::stream::ContainsToken<char> + Copy,
    part: fn(&mut Input<'t>) -> ModalResult<Read<'t>>,
    input: &mut Input<'t>,
) -> ModalResult<Read<'t>> {
    let sign = delimited(multispace0, one_of(signs), multispace0);
    repeat(0.., (sign, cut_err(part)))
        .fold(move || first.clone(), |a, (sign, b)| Read::Pair(Box::new(a), sign, Box::new(b)))
        .parse_next(input)
}

fn part<'t>(input: &mut Input<'t>) -> ModalResult<Read<'t>> {
    let inner = delimited('(', cut_err(any), cut_err((multispace0, ')')));
    preceded(multispace0, alt((inner, entry))).parse_next(input)
}

fn entry<'t>(input: &mut Input<'t>) -> ModalResult<Read<'t>> {
    let word = word.with_span().map(|(word, span)| (span, None, word));
    let first = alt((filter, word)).parse_next(input)?;
    let more = repeat(1.., preceded(multispace0, filter));
    let more: Option<Vec<_>> =
        opt(delimited('[', cut_err(more), cut_err((multispace0, ']')))).parse_next(input)?;
    let mut all = vec![first];
    all.extend(more.into_iter().flatten());
    Ok(Read::Entry(all))
}

type FilterRead<'t> = (Range<usize>, Option<&'t str>, &'t str);

fn filter<'t>(input: &mut Input<'t>) -> ModalResult<FilterRead<'t>> {
    let quoted = delimited('"', take_till(0.., '"'), '"');
    let plain = take_till(1.., |c: char| c.is_whitespace() || "()[]&|\"".contains(c));
    // Where a name goes on behind a hyphen nobody knows: it is quoted.
    let plain = plain.verify(|value: &str| value.is_ascii() || !value.contains('-'));
    separated_pair(word, ':', cut_err(alt((quoted, plain))))
        .with_span()
        .map(|((key, value), span)| (span, Some(key), value))
        .parse_next(input)
}

fn word<'t>(input: &mut Input<'t>) -> ModalResult<&'t str> {
    take_while(1.., |c: char| c.is_ascii_alphabetic() || c == '_').parse_next(input)
}
