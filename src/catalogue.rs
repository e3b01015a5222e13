//! What a hit means: lists, measures, matters and their legal bases.
//!
//! Pure: no clock, file, socket, thread or randomness. The caller reads the texts
//! (`config/catalogue/*.toml`) and hands them to [`Catalogue::parse`], which refuses every
//! contradiction with file and line, all of them in one run.
//!
//! ```text
//! lists.toml ──► List ◄── consults ── Matter ◄── matters.toml
//!                  ▲                     ▲
//!                lists      Measure   matters          (matter, list) ─► [measure, …]
//!                  └───────────┴─────────┘◄── measures.toml
//! ```
//!
//! | file | noun |
//! |---|---|
//! | [`list`] | what being on a list says, whose it is, how old its data may be |
//! | [`matter`] | something handled for a subject, and the lists it must consult |
//! | [`measure`] | what follows from a place on a list, for whom, and by what right |
//! | [`item`] | the 14 items of the national basic list, or a local document |
//! | `bindings` | which measures bind a matter to a list: one table, read by position |
//! | [`mistake`] | what is wrong with a catalogue, with file and line |
//! | `parse`, `page`, `row` | from texts to values: the three files, one file, one table of it |

mod bindings;
pub mod item;
pub mod list;
pub mod matter;
pub mod measure;
pub mod mistake;
mod page;
mod parse;
mod row;
#[cfg(test)]
mod shipped;
#[cfg(test)]
mod tests;

pub use item::Item;
pub use list::{List, ListNo, WhenStale};
pub use matter::{Matter, MatterNo};
pub use measure::{Action, Measure, MeasureClass, MeasureNo, Reach};
pub use mistake::{CatalogueError, Fault, Mistake};
pub use page::COUNT_MAX;

use crate::record::ListKind;
use bindings::Bindings;
use matter::tail;

/// Lists, measures and matters, free of contradiction, with their relations worked out.
///
/// Numbers ([`ListNo`], [`MeasureNo`], [`MatterNo`]) are positions in the files and belong to one
/// catalogue: a number of another catalogue may panic or name something else.
#[derive(Clone, Debug)]
pub struct Catalogue {
    lists: Vec<List>,
    measures: Vec<Measure>,
    /// The last is [`Catalogue::all_lists`].
    matters: Vec<Matter>,
    hash: [u8; 32],
    digest: String,
    /// Sorted by code.
    lists_by_code: Vec<ListNo>,
    /// Sorted by code.
    matters_by_code: Vec<MatterNo>,
    /// Sorted by the last 12 characters of the code, which are distinct.
    matters_by_tail: Vec<MatterNo>,
    bindings: Bindings,
}

impl Catalogue {
    /// A catalogue from its files, (name, text): `lists.toml`, `measures.toml`, `matters.toml`, in
    /// any order.
    ///
    /// # Errors
    ///
    /// Every mistake of all files at once: what is not TOML, unknown fields and wrong types, unknown
    /// or duplicate codes, a missing legal basis, a measure outside the national basic list and any
    /// local one, and every contradiction among lists, measures and matters (DOMAIN 4).
    pub fn parse(files: &[(&str, &str)]) -> Result<Catalogue, CatalogueError> {
        parse::parse(files)
    }

    fn new(
        lists: Vec<List>,
        measures: Vec<Measure>,
        mut matters: Vec<Matter>,
        hash: [u8; 32],
    ) -> Catalogue {
        let mut lists_by_code: Vec<ListNo> =
            (0..lists.len()).map(|number| ListNo(number as u16)).collect();
        lists_by_code.sort_by_key(|no| lists[usize::from(no.0)].code.as_str());
        let mut matters_by_code: Vec<MatterNo> =
            (0..matters.len()).map(|number| MatterNo(number as u16)).collect();
        let mut matters_by_tail = matters_by_code.clone();
        matters_by_code.sort_by_key(|no| matters[usize::from(no.0)].code.as_str());
        matters_by_tail.sort_by_key(|no| tail(&matters[usize::from(no.0)].code));
        matters.push(Matter::of_all(lists.len()));
        let bindings = Bindings::new(lists.len(), &matters, &measures);
        Catalogue {
            lists,
            measures,
            matters,
            hash,
            digest: Catalogue::digest_of(&hash),
            lists_by_code,
            matters_by_code,
            matters_by_tail,
            bindings,
        }
    }

    /// How a [hash](Catalogue::hash) is told.
    pub fn digest_of(hash: &[u8; 32]) -> String {
        format!("sha256:{}", hex::encode(hash))
    }

    /// What the [digest](Catalogue::digest) tells.
    pub fn hash(&self) -> &[u8; 32] {
        &self.hash
    }

    /// `sha256:` and 64 hexadecimal digits over the names and texts of the files, whatever their
    /// order: the edition of the catalogue that an answer and a receipt name.
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// Every list, by [`ListNo`].
    pub fn lists(&self) -> &[List] {
        &self.lists
    }

    /// The number of every list, in order.
    pub fn list_numbers(&self) -> impl Iterator<Item = ListNo> + use<> {
        (0..self.lists.len()).map(|number| ListNo(number as u16))
    }

    /// Every measure, by [`MeasureNo`].
    pub fn measures(&self) -> &[Measure] {
        &self.measures
    }

    /// Every matter, by [`MatterNo`].
    pub fn matters(&self) -> &[Matter] {
        &self.matters[..self.matters.len() - 1]
    }

    /// What is asked where no matter is: all lists are consulted and no measure follows. It has no code
    /// and is none of [`Catalogue::matters`], behind which its number stands.
    pub fn all_lists(&self) -> MatterNo {
        MatterNo(self.matters.len() as u16 - 1)
    }

    /// The list of a number.
    pub fn list(&self, no: ListNo) -> &List {
        &self.lists[usize::from(no.0)]
    }

    /// The measure of a number.
    pub fn measure(&self, no: MeasureNo) -> &Measure {
        &self.measures[usize::from(no.0)]
    }

    /// The matter of a number.
    pub fn matter(&self, no: MatterNo) -> &Matter {
        &self.matters[usize::from(no.0)]
    }

    /// The list of a code.
    pub fn list_no(&self, code: &str) -> Option<ListNo> {
        let place = self
            .lists_by_code
            .binary_search_by(|no| self.list(*no).code.as_str().cmp(code))
            .ok()?;
        Some(self.lists_by_code[place])
    }

    /// The matter of a code: the whole code, else, when more than 12 characters are given, their
    /// last 12. A 实施编码 begins with the body that handles the matter and ends with the matter's
    /// base code, so another body's code for the same matter is found as well. No two matters of a
    /// catalogue share their last 12.
    pub fn matter_no(&self, code: &str) -> Option<MatterNo> {
        let whole =
            self.matters_by_code.binary_search_by(|no| self.matter(*no).code.as_str().cmp(code));
        if let Ok(place) = whole {
            return Some(self.matters_by_code[place]);
        }
        let given = tail(code);
        if given.len() == code.len() {
            return None;
        }
        let place = self
            .matters_by_tail
            .binary_search_by(|no| tail(&self.matter(*no).code).cmp(given))
            .ok()?;
        Some(self.matters_by_tail[place])
    }

    /// The measures that follow for a matter from a list, strongest action first, then by code.
    /// Empty where the matter does not consult the list or nothing follows.
    pub fn measures_of(&self, matter: MatterNo, list: ListNo) -> &[MeasureNo] {
        self.bindings.measures(matter, list)
    }

    /// The lists on which what is told of a matter rests: those that it consults and, where one of these is red,
    /// all black lists and bans, since who is on one is favoured by nothing.
    pub fn rests_on(&self, matter: MatterNo) -> impl Iterator<Item = ListNo> {
        let consults = &self.matter(matter).consults;
        let favours = consults.iter().any(|&list| self.list(list).kind == ListKind::Red);
        let against = favours.then(|| self.list_numbers()).into_iter().flatten();
        consults.iter().copied().chain(against.filter(|&list| self.list(list).kind.is_black()))
    }

    /// The matter must consult the list.
    pub fn consults(&self, matter: MatterNo, list: ListNo) -> bool {
        self.bindings.consults(matter, list)
    }
}
