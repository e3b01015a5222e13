//! Which names are kept under a hash, each with a mark by which most are passed over unread.
//!
//! ```text
//! similar.starts   u32*     by bucket of a hash: how many postings are before its own, and the number of all
//! similar.posts    bucket*  posting(u32)*, then a mark(u8) for each, in order
//! posting          tag << bits | start of a record
//! mark             127 kept under a whole core; else the province of all its places, by the first two digits
//!                  of its code, the doubtful one among them under the core without that; 0 of no place, or of
//!                  places in several
//! ```
//!
//! A common core of two or three sounds is that of thousands of names, each with one character more and
//! nearly all in other provinces: where none of these is the asked name's the record is not even read. By a
//! whole core, and where the edit may lie in a place, all are; by what is left of a name behind a cut that
//! is through it, whole cores alone.

use super::similar::RecordNo;
use crate::snapshot::{Array, OpenError, Snapshot, Writer, prefetch};
use crate::text::Name;
use crate::text::name::Core;
use crate::text::packed::Packed;
use rayon::prelude::*;
use smallvec::SmallVec;
use std::io::{self, Seek, Write};
use zerocopy::IntoBytes;

/// Buckets a name.
const BUCKETS: usize = 2;
/// Bytes of a posting without its mark.
const POST: usize = size_of::<u32>();
/// Bytes of a posting with its mark.
const MARKED: usize = POST + size_of::<Mark>();

/// What a posting tells of its name.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Mark(u8);

impl Mark {
    const WHOLE: Mark = Mark(127);
    const NOWHERE: Mark = Mark(0);

    /// That of a name, under a whole core of it or under that with a character left out.
    pub(super) fn of(core: Core, is_whole: bool) -> Mark {
        if is_whole { Mark::WHOLE } else { Mark::of_place(core.provinces()) }
    }

    fn of_place(provinces: impl Iterator<Item = u8>) -> Mark {
        let one = provinces.map(Some).reduce(|one, next| one.filter(|_| one == next));
        one.flatten().map_or(Mark::NOWHERE, Mark)
    }
}

/// A set of marks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Marks(u128);

impl Marks {
    /// All.
    pub const ALL: Marks = Marks(u128::MAX);
    /// That of names under their whole cores.
    pub const WHOLE: Marks = Marks(1 << Mark::WHOLE.0);

    /// Those of names of which a place may agree with one of the asked core's name, and of whole cores.
    pub fn near(asked: Core) -> Marks {
        let marks = asked.provinces().fold(0, |marks, province| marks | 1 << (province & 127));
        match marks {
            0 => Marks::ALL,
            marks => Marks(marks | 1 << Mark::NOWHERE.0 | Marks::WHOLE.0),
        }
    }

    /// All, or still those of whole cores where only such are looked for.
    pub fn anywhere(self) -> Marks {
        if self == Marks::WHOLE { self } else { Marks::ALL }
    }

    /// The mark is one of them.
    #[inline]
    pub fn have(self, mark: Mark) -> bool {
        self.0 >> (mark.0 & 127) & 1 == 1
    }
}

/// A hash under which names are looked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Sought {
    /// The hash.
    pub hash: u64,
    /// Those names that have it under one of these.
    pub marks: Marks,
}

impl Sought {
    /// Each hash once, in order, with the marks of all that were the same.
    pub fn unite(all: &mut Vec<Sought>) {
        all.sort_unstable_by_key(|sought| sought.hash);
        all.dedup_by(|next, kept| {
            let is_same = next.hash == kept.hash;
            if is_same {
                kept.marks.0 |= next.marks.0;
            }
            is_same
        });
    }
}

/// A posting while names are prepared.
pub(super) struct Post {
    bucket: u32,
    /// The lower half.
    hash: u32,
    /// Among the records of those that are prepared with it.
    start: u32,
    mark: Mark,
}

impl Post {
    /// Of a record that starts there, under a hash, in a snapshot of so many names.
    pub fn of(hash: u64, mark: Mark, start: u32, names: usize) -> Post {
        Post { bucket: bucket(hash, buckets(names)), hash: hash as u32, start, mark }
    }
}

/// A posting with its place: bucket, tag and start, mark.
type Placed = (u32, u32, Mark);

/// Collects postings and writes them. See the [module](self).
pub(super) struct PostingsBuilder {
    buckets: usize,
    bits: u32,
    posts: Vec<Placed>,
}

impl PostingsBuilder {
    /// For so many names, the starts of whose records take so many bits.
    pub fn new(names: usize, bits: u32) -> PostingsBuilder {
        PostingsBuilder { buckets: buckets(names), bits, posts: Vec::new() }
    }

    /// Add those whose records start so much later than they say.
    pub fn add(&mut self, posts: Vec<Post>, first: u32) {
        let bits = self.bits;
        let placed =
            |post: Post| (post.bucket, tag(post.hash, bits) | (first + post.start), post.mark);
        self.posts.extend(posts.into_iter().map(placed));
    }

    /// Write the sections.
    pub fn write<W: Write + Seek>(mut self, writer: &mut Writer<W>) -> io::Result<()> {
        self.posts.par_sort_unstable();
        self.posts.dedup();
        let mut starts = vec![0u32; self.buckets + 1];
        self.posts.iter().for_each(|&(bucket, ..)| starts[bucket as usize + 1] += 1);
        for bucket in 0..self.buckets {
            starts[bucket + 1] += starts[bucket];
        }
        writer.section("similar.starts", starts.as_bytes())?;
        let mut bytes = Vec::with_capacity(self.posts.len() * MARKED);
        for bucket in self.posts.chunk_by(|a, b| a.0 == b.0) {
            bucket.iter().for_each(|(_, post, _)| bytes.extend_from_slice(&post.to_le_bytes()));
            bytes.extend(bucket.iter().map(|(.., mark)| mark.0));
        }
        writer.section("similar.posts", &bytes)
    }
}

fn buckets(names: usize) -> usize {
    (names * BUCKETS).max(1)
}

/// The bucket of a hash.
fn bucket(hash: u64, buckets: usize) -> u32 {
    ((u128::from(hash) * buckets as u128) >> 64) as u32
}

/// The bits of a posting that are not the record's, from the lower half of a hash.
fn tag(hash: u32, bits: u32) -> u32 {
    (u64::from(hash) << bits) as u32
}

/// See the [module](self).
#[derive(Clone)]
pub(super) struct Postings {
    starts: Array<u32>,
    posts: Array<u8>,
    bits: u32,
}

impl Postings {
    /// The sections of a snapshot in which the start of a record takes so many bits.
    pub fn open(snapshot: &Snapshot, bits: u32) -> Result<Postings, OpenError> {
        let postings = Postings {
            starts: snapshot.array("similar.starts")?,
            posts: snapshot.array("similar.posts")?,
            bits,
        };
        match postings.starts.len() {
            0..2 => Err(snapshot.unexpected("similar.starts", "of another size".to_owned())),
            _ => Ok(postings),
        }
    }

    /// Bytes that all of it takes.
    pub fn bytes(&self) -> usize {
        self.starts.as_bytes().len() + self.posts.len()
    }

    /// Add the names that may have one of these hashes under one of its marks: all that have, and a few
    /// others. Cost: two cache lines a hash, all read at once, and 1 ns for each that has it.
    pub fn with_hashes(&self, hashes: &[Sought], found: &mut Vec<RecordNo>) {
        let range = |sought: &Sought| {
            let bucket = bucket(sought.hash, self.starts.len() - 1) as usize;
            let bounds = self.starts.get(bucket..bucket + 2);
            let (start, end) = bounds.map_or((0, 0), |bounds| (bounds[0], bounds[1]));
            if let Some(first) = self.posts.get(start as usize * MARKED) {
                prefetch(first);
            }
            (start as usize..end as usize, tag(sought.hash as u32, self.bits), sought.marks)
        };
        let start = self.start();
        // No bucket is read before the place of each is known, so that the reads do not wait for one
        // another.
        let buckets: SmallVec<[_; 128]> = hashes.iter().map(range).collect();
        for (range, tag, marks) in buckets {
            let sought = self.bucket(range);
            let sought = sought.filter(|&(post, mark)| post & !start == tag && marks.have(mark));
            found.extend(sought.map(|(post, _)| RecordNo::of(post & start)));
        }
    }

    /// The bits of a posting that are the record's.
    fn start(&self) -> u32 {
        (1u32 << self.bits) - 1
    }

    /// The postings of these numbers, which are a bucket's.
    fn bucket(&self, range: std::ops::Range<usize>) -> impl Iterator<Item = (u32, Mark)> {
        let bytes = self.posts.get(range.start * MARKED..range.end * MARKED).unwrap_or(&[]);
        let (posts, marks) = bytes.split_at(range.len().min(bytes.len()) * POST);
        let (posts, _) = posts.as_chunks::<POST>();
        posts.iter().zip(marks).map(|(post, &mark)| (u32::from_le_bytes(*post), Mark(mark)))
    }

    /// Every posting lies in a bucket and leads to a name that has its mark. `name_of` reads that of a
    /// record, where there is one.
    pub fn validate<'a>(
        &self,
        name_of: impl Fn(RecordNo) -> Option<Packed<'a>>,
    ) -> Result<(), String> {
        let postings = self.starts.last().copied().unwrap_or(0) as usize;
        if !self.starts.is_sorted() || postings * MARKED != self.posts.len() {
            return Err("buckets out of order".to_owned());
        }
        for bounds in self.starts.windows(2) {
            for (post, mark) in self.bucket(bounds[0] as usize..bounds[1] as usize) {
                let name = name_of(RecordNo::of(post & self.start()));
                let name = name.ok_or("a posting leads to no name")?;
                if mark == Mark::WHOLE || mark == Mark::of_place(name.provinces()) {
                    continue;
                }
                let name = Name::new(&name.key());
                if name.cores().all(|core| mark != Mark::of(core, false)) {
                    return Err("a posting marked as of another place".to_owned());
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_near_where_a_province_agrees_or_none_is_known() {
        // 三门 may be a county of 浙江, 库尔勒 is one of 新疆.
        let rows = [
            ("苏州星河科技有限公司", "南京星河科技有限公司", true),
            ("苏州星河科技有限公司", "杭州星河科技有限公司", false),
            ("上海星河科技（苏州）有限公司", "杭州星河科技有限公司", false),
            ("上海星河科技（苏州）有限公司", "南京星河科技有限公司", true),
            ("杭州星河科技有限公司", "上海星河科技（苏州）有限公司", true),
            ("苏州星河科技有限公司", "星河科技有限公司", true),
            ("星河科技有限公司", "杭州星河科技有限公司", true),
            ("库尔勒星河科技有限公司", "杭州星河科技有限公司", false),
            ("库尔勒星河科技有限公司", "乌鲁木齐星河科技有限公司", true),
            ("库尔勒星河科技有限公司", "三门星河科技有限公司", false),
            ("杭州星河科技有限公司", "三门星河科技有限公司", true),
            ("苏州星河科技有限公司", "三门星河科技有限公司", false),
            ("星河科技有限公司", "三门星河科技有限公司", true),
        ];
        for (asked, listed, is_near) in rows {
            let (asked, listed) = (Name::new(asked), Name::new(listed));
            let (core, near) = (asked.cores().last().unwrap(), listed.cores().last().unwrap());
            let marks = Marks::near(core);
            assert_eq!(marks.have(Mark::of(near, false)), is_near, "{asked:?} {listed:?}");
            assert!(marks.have(Mark::of(near, true)) && Marks::ALL.have(Mark::of(near, false)));
            assert!(!Marks::WHOLE.have(Mark::of(near, false)));
        }
        // By the whole of their cores nothing is known of their places.
        let (asked, listed) = (Name::new("库尔勒星河"), Name::new("三门星河"));
        let [asked, listed] = [&asked, &listed].map(Name::core);
        assert_eq!((Marks::near(asked), Mark::of(listed, false)), (Marks::ALL, Mark::NOWHERE));
    }

    #[test]
    fn a_hash_is_sought_once_under_all_its_marks() {
        let sought = |hash, marks| Sought { hash, marks: Marks(marks) };
        let mut all = vec![sought(7, 1), sought(3, 2), sought(7, 4), sought(3, 2)];
        Sought::unite(&mut all);
        assert_eq!(all, [sought(3, 2), sought(7, 5)]);
    }
}
