//! Who a subject is: name and number, the same on every row.

use super::city::City;
use super::draw::{Draw, Topic};
use super::number::{self, Realm};
use super::trap::{Trap, Traps};
use super::{rates, words};
use crate::record::{Identifier, Related, Role, SubjectKind};

/// A subject as it really is.
pub(super) struct Party {
    pub(super) kind: SubjectKind,
    pub(super) name: String,
    pub(super) id: Identifier,
    pub(super) registration: Option<Identifier>,
    pub(super) region: u32,
    pub(super) traps: Traps,
}

/// What an organisation's name is made after.
#[derive(Clone, Copy)]
enum After {
    Branch,
    Namesake,
}

impl City {
    /// The subject of such a number and kind.
    pub(super) fn party(&self, realm: Realm, subject: u64, kind: SubjectKind) -> Party {
        match kind {
            SubjectKind::NaturalPerson => self.person(realm, subject),
            SubjectKind::Vehicle => self.vehicle(subject),
            SubjectKind::Organisation | SubjectKind::IndividualBusiness => {
                self.organisation(realm, subject, kind)
            }
        }
    }

    fn organisation(&self, realm: Realm, subject: u64, kind: SubjectKind) -> Party {
        let seed = self.plan.seed;
        let mut draw = Draw::new(seed, Topic::Name, subject * 3 + realm as u64);
        let local = draw.of_10k(rates::LOCAL);
        let (region, place) = draw.pick(if local { words::SUZHOU } else { words::ELSEWHERE });
        let numeric = draw.of_10k(rates::NUMERIC_CODES);
        let wrong = draw.of_10k(rates::CHECK_FAILS) && realm == Realm::Listed;
        let mut traps = Traps::default();
        let mut name = String::with_capacity(64);
        let head = if kind == SubjectKind::IndividualBusiness {
            name.push_str(place);
            trade(&mut draw, &mut name);
            name.push_str(draw.pick(words::SHOPS));
            "92"
        } else {
            let after = if realm == Realm::Listed { self.named_after(subject) } else { None };
            match after {
                Some((After::Branch, parent)) => {
                    name.push_str(&parent);
                    name.push_str(draw.pick(words::BRANCH_PLACES));
                    name.push_str("分公司");
                    traps.add(Trap::Branch);
                    "91"
                }
                Some((After::Namesake, other)) => {
                    name = other;
                    traps.add(Trap::SameName);
                    "91"
                }
                None => own_name(&mut draw, place, &mut name),
            }
        };
        let id = number::uscc(seed, realm, subject, head, region, (numeric, wrong));
        traps.add_if(Trap::CheckFails, wrong);
        traps.add_if(Trap::CheckZero, !wrong && id.text().ends_with('0'));
        let registration =
            has_registration(seed, realm, subject).then(|| number::registration(subject, region));
        Party { kind, name, id, registration, region: region.parse().unwrap_or(0), traps }
    }

    /// The listed company that an organisation is a branch of, or whose name it shares.
    fn named_after(&self, subject: u64) -> Option<(After, String)> {
        let mut draw = Draw::new(self.plan.seed, Topic::Namesake, subject);
        let after =
            draw.one_of(&[(rates::BRANCHES, After::Branch), (rates::SAME_NAME, After::Namesake)])?;
        let other = self.earlier(&mut draw, subject, SubjectKind::Organisation)?;
        let other = self.organisation(Realm::Listed, other, SubjectKind::Organisation);
        (!other.traps.has(Trap::Branch)).then_some((after, other.name))
    }

    fn person(&self, realm: Realm, subject: u64) -> Party {
        let id = number::person(self.plan.seed, realm, subject);
        let mut traps = Traps::default();
        let name = self.person_name(realm, subject, &mut traps);
        let own = id.kind() == crate::record::IdentifierKind::ResidentId;
        traps.add_if(Trap::ForeignDocument, !own);
        traps.add_if(Trap::CheckFails, own && id.quality().check_digit);
        let region = if own { id.text()[..6].parse().unwrap_or(0) } else { 0 };
        Party { kind: SubjectKind::NaturalPerson, name, id, registration: None, region, traps }
    }

    fn person_name(&self, realm: Realm, subject: u64, traps: &mut Traps) -> String {
        if realm == Realm::Listed {
            let mut draw = Draw::new(self.plan.seed, Topic::Namesake, subject);
            if draw.of_10k(rates::SAME_NAME)
                && let Some(other) = self.earlier(&mut draw, subject, SubjectKind::NaturalPerson)
            {
                traps.add(Trap::SameName);
                return self.person_name(realm, other, &mut Traps::default());
            }
        }
        let mut draw = Draw::new(self.plan.seed, Topic::Name, subject * 3 + realm as u64);
        let mut name = String::with_capacity(24);
        if draw.of_10k(rates::ETHNIC_NAMES) {
            name.push_str(draw.pick(words::ETHNIC));
            name.push('·');
            name.push_str(draw.pick(words::ETHNIC));
            return name;
        }
        // The product of two draws favours the front of the table, where the common surnames are.
        let most = words::SURNAMES.len() as u64;
        let at = draw.below(most) * draw.below(most) / most;
        name.push_str(words::SURNAMES[at as usize]);
        if draw.of_10k(8_000) {
            name.push(draw.pick(words::GIVEN));
        }
        let rare = draw.of_10k(rates::RARE_CHARACTERS);
        name.push(if rare { draw.pick(&words::RARE).0 } else { draw.pick(words::GIVEN) });
        name
    }

    fn vehicle(&self, subject: u64) -> Party {
        let id = number::plate(subject);
        Party {
            kind: SubjectKind::Vehicle,
            name: id.text().to_owned(),
            id,
            registration: None,
            region: 320_500,
            traps: Traps::default(),
        }
    }

    /// The legal representative of an organisation, and whether that person is listed.
    pub(super) fn representative(&self, organisation: u64) -> (Related, bool) {
        let mut draw = Draw::new(self.plan.seed, Topic::Representative, organisation);
        let (realm, subject) = if draw.of_10k(rates::REPRESENTATIVE_LISTED)
            && let Some(listed) = self.listed_person(&mut draw)
        {
            (Realm::Listed, listed)
        } else {
            (Realm::Representative, organisation)
        };
        let related = Related {
            role: Role::LegalRepresentative,
            name: self.person_name(realm, subject, &mut Traps::default()),
            id: Some(number::person(self.plan.seed, realm, subject)),
        };
        (related, realm == Realm::Listed)
    }
}

/// Whether an organisation has a registration number from before 2015.
pub(super) fn has_registration(seed: u64, realm: Realm, subject: u64) -> bool {
    realm == Realm::Listed
        && Draw::new(seed, Topic::Number, !subject).of_10k(rates::REGISTRATION_NUMBERS)
}

fn own_name(draw: &mut Draw, place: &str, name: &mut String) -> &'static str {
    if draw.of_10k(400) {
        let (head, ending) = draw.pick(words::BODIES);
        name.push_str(place);
        trade(draw, name);
        name.push_str(ending);
        return head;
    }
    let bracketed = draw.of_10k(rates::BRACKETS);
    if !bracketed {
        name.push_str(place);
    }
    trade(draw, name);
    if bracketed {
        name.push('（');
        name.push_str(place);
        name.push('）');
    }
    name.push_str(draw.pick(words::INDUSTRIES));
    name.push_str(draw.pick(words::FORMS));
    "91"
}

/// A trade name: two characters, mostly three, or four.
fn trade(draw: &mut Draw, name: &mut String) {
    let length = draw.pick(&[2, 2, 3, 3, 3, 3, 4]);
    let rare = draw.of_10k(rates::RARE_CHARACTERS);
    for _ in 1..length {
        name.push(draw.pick(words::TRADE));
    }
    name.push(if rare { draw.pick(&words::RARE).0 } else { draw.pick(words::TRADE) });
}
