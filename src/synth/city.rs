//! The entries of a city: what a reader should make of each row.

use super::draw::{Draw, Topic};
use super::feed::{FEED_MIN, FEEDS, Feed, Format, Layout};
use super::number::{self, NUMBERS, Realm};
use super::party::{self, Party};
use super::trap::{Trap, Traps};
use super::{Plan, cast, rates, words};
use crate::record::{
    Day, Entry, FormerName, Identifier, IdentifierKind, ListKind, MaskedIdentifier, Provenance,
    State, Subject, SubjectKind, Term,
};

/// What must become of a row.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Expect {
    /// It becomes an entry.
    Entry,
    /// It is rejected: no name, or a day that does not exist. [`Listing::traps`] says which.
    Reject,
}

/// One row: the entry it should become, and the truth behind it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Listing {
    /// Its number in the city.
    pub number: u64,
    /// What must become of it.
    pub expect: Expect,
    /// The entry as recorded: names as written, identifiers normalised as far as the row shows them.
    /// Its id is empty (derived by whoever builds an index). Of a row to be rejected: what it would
    /// have been.
    pub entry: Entry,
    /// The subject's name, where the row writes it otherwise.
    pub real_name: Option<String>,
    /// The subject's identifiers, also those that the row hides or leaves out.
    pub real_ids: Vec<Identifier>,
    /// What is difficult about the row.
    pub traps: Traps,
}

impl Listing {
    /// The subject's name as it really is.
    pub fn real_name(&self) -> &str {
        self.real_name.as_deref().unwrap_or(&self.entry.subject.name)
    }
}

/// Where an entry stands.
#[derive(Clone, Copy)]
pub(super) struct Slot {
    pub(super) feed: &'static Feed,
    /// Entry within its feed.
    pub(super) offset: u64,
}

/// Whose row it is, and how its number is given.
struct Sketch {
    kind: SubjectKind,
    given: Given,
    root: u64,
}

/// Which number of the subject a row gives, and how.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Given {
    Plainly,
    Written(Trap),
    Replaced(Trap),
}

/// A city. Holds where its feeds begin and nothing else: entries are computed when asked for.
#[derive(Clone, Debug)]
pub struct City {
    pub(super) plan: Plan,
    starts: [u64; FEEDS.len() + 1],
    blacks: (u64, u64),
    debtors: (u64, u64),
}

impl City {
    /// The fewest entries: every layout and the cast are in every city.
    pub const ENTRIES_MIN: usize = 200;
    /// The most entries: beyond, identifiers would no longer be each subject's own.
    pub const ENTRIES_MAX: usize = NUMBERS as usize;

    pub(super) fn new(plan: &Plan) -> City {
        let entries = plan.entries.clamp(Self::ENTRIES_MIN, Self::ENTRIES_MAX);
        let shared = entries as u64 - FEED_MIN * FEEDS.len() as u64;
        let mut counts = [FEED_MIN; FEEDS.len()];
        let mut left = shared;
        for (count, feed) in counts.iter_mut().zip(FEEDS) {
            let share = shared * u64::from(feed.share) / 10_000;
            *count += share;
            left -= share;
        }
        // What rounding leaves goes to the largest.
        counts[0] += left;
        let mut starts = [0; FEEDS.len() + 1];
        for at in 0..FEEDS.len() {
            starts[at + 1] = starts[at] + counts[at];
        }
        let first = |holds: fn(&Feed) -> bool| FEEDS.iter().position(holds).unwrap_or(0);
        let black = first(|feed| feed.kind.is_black());
        let after = black + FEEDS[black..].iter().take_while(|feed| feed.kind.is_black()).count();
        let debtors = first(|feed| feed.code == "xzxfry");
        City {
            plan: Plan { entries, ..*plan },
            blacks: (starts[black], starts[after]),
            debtors: (starts[debtors], starts[debtors + 1]),
            starts,
        }
    }

    /// The plan, its entries brought into their bounds.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Rows in the city.
    pub fn len(&self) -> u64 {
        self.starts[FEEDS.len()]
    }

    /// Never: a city has at least [`City::ENTRIES_MIN`] rows.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The rows of a feed, as numbers of entries.
    pub fn rows_of(&self, feed: &Feed) -> std::ops::Range<u64> {
        let at = FEEDS.iter().position(|other| other.code == feed.code).unwrap_or(0);
        self.starts[at]..self.starts[at + 1]
    }

    /// Every entry in order, feed by feed.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Listing> + '_ {
        (0..self.len() as usize).map(|number| self.listing(number as u64))
    }

    /// One entry; `number` is below [`City::len`].
    pub fn listing(&self, number: u64) -> Listing {
        let slot = self.slot(number);
        if let Some(listing) = cast::listing(self, number, slot) {
            return listing;
        }
        let Sketch { kind, given, root } = self.sketch(number, slot);
        let party = self.party(Realm::Listed, root, kind);
        let mut draw = Draw::new(self.plan.seed, Topic::Entry, number);
        let mut traps = party.traps;
        traps.add_if(Trap::Repeated, root != number);
        let root_feed = self.slot(root).feed;
        traps.add_if(
            Trap::RedAndBlack,
            slot.feed.kind == ListKind::Red && root_feed.kind.is_black(),
        );

        let mut term = term(&mut draw, self.plan.today, &mut traps);
        let standing = standing(&mut draw, slot.feed.layout, self.plan.today, term, &mut traps);
        let reject = reject(self.plan.seed, number);
        match reject {
            Some(Trap::BrokenDate) => term.from = None,
            _ => {
                let serial = shows_serials(slot.feed.layout) && draw.of_10k(rates::EXCEL_SERIALS);
                traps.add_if(Trap::ExcelSerial, serial);
            }
        }
        let breaks = slot.feed.layout == Layout::Court && draw.of_10k(rates::LINE_BREAKS);
        traps.add_if(Trap::LineBreak, breaks);

        let mut document = document(slot.feed, &mut draw, term, number, self.plan.today);
        let authority = authority(slot.feed, &mut draw);
        let mut reason = draw.pick(slot.feed.reasons).to_owned();
        if slot.feed.layout == Layout::Taxpayer {
            // no columns for them
            document.clear();
            reason.clear();
        }
        let subject = self.subject(&party, root, given, slot, &mut draw, &mut traps);
        let (mut recorded, real_name) =
            recorded_name(&mut draw, party.name, kind, slot.feed, self, &mut traps);
        if let Some(trap) = reject {
            traps.add(trap);
        }
        if reject == Some(Trap::NoName) {
            recorded.clear();
        }
        let mut real_ids = Vec::with_capacity(1 + usize::from(party.registration.is_some()));
        real_ids.push(party.id);
        real_ids.extend(party.registration);
        let (decided, published, publicity_until) = other_days(slot.feed.layout, term);
        Listing {
            number,
            expect: if reject.is_some() { Expect::Reject } else { Expect::Entry },
            entry: Entry {
                id: String::new(),
                list: slot.feed.list.to_owned(),
                subject: Subject { name: recorded, ..subject },
                reason,
                document,
                authority,
                region: party.region,
                decided,
                published,
                term,
                publicity_until,
                state: standing,
                objection: traps.has(Trap::Objection),
                extended: traps.has(Trap::Extended),
                provenance: self.provenance(slot),
            },
            real_name,
            real_ids,
            traps,
        }
    }

    pub(super) fn provenance(&self, slot: Slot) -> Provenance {
        let format = slot.feed.format_in(self.plan.formats);
        let part = slot.offset / format.rows_max() + 1;
        let mut file = String::with_capacity(24);
        file.push_str(slot.feed.code);
        file.push('-');
        push_number(&mut file, part, 4);
        file.push('.');
        file.push_str(format.extension());
        Provenance {
            source: slot.feed.code.to_owned(),
            file,
            row: slot.offset % format.rows_max() + 1,
        }
    }

    pub(super) fn slot(&self, number: u64) -> Slot {
        let at = self.starts.partition_point(|&start| start <= number).clamp(1, FEEDS.len()) - 1;
        Slot { feed: &FEEDS[at], offset: number - self.starts[at] }
    }

    /// The kind of an entry's subject.
    fn kind_in(&self, number: u64, slot: Slot) -> SubjectKind {
        let mut draw = Draw::new(self.plan.seed, Topic::Kind, number);
        let rates = [
            (slot.feed.persons, SubjectKind::NaturalPerson),
            (slot.feed.vehicles, SubjectKind::Vehicle),
        ];
        draw.one_of(&rates).unwrap_or_else(|| {
            // Taxpayers with a credit grade, and whoever employs or bids, are companies.
            let shops =
                matches!(slot.feed.layout, Layout::Department | Layout::Penalty | Layout::Licence);
            if shops && draw.of_10k(rates::INDIVIDUAL_BUSINESSES * 3 / 2) {
                SubjectKind::IndividualBusiness
            } else {
                SubjectKind::Organisation
            }
        })
    }

    /// The number of an entry's subject: that of the first entry which lists it.
    pub(super) fn root(&self, number: u64) -> u64 {
        self.sketch(number, self.slot(number)).root
    }

    /// May lend its subject to later entries: no cast, no row to be rejected.
    fn lends(&self, number: u64, kind: SubjectKind) -> bool {
        let slot = self.slot(number);
        self.kind_in(number, slot) == kind
            && !cast::holds(slot)
            && reject(self.plan.seed, number).is_none()
    }

    /// A subject of such a kind that an entry before `number` lists.
    pub(super) fn earlier(&self, draw: &mut Draw, number: u64, kind: SubjectKind) -> Option<u64> {
        self.between(draw, (0, number), kind)
    }

    /// A person on the list of restricted consumers.
    pub(super) fn listed_person(&self, draw: &mut Draw) -> Option<u64> {
        self.between(draw, self.debtors, SubjectKind::NaturalPerson)
    }

    fn between(&self, draw: &mut Draw, (from, to): (u64, u64), kind: SubjectKind) -> Option<u64> {
        const TRIES: usize = 8;
        if from >= to {
            return None;
        }
        (0..TRIES)
            .map(|_| from + draw.below(to - from))
            .find(|&at| self.lends(at, kind))
            .map(|at| self.root(at))
    }

    fn sketch(&self, number: u64, slot: Slot) -> Sketch {
        let kind = self.kind_in(number, slot);
        let mut draw = Draw::new(self.plan.seed, Topic::Repeat, number);
        let mut given = given(&mut draw, kind, slot.feed.layout);
        let court = slot.feed.layout == Layout::Court;
        let must = match given {
            Given::Replaced(Trap::OrgCodeOnly) => !court,
            Given::Replaced(Trap::RegistrationOnly | Trap::FifteenDigits) => true,
            _ => false,
        };
        let red = slot.feed.kind == ListKind::Red && draw.of_10k(rates::RED_AND_BLACK);
        let mut root = number;
        if red || draw.of_10k(rates::REPEATS) || must {
            let range = if red { self.blacks } else { (0, number) };
            // Seven organisations of ten have no registration number, so one look would rarely do.
            for _ in 0..8 {
                let Some(other) = self.between(&mut draw, range, kind) else { continue };
                let fits = match given {
                    Given::Replaced(Trap::RegistrationOnly) => {
                        party::has_registration(self.plan.seed, Realm::Listed, other)
                    }
                    _ => true,
                };
                if fits {
                    root = other;
                    break;
                }
            }
        }
        if must && root == number {
            given = Given::Plainly;
        }
        Sketch { kind, given, root }
    }

    /// The subject as the row gives it, its name apart.
    fn subject(
        &self,
        party: &Party,
        root: u64,
        given: Given,
        slot: Slot,
        draw: &mut Draw,
        traps: &mut Traps,
    ) -> Subject {
        let layout = slot.feed.layout;
        let mut subject = Subject {
            kind: party.kind,
            name: String::new(),
            other_names: Vec::new(),
            ids: Vec::new(),
            masked: None,
            related: Vec::new(),
        };
        match given {
            Given::Replaced(trap) => replaced(party, trap, &mut subject, traps),
            Given::Plainly | Given::Written(_) => {
                if let Given::Written(trap) = given {
                    let shows = trap != Trap::LowerCase
                        || party.id.text().bytes().skip(2).any(|b| b.is_ascii_uppercase());
                    traps.add_if(trap, shows);
                }
                let registration =
                    party.registration.as_ref().filter(|_| shows_registration(layout));
                subject.ids.reserve_exact(1 + usize::from(registration.is_some()));
                subject.ids.push(party.id.clone());
                subject.ids.extend(registration.cloned());
            }
        }
        if matches!(party.kind, SubjectKind::Organisation | SubjectKind::IndividualBusiness) {
            if shows_representative(layout) {
                let (mut related, listed) = self.representative(root);
                if !shows_representative_id(layout) || draw.of_10k(2_500) {
                    related.id = None;
                }
                traps.add_if(Trap::RepresentativeListed, listed);
                subject.related = vec![related];
            }
            if layout == Layout::Department {
                subject.other_names = self.former_names(root, party, draw, traps);
            }
        }
        subject
    }

    fn former_names(
        &self,
        root: u64,
        party: &Party,
        draw: &mut Draw,
        traps: &mut Traps,
    ) -> Vec<FormerName> {
        let rates = [
            (rates::FORMER_NAMES, Trap::FormerName),
            (rates::FORMER_NAME_TAKEN, Trap::FormerNameTaken),
        ];
        let Some(trap) = draw.one_of(&rates) else { return Vec::new() };
        let mut own = Draw::new(self.plan.seed, Topic::Former, root);
        let name = match trap {
            Trap::FormerNameTaken => {
                let taker = self
                    .earlier(draw, root, SubjectKind::Organisation)
                    .map(|other| self.party(Realm::Listed, other, SubjectKind::Organisation));
                match taker {
                    Some(taker) if taker.name != party.name => taker.name,
                    _ => return Vec::new(),
                }
            }
            _ => former_name(&mut own, &party.name),
        };
        traps.add(trap);
        vec![FormerName { name, until: None }]
    }
}

/// The name with another character where the trade name begins or ends.
fn former_name(draw: &mut Draw, name: &str) -> String {
    let count = name.chars().count();
    let at = if count > 8 { count - 7 } else { 2 };
    let other = draw.pick(words::TRADE);
    name.chars().enumerate().map(|(here, c)| if here == at { other } else { c }).collect()
}

/// Which number a row gives: a draw, limited to what its layout has a place for.
fn given(draw: &mut Draw, kind: SubjectKind, layout: Layout) -> Given {
    let masked = layout == Layout::Court;
    let choice = match kind {
        SubjectKind::Vehicle => None,
        SubjectKind::NaturalPerson if masked => Some(Trap::Masked),
        SubjectKind::NaturalPerson => draw.one_of(&[
            (rates::LOWER_CASE, Trap::LowerCase),
            (rates::FULL_WIDTH, Trap::FullWidth),
            (rates::HYPHENATED, Trap::Hyphenated),
            (rates::FIFTEEN_DIGITS, Trap::FifteenDigits),
            (rates::MASKED, Trap::Masked),
        ]),
        SubjectKind::Organisation | SubjectKind::IndividualBusiness => {
            let org_code = if masked { rates::ORG_CODE_ONLY_COURT } else { rates::ORG_CODE_ONLY };
            draw.one_of(&[
                (rates::LOWER_CASE, Trap::LowerCase),
                (rates::FULL_WIDTH, Trap::FullWidth),
                (rates::HYPHENATED, Trap::Hyphenated),
                (rates::REGISTRATION_ONLY, Trap::RegistrationOnly),
                (rates::TAXPAYER_ONLY, Trap::TaxpayerOnly),
                (rates::PLACEHOLDER, Trap::Placeholder),
                (org_code, Trap::OrgCodeOnly),
            ])
        }
    };
    let wide = matches!(
        layout,
        Layout::Penalty | Layout::PenaltyOld | Layout::Licence | Layout::Department
    );
    match choice {
        None => Given::Plainly,
        Some(trap @ (Trap::LowerCase | Trap::FullWidth | Trap::Hyphenated)) => Given::Written(trap),
        Some(trap @ Trap::RegistrationOnly) if wide => Given::Replaced(trap),
        Some(trap @ Trap::TaxpayerOnly) if wide || layout == Layout::Taxpayer => {
            Given::Replaced(trap)
        }
        Some(trap @ Trap::OrgCodeOnly)
            if wide || matches!(layout, Layout::Court | Layout::Procurement) =>
        {
            Given::Replaced(trap)
        }
        Some(Trap::RegistrationOnly | Trap::TaxpayerOnly | Trap::OrgCodeOnly) => Given::Plainly,
        Some(trap) => Given::Replaced(trap),
    }
}

fn replaced(party: &Party, trap: Trap, subject: &mut Subject, traps: &mut Traps) {
    let resident = party.id.kind() == IdentifierKind::ResidentId;
    let id = match trap {
        Trap::OrgCodeOnly => Some(number::org_code_of(&party.id)),
        Trap::TaxpayerOnly => Some(number::taxpayer_of(&party.id)),
        Trap::RegistrationOnly => party.registration.clone(),
        Trap::FifteenDigits if resident => Some(number::fifteen_of(&party.id)),
        Trap::FifteenDigits => {
            subject.ids.push(party.id.clone());
            return;
        }
        Trap::Masked => {
            subject.masked = MaskedIdentifier::parse(&mask(party.id.text()));
            None
        }
        _ => None,
    };
    subject.ids.extend(id);
    traps.add(trap);
}

/// Courts show the first 10 and the last 4 of 18; of shorter numbers the first 4 and the last 2.
pub(super) fn mask(text: &str) -> String {
    let (head, tail) = if text.len() == 18 { (10, 4) } else { (4, 2) };
    let hidden = text.len() - head - tail;
    let mut masked = String::with_capacity(text.len());
    masked.push_str(&text[..head]);
    masked.extend(std::iter::repeat_n('*', hidden));
    masked.push_str(&text[text.len() - tail..]);
    masked
}

fn shows_registration(layout: Layout) -> bool {
    matches!(layout, Layout::Penalty | Layout::PenaltyOld | Layout::Licence)
}

fn shows_representative(layout: Layout) -> bool {
    !matches!(layout, Layout::Procurement | Layout::Taxpayer)
}

fn shows_representative_id(layout: Layout) -> bool {
    matches!(layout, Layout::Penalty | Layout::Licence | Layout::Wages | Layout::Department)
}

fn shows_serials(layout: Layout) -> bool {
    matches!(layout, Layout::Wages | Layout::Department)
}

/// Whether a row is to be rejected, and why.
fn reject(seed: u64, number: u64) -> Option<Trap> {
    let mut draw = Draw::new(seed, Topic::Kind, !number);
    draw.one_of(&[(rates::NO_NAME, Trap::NoName), (rates::BROKEN_DATE, Trap::BrokenDate)])
}

fn term(draw: &mut Draw, today: Day, traps: &mut Traps) -> Term {
    const PERMANENT: u32 = rates::PERMANENT_DATE + rates::PERMANENT_WORD + rates::PERMANENT_EMPTY;
    let trap = draw.one_of(&[
        (rates::EXPIRED, Trap::Expired),
        (rates::FUTURE, Trap::Future),
        (rates::ENDS_TODAY, Trap::EndsToday),
        (PERMANENT, Trap::Permanent),
    ]);
    // A committed city stays alive: whatever is in force is so until 2031 at the least.
    let far = today.plus(5 * 365).max(Day(22_281)).plus(draw.days(1_500));
    let past = today.plus(-10 - draw.days(1_200));
    let (from, to) = match trap {
        Some(Trap::Expired) => {
            let to = today.plus(-1 - draw.days(900));
            (to.plus(-365 - draw.days(730)), Some(to))
        }
        Some(Trap::Future) => (today.plus(1 + draw.days(180)), Some(far)),
        Some(Trap::EndsToday) => (past, Some(today)),
        Some(Trap::Permanent) => (past, None),
        _ => (past, Some(far)),
    };
    if let Some(trap) = trap {
        traps.add(trap);
    }
    Term { from: Some(from), to }
}

/// Where a row stands, among what its layout can say, for rows in force today.
fn standing(draw: &mut Draw, layout: Layout, today: Day, term: Term, traps: &mut Traps) -> State {
    let rates: &[(u32, Trap)] = match layout {
        Layout::Department => &[
            (rates::REPAIRED, Trap::Repaired),
            (rates::EXITED, Trap::Exited),
            (rates::REVOKED, Trap::Revoked),
            (rates::SUSPENDED, Trap::Suspended),
            (rates::OBJECTION, Trap::Objection),
        ],
        Layout::Wages => &[
            (rates::REPAIRED, Trap::Repaired),
            (rates::EXITED, Trap::Exited),
            (rates::EXTENDED, Trap::Extended),
        ],
        Layout::PenaltyOld | Layout::Licence => {
            &[(rates::REVOKED, Trap::Revoked), (rates::OBJECTION, Trap::Objection)]
        }
        _ => &[],
    };
    let Some(trap) = draw.one_of(rates).filter(|_| term.covers(today)) else {
        return State::InForce;
    };
    traps.add(trap);
    match trap {
        Trap::Repaired => State::Repaired,
        Trap::Exited => {
            // `past` lies ten days back at the least, so the exit is in the term and not after today.
            let from = term.from.unwrap_or(today);
            let on = from.plus(1 + draw.days((today.0 - from.0).max(1) as u32));
            State::Exited((!draw.of_10k(1_500)).then_some(on))
        }
        Trap::Revoked => State::Revoked,
        Trap::Suspended => State::Suspended(Term::default()),
        _ => State::InForce,
    }
}

/// Decision, publication, end of publication, as far as the layout has columns for them.
pub(super) fn other_days(layout: Layout, term: Term) -> (Option<Day>, Option<Day>, Option<Day>) {
    match layout {
        Layout::Penalty => (term.from, None, term.to),
        Layout::PenaltyOld => (term.from, None, term.to),
        Layout::Licence => (term.from.map(|day| day.plus(-3)), None, None),
        Layout::Court => (term.from.map(|day| day.plus(-60)), term.from, None),
        Layout::Department => (term.from.map(|day| day.plus(-30)), None, None),
        Layout::Wages | Layout::Procurement | Layout::Taxpayer => (None, None, None),
    }
}

const TOWNS: [&str; 10] = [
    "苏州市",
    "昆山市",
    "常熟市",
    "太仓市",
    "张家港市",
    "苏州市吴江区",
    "苏州市吴中区",
    "苏州市相城区",
    "苏州市姑苏区",
    "苏州市虎丘区",
];

fn authority(feed: &Feed, draw: &mut Draw) -> String {
    let town = draw.pick(&TOWNS);
    let mut text = String::with_capacity(town.len() + feed.authority.len());
    text.push_str(town);
    text.push_str(feed.authority);
    text
}

/// A document number, of one entry only: `苏市监罚字〔2025〕000123号`, `（2025）苏0505执000123号`.
fn document(feed: &Feed, draw: &mut Draw, term: Term, number: u64, today: Day) -> String {
    let year = term.from.unwrap_or(today).ymd().0 as u64;
    let mut text = String::with_capacity(48);
    if feed.layout == Layout::Court {
        text.push('（');
        push_number(&mut text, year, 4);
        text.push_str("）苏05");
        push_number(&mut text, 5 + draw.below(5), 2);
        text.push_str(feed.document);
    } else {
        text.push('苏');
        text.push_str(feed.document);
        text.push('〔');
        push_number(&mut text, year, 4);
        text.push('〕');
    }
    push_number(&mut text, number + 1, 6);
    text.push('号');
    text
}

/// Digits of at least `width`. Formatting machinery would cost as much as the rest of an entry.
fn push_number(text: &mut String, number: u64, width: u32) {
    let mut power = 10_u64.pow(width - 1);
    while number / power >= 10 {
        power *= 10;
    }
    while power > 0 {
        text.push(char::from(b'0' + (number / power % 10) as u8));
        power /= 10;
    }
}

/// The name as the row writes it, and the real one where it differs.
fn recorded_name(
    draw: &mut Draw,
    name: String,
    kind: SubjectKind,
    feed: &Feed,
    city: &City,
    traps: &mut Traps,
) -> (String, Option<String>) {
    if kind == SubjectKind::Vehicle {
        return (name, None);
    }
    let (written, trap) = if let Some((rare, private)) =
        words::RARE.into_iter().find(|(rare, _)| name.contains(*rare))
    {
        let private = if draw.of_10k(2_000) { words::USER_DEFINED } else { private };
        (
            draw.of_10k(5_000).then(|| name.replace(rare, private.encode_utf8(&mut [0; 4]))),
            Trap::PrivateUse,
        )
    } else if name.contains('·') {
        let dot = draw.pick(&words::DOTS);
        (draw.of_10k(6_667).then(|| name.replace('·', dot)), Trap::Dots)
    } else if name.contains('（') && draw.of_10k(5_000) {
        (Some(name.replace('（', "(").replace('）', ")")), Trap::Brackets)
    } else {
        match draw.one_of(&[(rates::VARIANTS * 2, Trap::Variant), (rates::SPACED, Trap::Spaced)]) {
            Some(Trap::Variant) => (with_variants(&name), Trap::Variant),
            Some(_) => (Some(with_space(draw, &name)), Trap::Spaced),
            None => (None, Trap::Spaced),
        }
    };
    let Some(mut written) = written else { return (name, None) };
    traps.add(trap);
    if trap == Trap::PrivateUse && feed.format_in(city.plan.formats) == Format::CsvGb18030 {
        // GB18030 of 2022 gives some of these characters their real code points back.
        let (bytes, _, _) = encoding_rs::GB18030.encode(&written);
        written = encoding_rs::GB18030.decode(&bytes).0.into_owned();
    }
    (written, Some(name))
}

fn with_variants(name: &str) -> Option<String> {
    let variant =
        |c| words::VARIANTS.iter().find(|(plain, _)| *plain == c).map(|(_, variant)| *variant);
    let written: String = name.chars().map(|c| variant(c).unwrap_or(c)).collect();
    (written != name).then_some(written)
}

fn with_space(draw: &mut Draw, name: &str) -> String {
    let space = draw.pick(&[' ', ' ', '\u{3000}', '\u{a0}']);
    let at = name.char_indices().nth(1).map_or(0, |(at, _)| at);
    let mut written = name.to_owned();
    written.insert(at, space);
    written
}
