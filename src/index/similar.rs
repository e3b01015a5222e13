//! Names by the sounds of their cores, with one of them left out: whatever is one edit away, or reads
//! alike, is found by one look-up a character. And what the listed names tell of characters.
//!
//! ```text
//! similar.starts   u32*   by bucket of a hash: where its postings begin, and the end of all
//! similar.posts    u32*   posting: tag << bits | entry, in the order of buckets
//! similar.chars    u8*    a character of the basic plane → the bits that it tells, in quarters
//! similar.pairs    u64*   a Bloom filter of the neighbours in listed names
//! similar.meta     u64*   bits of an entry, names, surprise of unknown neighbours in thousandths
//! ```
//!
//! A posting names an entry, not its name, which the entry has. Short names are left out: one edit of
//! three characters makes another person of anybody.

use super::EntryNo;
use super::names::Mention;
use crate::snapshot::{Array, OpenError, Snapshot, Writer, prefetch};
use crate::text::Name;
use crate::text::likeness::Corpus;
use rayon::prelude::*;
use smallvec::SmallVec;
use std::io::{self, Seek, Write};
use zerocopy::IntoBytes;

/// Characters from which on a name is looked for by its likes.
pub const CHARS_MIN: usize = 5;

/// Buckets a name.
const BUCKETS: usize = 2;
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
/// Names that are prepared side by side.
const CHUNK: usize = 4096;

/// A name with this K2 key is looked for by its likes.
pub fn is_long_enough(key: &str) -> bool {
    key.chars().nth(CHARS_MIN - 1).is_some()
}

/// Write the sections for the K2 keys of names, each with an entry that bears it.
pub(super) fn write<W: Write + Seek>(
    names: &[(&[u8], Mention)],
    writer: &mut Writer<W>,
) -> io::Result<()> {
    let entries = names.iter().map(|(_, mention)| mention.entry.0).max().map_or(0, |max| max + 1);
    let bits = u32::BITS - entries.leading_zeros();
    let buckets = (names.len() * BUCKETS).max(1);
    let parts: Vec<Part> =
        names.par_chunks(CHUNK).map(|names| Part::of(names, buckets, bits)).collect();
    let mut posts: Vec<(u32, u32)> = parts.iter().flat_map(|part| &part.posts).copied().collect();
    posts.par_sort_unstable();
    posts.dedup();
    let mut starts = vec![0u32; buckets + 1];
    posts.iter().for_each(|&(bucket, _)| starts[bucket as usize + 1] += 1);
    for bucket in 0..buckets {
        starts[bucket + 1] += starts[bucket];
    }
    writer.section("similar.starts", starts.as_bytes())?;
    let posts: Vec<u32> = posts.into_iter().map(|(_, post)| post).collect();
    writer.section("similar.posts", posts.as_bytes())?;

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
    posts: Vec<(u32, u32)>,
    chars: Vec<u16>,
    pairs: Vec<u32>,
}

impl Part {
    fn of(names: &[(&[u8], Mention)], buckets: usize, bits: u32) -> Part {
        let (mut part, mut name, mut sounds) = (Part::default(), Name::default(), Vec::new());
        for (key, mention) in names {
            let Ok(key) = std::str::from_utf8(key) else { continue };
            if !is_long_enough(key) {
                continue;
            }
            name.of(key);
            name.hashes(&mut sounds, |hash| {
                let (bucket, tag) = place(hash, buckets, bits);
                part.posts.push((bucket, tag | mention.entry.0));
            });
            part.chars.extend(name.parts.core.iter().map(|&c| narrow(c)));
            part.pairs.extend(name.whole.windows(2).map(|pair| neighbours(pair[0], pair[1])));
        }
        part
    }
}

/// The bucket of a hash, and the bits of a posting that are not the entry's.
fn place(hash: u64, buckets: usize, bits: u32) -> (u32, u32) {
    let bucket = (u128::from(hash) * buckets as u128) >> 64;
    let tag = u64::from(hash as u32) << bits;
    (bucket as u32, tag as u32)
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

/// See the [module](self).
#[derive(Clone)]
pub struct Similar {
    starts: Array<u32>,
    posts: Array<u32>,
    chars: Array<u8>,
    pairs: Array<u64>,
    bits: u32,
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
            starts: snapshot.array("similar.starts")?,
            posts: snapshot.array("similar.posts")?,
            chars: snapshot.array("similar.chars")?,
            pairs: snapshot.array("similar.pairs")?,
            bits: bits as u32,
            names,
            surprise: surprise as f64 / 3_000.0,
        };
        let wrong = [
            ("similar.starts", similar.starts.len() < 2),
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
        self.starts.len() * 4 + self.posts.len() * 4 + self.chars.len() + self.pairs.len() * 8
    }

    /// Add the entries one name of which may have one of these hashes among the
    /// [deletions](crate::text::name::deletions) of its core:
    /// all that have, and a few others. Cost: two cache lines a hash, all read at once.
    pub fn with_hashes(&self, hashes: &[u64], found: &mut Vec<EntryNo>) {
        let bucket = |&hash: &u64| {
            let (bucket, tag) = place(hash, self.starts.len() - 1, self.bits);
            let bounds = self.starts.get(bucket as usize..bucket as usize + 2);
            let (start, end) = bounds.map_or((0, 0), |bounds| (bounds[0], bounds[1]));
            if let Some(first) = self.posts.get(start as usize) {
                prefetch(first);
            }
            (start as usize..end as usize, tag)
        };
        let entry = (1u32 << self.bits) - 1;
        // No bucket is read before the place of each is known, so that the reads do not wait for one
        // another.
        let buckets: SmallVec<[_; 128]> = hashes.iter().map(bucket).collect();
        for (range, tag) in buckets {
            let posts = self.posts.get(range).unwrap_or(&[]);
            let of_tag = posts.iter().filter(|&&post| post & !entry == tag);
            found.extend(of_tag.map(|&post| EntryNo(post & entry)));
        }
    }

    /// Every posting lies in a bucket and names an entry below `entries`.
    pub fn validate(&self, entries: usize) -> Result<(), String> {
        if !self.starts.is_sorted() || self.starts.last() != Some(&(self.posts.len() as u32)) {
            return Err("buckets out of order".to_owned());
        }
        let entry = (1u32 << self.bits) - 1;
        match self.posts.iter().any(|post| (post & entry) as usize >= entries) {
            true => Err("a posting names no entry".to_owned()),
            false => Ok(()),
        }
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
