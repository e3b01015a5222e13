//! The body of a check: bytes → a request → questions.
//!
//! Strings are borrowed from the body unless they hold escapes, and lists stay inline, so that a
//! usual request allocates nothing.

use super::problem::{Code, Problem, escape_part};
use crate::catalogue::{Catalogue, Matter, MatterNo};
use crate::index::Listed;
use crate::record::{IdentifierError, IdentifierKind, Instant, SubjectKind, limits};
use crate::screen::{Question, SubjectDecision, Unaskable, alone};
use serde::Deserialize;
use serde::de::{
    Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor, value::MapAccessDeserializer,
};
use smallvec::{Array, SmallVec};
use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;
use xxhash_rust::xxh3::xxh3_64;

/// The earliest instant that can be asked about: 1990-01-01 in Asia/Shanghai. No list is older.
const AT_MIN: Instant = Instant(631_123_200);
/// How far ahead of the clock an instant may be: a day, for clocks that differ and for tomorrow's
/// handling.
const AHEAD_SECONDS_MAX: i64 = 86_400;

/// A string of the body.
#[derive(Deserialize)]
#[serde(transparent)]
pub(super) struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

impl Text<'_> {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A text that may be absent; then it is empty.
pub(super) fn text<'a>(text: &'a Option<Text>) -> &'a str {
    text.as_ref().map_or("", Text::as_str)
}

/// `POST /v1/check`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CheckRequest<'a> {
    #[serde(borrow)]
    pub matter: Text<'a>,
    #[serde(borrow, default)]
    pub case: Option<Text<'a>>,
    #[serde(borrow, default)]
    pub department: Option<Text<'a>>,
    #[serde(borrow, default)]
    pub operator: Option<Text<'a>>,
    #[serde(borrow, default)]
    pub at: Option<Text<'a>>,
    #[serde(default)]
    pub min_change: Option<u64>,
    #[serde(borrow, default)]
    subjects: Option<Bounded<[Object<SubjectRequest<'a>>; 4], { limits::SUBJECTS_MAX }>>,
    /// Subjects that are asked about by a number alone.
    #[serde(borrow, default)]
    identifiers: Option<Bounded<[Text<'a>; 1], { limits::SUBJECTS_MAX }>>,
}

/// One subject of it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SubjectRequest<'a> {
    #[serde(borrow, rename = "ref")]
    pub reference: Text<'a>,
    #[serde(borrow, default)]
    pub role: Option<Text<'a>>,
    #[serde(borrow, default)]
    pub kind: Option<Text<'a>>,
    #[serde(borrow, default)]
    pub name: Option<Text<'a>>,
    #[serde(borrow, default)]
    pub id: Option<Text<'a>>,
    #[serde(borrow, default)]
    pub ids: Option<Bounded<[Object<IdentifierRequest<'a>>; 2], { limits::IDENTIFIERS_MAX }>>,
}

/// An identifier of a stated kind.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct IdentifierRequest<'a> {
    #[serde(borrow)]
    pub kind: Text<'a>,
    #[serde(borrow)]
    pub value: Text<'a>,
}

/// A struct that only a JSON object makes. A derived one takes an array of its fields as well.
pub(super) struct Object<T>(pub T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Object<T>, D::Error> {
        struct Members<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Members<T> {
            type Value = Object<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<Object<T>, A::Error> {
                T::deserialize(MapAccessDeserializer::new(members)).map(Object)
            }
        }
        deserializer.deserialize_map(Members(PhantomData))
    }
}

/// A list of which at most `MAX` values are kept. The rest is read over, so that a body full of
/// values costs no memory.
pub(super) struct Bounded<A: Array, const MAX: usize> {
    pub items: SmallVec<A>,
    /// There were more than `MAX`.
    pub beyond: bool,
}

impl<'de, A: Array, const MAX: usize> Deserialize<'de> for Bounded<A, MAX>
where
    A::Item: Deserialize<'de>,
{
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Items<A, const MAX: usize>(PhantomData<A>);
        impl<'de, A: Array, const MAX: usize> Visitor<'de> for Items<A, MAX>
        where
            A::Item: Deserialize<'de>,
        {
            type Value = Bounded<A, MAX>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an array")
            }

            fn visit_seq<S: SeqAccess<'de>>(self, mut values: S) -> Result<Self::Value, S::Error> {
                let mut items = SmallVec::new();
                while items.len() < MAX {
                    match values.next_element()? {
                        Some(item) => items.push(item),
                        None => return Ok(Bounded { items, beyond: false }),
                    }
                }
                let beyond = values.next_element::<IgnoredAny>()?.is_some();
                while values.next_element::<IgnoredAny>()?.is_some() {}
                Ok(Bounded { items, beyond })
            }
        }
        deserializer.deserialize_seq(Items(PhantomData))
    }
}

/// The request in a body.
pub(super) fn parse<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, Problem> {
    match serde_json::from_slice::<Object<T>>(body) {
        Ok(Object(request)) => Ok(request),
        Err(_) => Err(diagnose::<T>(body)),
    }
}

/// The change that a check asks to be seen, 0 where it asks for none.
pub(super) fn min_change(body: &[u8]) -> u64 {
    #[derive(Deserialize)]
    struct Only {
        min_change: Option<u64>,
    }
    serde_json::from_slice::<Only>(body).ok().and_then(|only| only.min_change).unwrap_or(0)
}

/// What is wrong with a body that could not be read, and where: reads it once more, noting the way.
#[cold]
fn diagnose<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Problem {
    let mut reader = serde_json::Deserializer::from_slice(body);
    let Err(error) = serde_path_to_error::deserialize::<_, Object<T>>(&mut reader) else {
        // The document is whole and something follows it.
        return Code::InvalidJson.whole();
    };
    if !error.inner().is_data() {
        return Code::InvalidJson.whole();
    }
    let mut pointer = String::new();
    for segment in error.path() {
        match segment {
            serde_path_to_error::Segment::Seq { index } => pointer.push_str(&format!("/{index}")),
            serde_path_to_error::Segment::Map { key } => {
                pointer.push_str(&format!("/{}", escape_part(key)))
            }
            _ => {}
        }
    }
    // serde's messages are the only place where it says which of these it was. They repeat values
    // of the request, so none of them is told on.
    let message = error.inner().to_string();
    // The way ends at the object, where the field is one of ours.
    let field = message.split('`').nth(1).unwrap_or_default();
    if message.starts_with("missing field") {
        return Code::MissingField.at(format!("{pointer}/{field}"));
    }
    if message.starts_with("duplicate field") {
        return Code::DuplicateField.at(format!("{pointer}/{field}"));
    }
    if message.starts_with("unknown field") {
        return Code::UnknownField.at(pointer);
    }
    Code::WrongType.at(pointer)
}

/// What a request asks: of which matter, for which instant.
pub(super) struct Asked {
    pub matter: MatterNo,
    /// `None`: now.
    pub at: Option<Instant>,
    /// By numbers alone: no question was made of any yet.
    pub by_identifiers: bool,
}

impl<'a> CheckRequest<'a> {
    /// Whether the last change that is seen is the one asked for, or a later one.
    pub fn reached(&self, change: u64) -> Result<(), Problem> {
        match self.min_change {
            Some(asked) if asked > change => Err(Code::ChangeNotReached.at("/min_change")),
            _ => Ok(()),
        }
    }

    /// Check everything that the catalogue and the bounds say of a request, and make its questions.
    /// `order` is scratch.
    pub fn ask<'q>(
        &'q self,
        catalogue: &Catalogue,
        now: Instant,
        questions: &mut Vec<Question<'q>>,
        order: &mut Vec<u32>,
    ) -> Result<Asked, Problem> {
        let (pointer, count, beyond) = match (&self.subjects, &self.identifiers) {
            (Some(subjects), None) => ("/subjects", subjects.items.len(), subjects.beyond),
            (None, Some(all)) => ("/identifiers", all.items.len(), all.beyond),
            (None, None) => return Err(Code::MissingField.at("/subjects")),
            (Some(_), Some(_)) => {
                let told =
                    ["subjects or identifiers, not both", "subjects 与 identifiers 只能择一"];
                let [en, zh] = told.map(str::to_owned);
                return Err(Code::InvalidOption.at("/identifiers").because(en, zh));
            }
        };
        if self.matter.as_str().chars().nth(limits::MATTER_CHARS_MAX).is_some() {
            return Err(Code::ValueTooLong.at("/matter").beyond(limits::MATTER_CHARS_MAX));
        }
        let number = catalogue
            .matter_no(self.matter.as_str())
            .ok_or_else(|| Code::UnknownMatter.at("/matter"))?;
        let context = [
            ("/case", &self.case),
            ("/department", &self.department),
            ("/operator", &self.operator),
        ];
        for (pointer, text) in context {
            if text.as_ref().is_some_and(|text| text.as_str().len() > limits::CONTEXT_BYTES_MAX) {
                return Err(Code::ValueTooLong.at(pointer).beyond(limits::CONTEXT_BYTES_MAX));
            }
        }
        let at = self.at.as_ref().map(|at| instant(at.as_str(), now)).transpose()?;
        if count == 0 {
            return Err(Code::EmptySubjects.at(pointer));
        }
        if beyond {
            return Err(Code::TooManySubjects.at(pointer).beyond(limits::SUBJECTS_MAX));
        }
        if self.identifiers.is_some() {
            return Ok(Asked { matter: number, at, by_identifiers: true });
        }
        let subjects = self.subjects();
        let matter = catalogue.matter(number);
        for (place, Object(subject)) in subjects.iter().enumerate() {
            let question = subject.ask(matter).map_err(|fault| fault.of_subject(place))?;
            questions.push(question);
        }
        match self.repeated_reference(order) {
            Some(place) => Err(Code::DuplicateRef.at(format!("/subjects/{place}/ref"))),
            None => Ok(Asked { matter: number, at, by_identifiers: false }),
        }
    }

    /// Who is asked about, unless it is by numbers alone.
    pub fn subjects(&self) -> &[Object<SubjectRequest<'a>>] {
        self.subjects.as_ref().map_or(&[], |subjects| &subjects.items)
    }

    /// The numbers by which subjects are asked about, and by nothing else.
    pub fn identifiers(&self) -> impl Iterator<Item = &str> {
        self.identifiers.iter().flat_map(|all| &all.items).map(Text::as_str)
    }

    /// The same, each with what was decided of it where a question was made. `places` are those of the questions
    /// among the numbers, in order.
    pub fn each_identifier<'d>(
        &self,
        places: &[u32],
        decided: &'d [SubjectDecision],
    ) -> impl Iterator<Item = (&str, Option<&'d SubjectDecision>)> {
        let mut decided = places.iter().zip(decided).peekable();
        self.identifiers().enumerate().map(move |(place, text)| {
            let its = decided.next_if(|(at, _)| **at as usize == place);
            (text, its.map(|(_, decided)| decided))
        })
    }

    /// It is by numbers alone.
    pub fn has_identifiers(&self) -> bool {
        self.identifiers.is_some()
    }

    /// How many are asked about.
    pub fn count(&self) -> u64 {
        (self.subjects().len() + self.identifiers().count()) as u64
    }

    /// Make questions of the identifiers of whom somebody may be found, or all of them, and note their places.
    pub fn ask_identifiers<'q>(
        &'q self,
        listed: Listed,
        all: bool,
        questions: &mut Vec<Question<'q>>,
        places: &mut Vec<u32>,
    ) -> Result<(), Problem> {
        places.clear();
        let texts = self.identifiers.as_ref().map_or(&[][..], |identifiers| &identifiers.items);
        let mut window = alone::Window::default();
        for (first, texts) in (0..).step_by(alone::WINDOW).zip(texts.chunks(alone::WINDOW)) {
            if !all {
                window.look(listed, texts.len(), |at| texts[at].as_str());
            }
            // Of whom was not looked for, nobody is clear.
            for (at, text) in texts.iter().enumerate().filter(|&(at, _)| !window.is_clear(at)) {
                let (place, text) = (first + at, text.as_str());
                let question = by_identifier(text).map_err(|fault| fault.of_identifier(place))?;
                questions.push(question);
                places.push(place as u32);
            }
        }
        Ok(())
    }

    /// The first subject whose `ref` an earlier one has.
    fn repeated_reference(&self, order: &mut Vec<u32>) -> Option<usize> {
        /// Up to here comparing each with each is the quickest.
        const FEW: usize = 16;
        let subjects = self.subjects();
        let reference = |place: usize| subjects[place].0.reference.as_str();
        let count = subjects.len();
        if count <= FEW {
            return (1..count)
                .find(|&later| (0..later).any(|earlier| reference(earlier) == reference(later)));
        }
        // A table of places by their hashes, half of it empty at least.
        const FREE: u32 = u32::MAX;
        let slots = (2 * count).next_power_of_two();
        order.clear();
        order.resize(slots, FREE);
        (0..count).find(|&place| {
            let mut slot = xxh3_64(reference(place).as_bytes()) as usize % slots;
            loop {
                match order[slot] {
                    FREE => {
                        order[slot] = place as u32;
                        return false;
                    }
                    earlier if reference(earlier as usize) == reference(place) => return true,
                    _ => slot = (slot + 1) % slots,
                }
            }
        })
    }
}

/// An instant that can be asked about.
pub(super) fn instant(text: &str, now: Instant) -> Result<Instant, Problem> {
    let invalid = || Code::InvalidTime.at("/at");
    let at: Instant = text.parse().map_err(|_| invalid())?;
    let askable = AT_MIN <= at && at.0 <= now.0.saturating_add(AHEAD_SECONDS_MAX);
    askable.then_some(at).ok_or_else(invalid)
}

/// What is wrong with a subject, and with which field of it.
pub(super) struct Fault {
    pub code: Code,
    field: &'static str,
    /// Position in `ids`, and the field there.
    within: Option<(usize, &'static str)>,
    pub max: Option<usize>,
}

impl Fault {
    fn new(code: Code, field: &'static str) -> Fault {
        Fault { code, field, within: None, max: None }
    }

    #[cold]
    fn of_subject(self, place: usize) -> Problem {
        let mut pointer = format!("/subjects/{place}");
        for part in [self.field].into_iter().filter(|field| !field.is_empty()) {
            pointer.push('/');
            pointer.push_str(part);
        }
        if let Some((at, field)) = self.within {
            pointer.push_str(&format!("/{at}/{field}"));
        }
        Problem { max: self.max, ..self.code.at(pointer) }
    }

    #[cold]
    fn of_identifier(self, place: usize) -> Problem {
        Problem { max: self.max, ..self.code.at(format!("/identifiers/{place}")) }
    }
}

/// Whoever has this number, and no more is known of.
fn by_identifier<'q>(text: &str) -> Result<Question<'q>, Fault> {
    let mut question = Question::default();
    identify(None, text, &mut question)?;
    match question.ids.is_empty() {
        true => Err(Fault::new(Code::MaskedNeedsName, "")),
        false => Ok(question),
    }
}

/// A text within its bound.
fn short<'t>(text: &'t Text<'_>, field: &'static str, max: usize) -> Result<&'t str, Fault> {
    let text = text.as_str();
    if text.len() > max {
        return Err(Fault { max: Some(max), ..Fault::new(Code::ValueTooLong, field) });
    }
    Ok(text)
}

impl<'a> SubjectRequest<'a> {
    fn ask<'q>(&'q self, matter: &Matter) -> Result<Question<'q>, Fault> {
        if short(&self.reference, "ref", limits::CONTEXT_BYTES_MAX)?.is_empty() {
            return Err(Fault::new(Code::EmptyValue, "ref"));
        }
        if let Some(role) = &self.role {
            let role = short(role, "role", limits::CONTEXT_BYTES_MAX)?;
            if !matter.roles.is_empty() && !matter.roles.iter().any(|known| known == role) {
                return Err(Fault::new(Code::UnknownRole, "role"));
            }
        }
        let mut question = Question::default();
        if let Some(kind) = &self.kind {
            let kind = SubjectKind::from_code(kind.as_str());
            question.kind = Some(kind.ok_or(Fault::new(Code::UnknownSubjectKind, "kind"))?);
        }
        if let Some(name) = &self.name {
            let name = short(name, "name", limits::NAME_BYTES_MAX)?;
            question.name = (!name.trim().is_empty()).then_some(name);
        }
        self.identify(&mut question)?;
        if question.name.is_none() && question.masked.is_some() {
            return Err(Fault::new(Code::MaskedNeedsName, "name"));
        }
        if question.name.is_none() && question.ids.is_empty() {
            return Err(Fault::new(Code::SubjectUnidentified, ""));
        }
        Ok(question)
    }

    fn identify(&self, question: &mut Question<'_>) -> Result<(), Fault> {
        if let Some(id) = &self.id {
            identify(None, id.as_str(), question)
                .map_err(|fault| Fault { field: "id", ..fault })?;
        }
        let Some(ids) = &self.ids else { return Ok(()) };
        if ids.beyond || ids.items.len() + usize::from(self.id.is_some()) > limits::IDENTIFIERS_MAX
        {
            let max = Some(limits::IDENTIFIERS_MAX);
            return Err(Fault { max, ..Fault::new(Code::TooManyIdentifiers, "ids") });
        }
        for (at, Object(id)) in ids.items.iter().enumerate() {
            let Some(kind) = IdentifierKind::from_code(id.kind.as_str()) else {
                let within = Some((at, "kind"));
                return Err(Fault { within, ..Fault::new(Code::UnknownIdentifierKind, "ids") });
            };
            identify(Some(kind), id.value.as_str(), question)
                .map_err(|fault| Fault { within: Some((at, "value")), ..fault })?;
        }
        Ok(())
    }
}

/// Add an identifier to a question, whole or with hidden digits.
pub(super) fn identify(
    kind: Option<IdentifierKind>,
    value: &str,
    question: &mut Question<'_>,
) -> Result<(), Fault> {
    question.give(kind, value).map_err(|unaskable| match unaskable {
        Unaskable::TooManyMasked => Fault {
            max: Some(limits::IDENTIFIERS_MAX),
            ..Fault::new(Code::TooManyIdentifiers, "ids")
        },
        Unaskable::Invalid(IdentifierError::TooLong { max, .. }) => {
            Fault { max: Some(max), ..Fault::new(Code::ValueTooLong, "ids") }
        }
        Unaskable::Invalid(_) => Fault::new(Code::InvalidIdentifier, "ids"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_that_cannot_be_read_names_its_fault() {
        let rows: &[(&str, Code, Option<&str>)] = &[
            ("", Code::InvalidJson, None),
            ("{", Code::InvalidJson, None),
            (r#"{"matter":"m","subjects":[]} x"#, Code::InvalidJson, None),
            (
                r#"{"matter":"m","subjects":[{"name":"n"}]}"#,
                Code::MissingField,
                Some("/subjects/0/ref"),
            ),
            (r#"{"matter":"m","subject":[]}"#, Code::UnknownField, Some("/subject")),
            (
                r#"{"matter":"m","subjects":[{"ref":"a"},{"ref":"b","i/d":"x"}]}"#,
                Code::UnknownField,
                Some("/subjects/1/i~1d"),
            ),
            (r#"{"matter":"m","matter":"m","subjects":[]}"#, Code::DuplicateField, Some("/matter")),
            (r#"{"matter":1,"subjects":[]}"#, Code::WrongType, Some("/matter")),
            (r#"{"matter":"m","subjects":{}}"#, Code::WrongType, Some("/subjects")),
            (r#"{"matter":"m","subjects":[["a",null]]}"#, Code::WrongType, Some("/subjects/0")),
            (
                r#"{"matter":"m","subjects":[{"ref":"a","name":["n"]}]}"#,
                Code::WrongType,
                Some("/subjects/0/name"),
            ),
            (r#"["m"]"#, Code::WrongType, Some("")),
            ("null", Code::WrongType, Some("")),
        ];
        for (body, code, pointer) in rows {
            let problem =
                parse::<CheckRequest>(body.as_bytes()).err().unwrap_or_else(|| panic!("{body}"));
            assert_eq!((problem.code, problem.pointer.as_deref()), (*code, *pointer), "{body}");
        }
        assert_eq!(
            parse::<CheckRequest>(b"{\"matter\":\"\xff\"}").err().map(|problem| problem.code),
            Some(Code::InvalidJson)
        );
    }

    #[test]
    fn strings_are_borrowed_unless_they_hold_escapes() {
        let body = r#"{"matter":"m","case":"\u4e00","subjects":[{"ref":"a","name":"张三"}]}"#;
        let request: CheckRequest = parse(body.as_bytes()).unwrap();
        assert!(matches!(request.matter.0, Cow::Borrowed(_)));
        assert!(matches!(request.subjects()[0].0.name, Some(Text(Cow::Borrowed(_)))));
        assert_eq!(request.case.unwrap().as_str(), "一");
    }

    #[test]
    fn subjects_beyond_the_bound_are_read_over() {
        let subject = r#"{"ref":"a"}"#;
        let many = vec![subject; limits::SUBJECTS_MAX + 1].join(",");
        let body = format!(r#"{{"matter":"m","subjects":[{many}]}}"#);
        let request: CheckRequest = parse(body.as_bytes()).unwrap();
        assert!(request.subjects.as_ref().unwrap().beyond);
        assert_eq!(request.subjects().len(), limits::SUBJECTS_MAX);
    }
}
