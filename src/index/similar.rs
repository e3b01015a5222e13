//! Names by the sounds of their cores, with one of them left out: whatever is one edit away, or reads
//! alike, is found by one look-up a character. And what the listed names tell of characters.
//!
//! ```text
//! similar.starts, similar.posts: see [`postings`]
//! similar.names    u8*    record*: entry(u32), then the name as it is packed ([`Name::pack`])
//! similar.chars    u8*    a character of the basic plane → the bits that it tells, in quarters
//! similar.pairs    u64*   a Bloom filter of the neighbours in listed names
//! similar.meta     u64*   bits of a start, names, surprise of unknown neighbours in thousandths
//! ```
//!
//! Records begin at multiples of eight bytes, and starts count those. A distinct name has one, with the
//! first entry that bears it: nothing is folded or taken apart when it is compared. Short names are left
//! out: one edit of three characters makes another person of anybody. What is two edits away is found by
//! [`beginnings`].

use super::EntryNo;
use super::beginnings::{self, Beginning, Beginnings, Outline};
use super::names::Mention;
use super::postings::{Mark, Post, Postings, PostingsBuilder};
use crate::snapshot::{Array, OpenError, Snapshot, Writer, prefetch};
use crate::text::Name;
use crate::text::likeness::Corpus;
use crate::text::packed::Packed;
use rayon::prelude::*;
use roaring::RoaringBitmap;
use std::io::{self, Seek, Write};
use zerocopy::IntoBytes;

/// Characters from which on a name is looked for by its likes.
pub const CHARS_MIN: usize = 5;

/// Chinese characters of a natural person's name from which on an edit may be a slip, and letters of any other.
const PERSONS_CHARS_MIN: usize = 5;
const PERSONS_LETTERS_MIN: usize = 12;

/// Bits of the filter a pair of neighbours.
const PAIR_BITS: usize = 16;
/// Bits set for each.
const PAIR_PROBES: u32 = 2;
/// What a character tells is kept in so many parts of a bit.
const PARTS_OF_BIT: f64 = 4.0;
/// Characters that are supposed to have been met beforehand, or a short list would tell nothing.
const CHARS_SUPPOSED: f64 = 2000.0;
/// Those of which two thirds of the cores of companies' names consist, the most common first: counted in
/// 200,000 names of registered companies.
const COMMON: &str = "\
    业工贸社合技科作分商电发务程建农销专服行设品产化物机资装理开易信金支营华制房车通天中管地大源银厂材新\
    油店部安达备械筑料石饰养汽展集种实售经药生团保供东运广海水山南子鑫殖民文兴加路术植站器投林龙县咨国询\
    江食盛家城力丰泰联州造利用木市阳门德传西气恒园镇连医三第瑞人能塑动告康宏一特政锁和所河网北矿区计美件\
    旅滨场险村环流顺成博明际万邮输福古劳息宝佳酒光五永艺自宁乐心方平络尔口昌绿宇星润创隆配富代印诚具嘉长";
/// Bytes at multiples of which records begin.
const RECORD_UNIT: usize = 8;
/// Names that are prepared side by side.
const CHUNK: usize = 4096;

/// A name with this K2 key is looked for by its likes.
pub fn is_long_enough(key: &str) -> bool {
    key.chars().nth(CHARS_MIN - 1).is_some()
}

/// A natural person whose name has this K2 key may be met by a name like it. Of a shorter one an edit makes another
/// person's: Zhang San and Zhang Shan are two. What stands in brackets is a remark, and numbers are none of a name.
pub fn tells_person(key: &str) -> bool {
    let (mut chars, mut letters, mut is_remark) = (0, 0, false);
    for c in key.chars() {
        match c {
            '(' | ')' => is_remark = c == '(',
            _ if is_remark => {}
            '\u{3400}'..='\u{9fff}' | '\u{20000}'..='\u{3ffff}' => chars += 1,
            _ => letters += usize::from(c.is_alphabetic()),
        }
    }
    chars >= PERSONS_CHARS_MIN || letters >= PERSONS_LETTERS_MIN
}

/// Write the sections for the K2 keys of names, each with an entry that bears it.
pub(super) fn write<W: Write + Seek>(
    names: &[(&[u8], Mention)],
    writer: &mut Writer<W>,
) -> io::Result<()> {
    let mut parts: Vec<Part> =
        names.par_chunks(CHUNK).map(|chunk| Part::of(chunk, names.len())).collect();
    let all = parts.iter().map(|part| part.records.len() / RECORD_UNIT).sum::<usize>();
    let bits = usize::BITS - all.leading_zeros();
    if bits >= u32::BITS {
        return Err(io::Error::other("too many names for one snapshot"));
    }
    let (mut postings, mut first) = (PostingsBuilder::new(names.len(), bits), 0);
    let mut begun = Vec::new();
    for part in &mut parts {
        let of_part = std::mem::take(&mut part.begun).into_iter();
        begun.extend(of_part.map(|(by, outline, start)| (by, outline, RecordNo(first + start))));
        postings.add(std::mem::take(&mut part.posts), first);
        first += (part.records.len() / RECORD_UNIT) as u32;
    }
    postings.write(writer)?;
    writer.begin("similar.names")?;
    parts.iter().try_for_each(|part| writer.write_all(&part.records))?;
    beginnings::write(begun, writer)?;

    let mut counts = vec![0u32; usize::from(u16::MAX) + 1];
    parts.iter().flat_map(|part| &part.chars).for_each(|&c| counts[usize::from(c)] += 1);
    let total: f64 = counts.iter().map(|&count| f64::from(count)).sum();
    let mut supposed = vec![1.0; counts.len()];
    for (rank, c) in COMMON.chars().enumerate() {
        supposed[usize::from(narrow(c))] = CHARS_SUPPOSED * 0.2 / (rank as f64 + 7.0);
    }
    let told = |(&count, supposed): (&u32, f64)| {
        let told = -((f64::from(count) + supposed) / (total + CHARS_SUPPOSED)).log2();
        (told * PARTS_OF_BIT).clamp(0.0, 255.0) as u8
    };
    let told: Vec<u8> = counts.iter().zip(supposed).map(told).collect();
    writer.section("similar.chars", &told)?;

    let mut pairs: Vec<u32> = parts.iter().flat_map(|part| &part.pairs).copied().collect();
    drop(parts);
    pairs.par_sort_unstable();
    let all = pairs.len();
    let groups = || pairs.chunk_by(|a, b| a == b);
    let (distinct, single) = groups().fold((0, 0), |(distinct, single), group| {
        (distinct + 1, single + usize::from(group.len() == 1))
    });
    let words = (distinct * PAIR_BITS).div_ceil(64).next_power_of_two().max(1);
    let mut filter = vec![0u64; words];
    for group in groups() {
        for bit in pair_bits(group[0], words) {
            filter[bit / 64] |= 1 << (bit % 64);
        }
    }
    writer.section("similar.pairs", filter.as_bytes())?;
    // Good and Turing: the share of what was met once is that of what is not yet met.
    let unknown = (single as f64 + 1.0) / (all as f64 + 1.0);
    let surprise = (-unknown.ln()).max(0.0) * 1_000.0;
    let meta = [u64::from(bits), names.len() as u64, surprise as u64];
    writer.section("similar.meta", meta.as_bytes())
}

/// What some names bring.
#[derive(Default)]
struct Part {
    posts: Vec<Post>,
    records: Vec<u8>,
    /// How a name begins, its outline, and where it starts among the records of the part.
    begun: Vec<(Beginning, Outline, u32)>,
    chars: Vec<u16>,
    pairs: Vec<u32>,
}

impl Part {
    /// Those of some names, of so many in all.
    fn of(names: &[(&[u8], Mention)], all: usize) -> Part {
        let (mut part, mut name, mut sounds) = (Part::default(), Name::default(), Vec::new());
        for (key, mention) in names {
            let Ok(key) = std::str::from_utf8(key) else { continue };
            if !is_long_enough(key) {
                continue;
            }
            name.of(key);
            let start = (part.records.len() / RECORD_UNIT) as u32;
            part.records.extend_from_slice(&mention.entry.0.to_le_bytes());
            name.pack(&mut part.records);
            part.records.resize(part.records.len().next_multiple_of(RECORD_UNIT), 0);
            name.hashes(&mut sounds, |core, hash, is_whole| {
                part.posts.push(Post::of(hash, Mark::of(core, is_whole), start, all));
            });
            if beginnings::is_kept(&name) {
                part.begun.push((Beginning::of(&name), Outline::of(&name), start));
            }
            part.chars.extend(name.parts.core.iter().map(|&c| narrow(c)));
            part.pairs.extend(name.whole.windows(2).map(|pair| neighbours(pair[0], pair[1])));
        }
        part
    }
}

/// Characters beyond the basic plane share one place.
fn narrow(c: char) -> u16 {
    u16::try_from(c as u32).unwrap_or(u16::MAX)
}

fn neighbours(a: char, b: char) -> u32 {
    u32::from(narrow(a)) << 16 | u32::from(narrow(b))
}

fn pair_bits(pair: u32, words: usize) -> impl Iterator<Item = usize> {
    let hash = u64::from(pair).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let hash = hash ^ (hash >> 32);
    (0..PAIR_PROBES).map(move |probe| {
        let hash = hash.wrapping_mul(0xff51_afd7_ed55_8ccd_u64.rotate_left(probe * 17) | 1);
        (hash >> 20) as usize & (words * 64 - 1)
    })
}

/// Where the record of a name begins.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct RecordNo(u32);

impl RecordNo {
    pub(super) fn of(number: u32) -> RecordNo {
        RecordNo(number)
    }

    pub(super) fn number(self) -> u32 {
        self.0
    }
}

/// See the [module](self).
#[derive(Clone)]
pub struct Similar {
    postings: Postings,
    records: Array<u8>,
    beginnings: Beginnings,
    chars: Array<u8>,
    pairs: Array<u64>,
    names: u64,
    surprise: f64,
}

impl Similar {
    /// The sections of a snapshot.
    pub(super) fn open(snapshot: &Snapshot) -> Result<Similar, OpenError> {
        let meta: Array<u64> = snapshot.array("similar.meta")?;
        let &[bits, names, surprise] = &*meta else {
            return Err(snapshot.unexpected("similar.meta", "not three numbers".to_owned()));
        };
        let similar = Similar {
            postings: Postings::open(snapshot, bits as u32)?,
            records: snapshot.array("similar.names")?,
            beginnings: Beginnings::open(snapshot)?,
            chars: snapshot.array("similar.chars")?,
            pairs: snapshot.array("similar.pairs")?,
            names,
            surprise: surprise as f64 / 3_000.0,
        };
        let wrong = [
            ("similar.chars", similar.chars.len() != usize::from(u16::MAX) + 1),
            ("similar.pairs", !similar.pairs.len().is_power_of_two()),
            ("similar.meta", bits > 31),
        ];
        match wrong.into_iter().find(|(_, wrong)| *wrong) {
            Some((section, _)) => Err(snapshot.unexpected(section, "of another size".to_owned())),
            None => Ok(similar),
        }
    }

    /// Distinct names, the short ones too.
    pub fn len(&self) -> usize {
        self.names as usize
    }

    /// None at all.
    pub fn is_empty(&self) -> bool {
        self.names == 0
    }

    /// Bytes that all of it takes.
    pub fn bytes(&self) -> usize {
        let sections = [&*self.records, &self.chars, self.pairs.as_bytes()];
        let sections = sections.iter().map(|section| section.len()).sum::<usize>();
        sections + self.postings.bytes() + self.beginnings.bytes()
    }

    /// The names by the sounds of their cores.
    pub(super) fn postings(&self) -> &Postings {
        &self.postings
    }

    /// The names by how they begin.
    pub(super) fn beginnings(&self) -> &Beginnings {
        &self.beginnings
    }

    /// Fetch what a name is read from.
    pub(super) fn prefetch(&self, no: RecordNo) {
        // Most lie in two cache lines.
        for byte in [0, 63] {
            self.records.get(no.0 as usize * RECORD_UNIT + byte).into_iter().for_each(prefetch);
        }
    }

    /// A name, and the first entry that bears it. `None` where it is damaged.
    pub(super) fn name(&self, no: RecordNo) -> Option<(EntryNo, Packed<'_>)> {
        self.record(no).map(|(entry, packed, _)| (entry, packed))
    }

    /// The same, and where the next begins.
    fn record(&self, no: RecordNo) -> Option<(EntryNo, Packed<'_>, RecordNo)> {
        let record = self.records.get(no.0 as usize * RECORD_UNIT..)?;
        let (entry, packed) = record.split_first_chunk()?;
        let (packed, rest) = Packed::read(packed)?;
        let length = record.len() - rest.len();
        let next = RecordNo(no.0.checked_add(length.div_ceil(RECORD_UNIT) as u32)?);
        Some((EntryNo(u32::from_le_bytes(*entry)), packed, next))
    }

    /// Every name can be read and names an entry below `entries`, and is what leads to it by its sounds and
    /// by how it begins.
    pub fn validate(&self, entries: usize) -> Result<(), String> {
        let (mut no, mut name) = (RecordNo(0), Name::default());
        let mut starts = RoaringBitmap::new();
        while no.0 as usize * RECORD_UNIT < self.records.len() {
            let record = self.record(no).filter(|(entry, ..)| (entry.0 as usize) < entries);
            let Some((_, packed, next)) = record else {
                return Err("a name of no entry".to_owned());
            };
            name.unpack(packed).ok_or("a name cannot be read")?;
            starts.insert(no.0);
            no = next;
        }
        let name_of = |no: RecordNo| starts.contains(no.0).then(|| self.name(no)).flatten();
        self.postings.validate(|no| name_of(no).map(|(_, packed)| packed))?;
        self.beginnings.validate(|no, name| name.unpack(name_of(no)?.1))
    }
}

impl Corpus for Similar {
    fn bits(&self, c: char) -> f64 {
        self.chars.get(usize::from(narrow(c))).map_or(0.0, |&told| f64::from(told) / PARTS_OF_BIT)
    }

    fn knows(&self, a: char, b: char) -> bool {
        let words = self.pairs.len();
        pair_bits(neighbours(a, b), words).all(|bit| self.pairs[bit / 64] & (1 << (bit % 64)) != 0)
    }

    fn surprise(&self) -> f64 {
        self.surprise
    }
}
