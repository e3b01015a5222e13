//! Who is asked about.

use crate::index::similar;
use crate::record::{Identifier, IdentifierError, IdentifierKind, MaskedIdentifier, SubjectKind};
use crate::text::Keys;
use smallvec::SmallVec;

/// One subject of a check, identifiers parsed already.
#[derive(Clone, Debug, Default)]
pub struct Question<'a> {
    /// What it is, where the asker knows.
    pub kind: Option<SubjectKind>,
    /// Its name as given.
    pub name: Option<&'a str>,
    /// Its full identifiers, with what can be derived from them.
    pub ids: SmallVec<[Identifier; 2]>,
    /// An identifier of which the asker knows only a part.
    pub masked: Option<MaskedIdentifier>,
}

/// Why a value cannot be asked about.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Unaskable {
    /// A second identifier with hidden digits.
    TooManyMasked,
    /// No identifier.
    Invalid(IdentifierError),
}

impl Question<'_> {
    /// Add an identifier and what is derived from it.
    pub fn identified_by(&mut self, identifier: Identifier) {
        let derived = identifier.derived();
        self.ids.push(identifier);
        self.ids.extend(derived);
    }

    /// Add an identifier as it was given, whole or with hidden digits. Its kind is recognised where none
    /// is stated.
    ///
    /// # Errors
    ///
    /// It is none, or it hides digits and another that does was given already.
    pub fn give(&mut self, kind: Option<IdentifierKind>, value: &str) -> Result<(), Unaskable> {
        let identifier = match kind {
            Some(kind) => Identifier::of(kind, value),
            None => Identifier::recognise(value),
        };
        let masked = match &identifier {
            Ok(identifier) if hides_digits(identifier) => MaskedIdentifier::parse(value),
            Err(IdentifierError::Masked) => MaskedIdentifier::parse(value),
            _ => None,
        };
        match (masked, identifier) {
            (Some(_), _) if self.masked.is_some() => return Err(Unaskable::TooManyMasked),
            (Some(masked), _) => self.masked = Some(masked),
            (None, Ok(identifier)) => self.identified_by(identifier),
            (None, Err(error)) => return Err(Unaskable::Invalid(error)),
        }
        Ok(())
    }

    /// What the subject is: as told, else as its identifiers say, else unknown.
    pub fn kind(&self) -> Option<SubjectKind> {
        self.kind.or_else(|| {
            self.ids.iter().find_map(|id| match id.kind() {
                IdentifierKind::Uscc if id.text().starts_with("92") => {
                    Some(SubjectKind::IndividualBusiness)
                }
                IdentifierKind::Uscc
                | IdentifierKind::OrgCode
                | IdentifierKind::RegistrationNumber => Some(SubjectKind::Organisation),
                IdentifierKind::VehiclePlate => Some(SubjectKind::Vehicle),
                kind if kind.is_personal() => Some(SubjectKind::NaturalPerson),
                _ => None,
            })
        })
    }

    /// It carries a sound identifier of a kind of which a subject holds one.
    pub fn is_decided(&self) -> bool {
        self.ids.iter().any(Identifier::decides)
    }

    /// No identifier decides, and its name, the keys of which these are, is long enough to be told from
    /// others that are like it.
    pub fn wants_likes(&self, keys: &Keys) -> bool {
        !self.is_decided() && similar::is_long_enough(&keys.unified)
    }
}

/// Other signs than `*` hide digits too (`●`, `×`, `#`, a run of `X`): what has them is looked at
/// once more. A run of `X` in a number whose check digit is right hides nothing.
fn hides_digits(identifier: &Identifier) -> bool {
    let text = identifier.text();
    !text.bytes().all(|byte| byte.is_ascii_alphanumeric())
        || (text.contains("XXXX")
            && (identifier.kind() == IdentifierKind::Other || identifier.quality().check_digit))
}

/// Two kinds may be one subject: bodies are not told apart, since feeds do not.
pub fn kinds_agree(asked: Option<SubjectKind>, listed: SubjectKind) -> bool {
    asked.is_none_or(|asked| asked == listed || (asked.is_body() && listed.is_body()))
}
