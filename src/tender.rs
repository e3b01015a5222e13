//! The bidders of one section: who among them may not stand beside whom.
//!
//! ```text
//! bidders ─┬─► who manages them: the same person, by number or by name ─┐
//!          ├─► who controls them: one another, or the same person       ├─► relations, each with the
//!          ├─► members: in two consortia, or beside themselves          │   article that it touches
//!          └─► contacts: the same telephone, mail, address              ┘
//! ```
//!
//! Identifiers establish a relation, names only raise a suspicion. What the lists say of each bidder is a
//! check's business.

use crate::record::{Identifier, MaskedIdentifier, Role};
use crate::text::Keys;
use std::collections::{BTreeMap, BTreeSet};
use unicode_normalization::UnicodeNormalization;

/// A person or a body, as a bid names it.
#[derive(Clone, Default, Debug)]
pub struct Party {
    /// The K2 key of its name, empty where none is given.
    key: String,
    identifiers: Vec<Identifier>,
    masked: Option<MaskedIdentifier>,
}

/// Who bids.
#[derive(Clone, Default, Debug)]
pub struct Bidder {
    /// The bidder itself; of a consortium, who leads it.
    pub itself: Party,
    /// The other members of a consortium.
    pub members: Vec<Party>,
    /// Who manages or controls it.
    pub persons: Vec<(Role, Party)>,
    /// How it is reached.
    pub contacts: Contacts,
}

/// How a bidder is reached.
#[derive(Clone, Default, Debug)]
pub struct Contacts {
    phones: BTreeSet<String>,
    emails: BTreeSet<String>,
    addresses: BTreeSet<String>,
}

impl Contacts {
    /// Of telephones, addresses of electronic mail, postal addresses, as they are written. What tells nobody
    /// from others is left out.
    pub fn new(numbers: &[String], emails: &[String], addresses: &[String]) -> Contacts {
        Contacts {
            phones: numbers.iter().flat_map(|text| phones(text)).filter_map(phone).collect(),
            emails: emails.iter().filter_map(|text| email(text)).collect(),
            addresses: addresses.iter().filter_map(|text| address(text)).collect(),
        }
    }
}

/// What two bidders have in common.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum RelationKind {
    /// A body bids twice: by itself and in a consortium, or in two.
    SameBody,
    /// The same legal representative or person in charge.
    SameManager,
    /// One controls, represents or leads another.
    Control,
    /// The same controller.
    SameController,
    /// Who manages or controls one does the other for another: 法定代表人 of this, 实际控制人 of that.
    SamePerson,
    /// The same telephone.
    SamePhone,
    /// The same address of electronic mail.
    SameEmail,
    /// The same postal address.
    SameAddress,
}

/// How sure it is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Certainty {
    /// By a name or a contact: an indication for the committee to look into.
    Suspected,
    /// An identifier says so.
    Established,
}

/// Bidders that have something in common.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Relation {
    /// The two, by their places, the earlier first.
    pub bidders: (usize, usize),
    /// What they have in common.
    pub kind: RelationKind,
    /// How sure it is.
    pub certainty: Certainty,
}

impl RelationKind {
    /// Every kind, the weightiest first.
    pub const ALL: [RelationKind; 8] = [
        RelationKind::SameBody,
        RelationKind::SameManager,
        RelationKind::Control,
        RelationKind::SameController,
        RelationKind::SamePerson,
        RelationKind::SamePhone,
        RelationKind::SameEmail,
        RelationKind::SameAddress,
    ];

    /// The word used in the API.
    pub fn code(self) -> &'static str {
        match self {
            RelationKind::SameBody => "same_body",
            RelationKind::SameManager => "same_manager",
            RelationKind::Control => "control",
            RelationKind::SameController => "same_controller",
            RelationKind::SamePerson => "same_person",
            RelationKind::SamePhone => "same_phone",
            RelationKind::SameEmail => "same_email",
            RelationKind::SameAddress => "same_address",
        }
    }

    /// The article that it touches (招标投标法实施条例, 国务院令第 613 号).
    pub fn article(self) -> &'static str {
        match self {
            RelationKind::SameBody => "《招标投标法实施条例》第三十七条第三款",
            RelationKind::SameManager
            | RelationKind::Control
            | RelationKind::SameController
            | RelationKind::SamePerson => "《招标投标法实施条例》第三十四条第二款",
            RelationKind::SamePhone | RelationKind::SameEmail | RelationKind::SameAddress => {
                "《招标投标法实施条例》第四十条第二项"
            }
        }
    }
}

impl Certainty {
    /// The word used in the API.
    pub fn code(self) -> &'static str {
        match self {
            Certainty::Suspected => "suspected",
            Certainty::Established => "established",
        }
    }
}

impl Party {
    /// Of its name, its full identifiers, and one with hidden digits; what is not known stays empty.
    pub fn new(
        name: &str,
        identifiers: Vec<Identifier>,
        masked: Option<MaskedIdentifier>,
    ) -> Party {
        Party { key: Keys::from(name).unified, identifiers, masked }
    }

    /// How sure it is that both are one, by the rules of a check: `None` where nothing says so, or an
    /// identifier contradicts.
    fn is(&self, other: &Party) -> Option<Certainty> {
        let pairs = || {
            let mine = self.identifiers.iter();
            mine.flat_map(|a| other.identifiers.iter().map(move |b| (a, b)))
        };
        let (mut agrees, mut decided) = (false, false);
        for (a, b) in pairs().filter(|(a, b)| a.agrees(b).is_some()) {
            agrees = true;
            decided |= a.decides() && b.decides();
        }
        let contradicts = || pairs().any(|(a, b)| a.contradicts(b));
        if decided || agrees && !contradicts() {
            return Some(Certainty::Established);
        }
        let fits =
            |party: &Party, other: &Party| party.masked.as_ref()?.fits_any(&other.identifiers);
        let both_hidden = self.masked.as_ref().zip(other.masked.as_ref());
        let both_hidden = both_hidden.and_then(|(a, b)| a.compare(b));
        let is_another = [fits(self, other), fits(other, self), both_hidden].contains(&Some(false))
            || contradicts();
        let is_named_so = !self.key.is_empty() && self.key == other.key;
        (!is_another && is_named_so).then_some(Certainty::Suspected)
    }
}

impl Bidder {
    fn bodies(&self) -> impl Iterator<Item = &Party> {
        std::iter::once(&self.itself).chain(&self.members)
    }
}

/// What bidders have in common, pair by pair, the surest of each kind once. Cost: that of comparing each
/// person with each, tens of nanoseconds for two.
pub fn relations(bidders: &[Bidder]) -> Vec<Relation> {
    let mut found: BTreeMap<((usize, usize), RelationKind), Certainty> = BTreeMap::new();
    for (later, b) in bidders.iter().enumerate() {
        for (earlier, a) in bidders[..later].iter().enumerate() {
            between(a, b, &mut |kind, certainty| {
                let known = found.entry(((earlier, later), kind)).or_insert(certainty);
                *known = (*known).max(certainty);
            });
        }
    }
    let relation = |((bidders, kind), certainty)| Relation { bidders, kind, certainty };
    found.into_iter().map(relation).collect()
}

fn between(a: &Bidder, b: &Bidder, found: &mut impl FnMut(RelationKind, Certainty)) {
    for body in a.bodies() {
        for other in b.bodies() {
            body.is(other)
                .into_iter()
                .for_each(|certainty| found(RelationKind::SameBody, certainty));
        }
    }
    // A body may represent or lead another, as partners do: 管理关系.
    for (mine, other) in [(a, b), (b, a)] {
        for (_, person) in &mine.persons {
            let is_it = other.bodies().filter_map(|body| person.is(body));
            is_it.for_each(|certainty| found(RelationKind::Control, certainty));
        }
    }
    for (role, person) in &a.persons {
        for (other_role, other) in &b.persons {
            let Some(certainty) = person.is(other) else { continue };
            let kind = match (manages(*role), manages(*other_role)) {
                (true, true) => RelationKind::SameManager,
                (false, false) => RelationKind::SameController,
                _ => RelationKind::SamePerson,
            };
            found(kind, certainty);
        }
    }
    let (a, b) = (&a.contacts, &b.contacts);
    for (kind, a, b) in [
        (RelationKind::SamePhone, &a.phones, &b.phones),
        (RelationKind::SameEmail, &a.emails, &b.emails),
        (RelationKind::SameAddress, &a.addresses, &b.addresses),
    ] {
        if !a.is_disjoint(b) {
            found(kind, Certainty::Suspected);
        }
    }
}

/// 单位负责人: who represents or leads it.
fn manages(role: Role) -> bool {
    matches!(role, Role::LegalRepresentative | Role::PersonInCharge)
}

/// Digits as they are dialled within the country, without the 0 of a trunk; `None` where they are too few to
/// tell anybody. An extension is none of them: whoever shares a switchboard is told.
fn phone(text: &str) -> Option<String> {
    const DIGITS_MIN: usize = 7;
    const MOBILE: usize = 11;
    let text = text.nfkc().collect::<String>();
    let text = text.split(['转', '#', 'x', 'X']).next().unwrap_or_default().trim_start();
    let is_abroad = text.starts_with('+') || text.starts_with("00");
    let digits: String = text.chars().filter(char::is_ascii_digit).collect();
    let digits = digits.trim_start_matches('0');
    let inner = digits.strip_prefix("86");
    let inner = inner.filter(|rest| is_abroad || (rest.len() == MOBILE && rest.starts_with('1')));
    let digits = inner.unwrap_or(digits).trim_start_matches('0');
    (digits.len() >= DIGITS_MIN).then(|| digits.to_owned())
}

/// Numbers that are written into one text.
fn phones(text: &str) -> impl Iterator<Item = &str> {
    text.split([',', '，', ';', '；', '、', '/', '|'])
}

fn email(text: &str) -> Option<String> {
    let text = text.trim().to_lowercase();
    text.contains('@').then_some(text)
}

fn address(text: &str) -> Option<String> {
    const CHARS_MIN: usize = 6;
    let key = Keys::from(text).unified;
    (key.chars().count() >= CHARS_MIN).then_some(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: &str = "110101190001010014";
    const B: &str = "110101190001010022";

    fn party(name: &str, id: &str) -> Party {
        match MaskedIdentifier::parse(id) {
            Some(masked) => Party::new(name, Vec::new(), Some(masked)),
            None => Party::new(name, Identifier::recognise(id).into_iter().collect(), None),
        }
    }

    fn bidder(name: &str, id: &str, persons: &[(Role, &str, &str)]) -> Bidder {
        let persons = persons.iter().map(|(role, name, id)| (*role, party(name, id))).collect();
        Bidder { itself: party(name, id), persons, ..Bidder::default() }
    }

    fn told(bidders: &[Bidder]) -> Vec<String> {
        let relations = relations(bidders).into_iter();
        let told = |relation: Relation| {
            let (a, b) = relation.bidders;
            format!("{a} {b} {} {}", relation.kind.code(), relation.certainty.code())
        };
        relations.map(told).collect()
    }

    const X: (&str, &str) = ("甲公司", "91320500MA0000015D");
    const Y: (&str, &str) = ("乙公司", "91320505MA0000023G");

    #[test]
    fn the_same_manager_is_established_by_a_number_and_suspected_by_a_name() {
        use Role::*;
        for (mine, theirs, expected) in [
            (("张三", A), ("张三", A), &["0 1 same_manager established"][..]),
            (("张三", A), ("张 叁", A), &["0 1 same_manager established"]),
            (("张三", A), ("张三", ""), &["0 1 same_manager suspected"]),
            (("张三", A), ("张三", B), &[]),
            (("张三", A), ("张三", "1101011900****0014"), &["0 1 same_manager suspected"]),
            (("张三", A), ("张三", "1101011900****0022"), &[]),
            (("张三", "110101********0014"), ("张三", "1101011900****0022"), &[]),
            (("张三", ""), ("張三", ""), &["0 1 same_manager suspected"]),
            (("", ""), ("", ""), &[]),
            (("张三", A), ("李四", B), &[]),
        ] {
            let bidders = [
                bidder(X.0, X.1, &[(LegalRepresentative, mine.0, mine.1)]),
                bidder(Y.0, Y.1, &[(PersonInCharge, theirs.0, theirs.1)]),
            ];
            assert_eq!(told(&bidders), expected, "{mine:?} {theirs:?}");
        }
    }

    #[test]
    fn identifiers_weigh_as_in_a_check() {
        let of = |ids: &[&str]| {
            let ids = ids.iter().map(|id| Identifier::recognise(id).unwrap()).collect();
            Party::new("张三", ids, None)
        };
        let masked = |mask: &str| Party::new("张三", Vec::new(), MaskedIdentifier::parse(mask));
        const REGISTRATION: &str = "320500000000001";
        for (a, b, expected) in [
            // A copied cell joins no two sound numbers; one that decides says who it is.
            (of(&[X.1, REGISTRATION]), of(&[Y.1, REGISTRATION]), None),
            (of(&[X.1, REGISTRATION]), of(&[X.1, "320500000000002"]), Some(Certainty::Established)),
            (of(&[REGISTRATION]), of(&[REGISTRATION]), Some(Certainty::Established)),
            // Masks are compared with what is as long, and a failing check rules nothing out.
            (masked("110101********0014"), of(&["E12345678"]), Some(Certainty::Suspected)),
            (masked("110101********0014"), masked("110101*****0014"), Some(Certainty::Suspected)),
            (masked("110101********0014"), of(&["110101190001010023"]), Some(Certainty::Suspected)),
            (masked("110101********0014"), of(&[B]), None),
        ] {
            assert_eq!((a.is(&b), b.is(&a)), (expected, expected), "{a:?} {b:?}");
        }
    }

    #[test]
    fn telephones_are_known_however_they_are_written() {
        for (a, b) in [
            ("+86 138-0013-8000", "13800138000"),
            ("8613800138000", "138 0013 8000"),
            ("0086 0512 65123456", "0512-65123456"),
            ("+86 512 65123456", "051265123456转801"),
        ] {
            assert!(phone(a).is_some() && phone(a) == phone(b), "{a} {b}");
        }
        assert_eq!(phone("86123456").as_deref(), Some("86123456"), "a local number");
        assert_eq!(phone("8612345").as_deref(), Some("8612345"));
        assert_eq!((phone("110"), phone("无")), (None, None));
        let both = Contacts::new(&["65123456、65123457".to_owned()], &[], &[]);
        assert_eq!(both.phones.len(), 2);
    }

    #[test]
    fn control_is_of_one_another_or_by_one_person() {
        use Role::*;
        let controlled = bidder(Y.0, Y.1, &[(Controller, X.0, X.1)]);
        assert_eq!(told(&[bidder(X.0, X.1, &[]), controlled]), ["0 1 control established"]);
        let by_a = |role| bidder(X.0, X.1, &[(role, "张三", A)]);
        let by_a_too = bidder(Y.0, Y.1, &[(Controller, "张三", A)]);
        assert_eq!(
            told(&[by_a(Controller), by_a_too.clone()]),
            ["0 1 same_controller established"]
        );
        assert_eq!(told(&[by_a(LegalRepresentative), by_a_too]), ["0 1 same_person established"]);
        let led = bidder(Y.0, Y.1, &[(PersonInCharge, X.0, X.1)]);
        assert_eq!(told(&[bidder(X.0, X.1, &[]), led]), ["0 1 control established"]);
    }

    #[test]
    fn a_body_bids_once() {
        let mut consortium = bidder(Y.0, Y.1, &[]);
        consortium.members.push(party("甲", X.1));
        assert_eq!(told(&[bidder(X.0, X.1, &[]), consortium]), ["0 1 same_body established"]);
        let other = bidder(X.0, "", &[]);
        assert_eq!(told(&[bidder(X.0, X.1, &[]), other]), ["0 1 same_body suspected"]);
    }

    #[test]
    fn contacts_are_compared_by_what_they_say() {
        let with = |of: (&str, &str), phone: &str, email: &str, address: &str| {
            let contacts = [phone, email, address].map(|text| vec![text.to_owned()]);
            let contacts = Contacts::new(&contacts[0], &contacts[1], &contacts[2]);
            Bidder { contacts, ..bidder(of.0, of.1, &[]) }
        };
        let all = [
            with(X, "+86 138-0013-8000", "A@b.cn", "苏州市三香路 998 号"),
            with(Y, "１３８００１３８０００", " a@B.cn ", "苏州市三香路998號"),
        ];
        let expected = ["same_phone", "same_email", "same_address"];
        assert_eq!(told(&all), expected.map(|kind| format!("0 1 {kind} suspected")));
        let none = [with(X, "110", "无", "苏州"), with(Y, "110", "无", "苏州")];
        assert_eq!(told(&none), [""; 0]);
    }
}
