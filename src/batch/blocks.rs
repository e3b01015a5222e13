//! Text in blocks of whole records, answered side by side, written in order.

use super::Tally;
use crate::source::SourceError;
use crate::source::reject::Reason;
use csv_core::{ReadRecordResult, Reader};
use memchr::{memchr, memchr_iter, memrchr};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, SyncSender, channel, sync_channel};

/// Bytes of a block: few enough to stay in a core's cache on their way.
const BLOCK_BYTES: usize = 256 << 10;
/// Bytes of a record. What is longer is none: an unbalanced quote, or no text at all.
pub const RECORD_BYTES_MAX: usize = 2 << 20;
/// Blocks that wait before and behind each screener.
const WAITING: usize = 2;

/// What ends a record.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Records {
    /// A line feed.
    Lines,
    /// A line feed that is in no quotes, cells being parted so.
    Csv(u8),
}

/// Reads blocks that end where a record does.
pub struct Blocks<R> {
    file: PathBuf,
    input: R,
    records: Records,
    kept: Vec<u8>,
    is_at_end: bool,
}

/// A block on its way. Its memory goes round: from the reader to a screener, to the writer and back.
#[derive(Default)]
pub struct Block {
    /// What was read.
    pub text: Vec<u8>,
    /// What is written of it.
    pub out: Vec<u8>,
}

/// What a block came to.
#[derive(Default)]
pub struct Answered {
    /// Records in it, blank ones too.
    pub records: u64,
    /// Bytes of it.
    pub bytes: u64,
    /// All of it is text, in the encoding that it is read in.
    pub is_text: bool,
    /// A record, the first being 1, whose quotes are open where the input ends.
    pub open_quote: Option<u64>,
    /// Which of its records are rejected (the first is 0), why, and what can be shown of each.
    pub rejects: Vec<(u64, Reason, String)>,
    /// What was met.
    pub tally: Tally,
    /// Which of the columns that were told an object has had, a bit each.
    pub told_seen: u64,
}

impl<R: Read> Blocks<R> {
    /// Of an input that is named so in errors.
    pub fn new(file: &Path, input: R, records: Records) -> Blocks<R> {
        Blocks { file: file.to_owned(), input, records, kept: Vec::new(), is_at_end: false }
    }

    /// The first record, with its line feed; empty where there is none.
    pub fn head(&mut self) -> Result<Vec<u8>, SourceError> {
        let end = self.fill(|bytes, records| match records {
            Records::Lines => memchr(b'\n', bytes).map(|at| at + 1),
            Records::Csv(delimiter) => Records::ends(bytes, delimiter).next(),
        })?;
        Ok(self.kept.drain(..end).collect())
    }

    /// Read the next block into one that is not needed any more; `false` after the last.
    pub fn next(&mut self, text: &mut Vec<u8>) -> Result<bool, SourceError> {
        let end = self.fill(|bytes, records| match records {
            Records::Csv(delimiter) if !are_lines(bytes) => Records::ends(bytes, delimiter).last(),
            _ => memrchr(b'\n', bytes).map(|at| at + 1),
        })?;
        text.clear();
        // Room for the next at once.
        text.reserve(BLOCK_BYTES);
        text.extend_from_slice(&self.kept[end..]);
        self.kept.truncate(end);
        std::mem::swap(&mut self.kept, text);
        Ok(end > 0)
    }

    /// Read until there is an end that is wanted, and tell where; what is left at the end of the input is
    /// taken as it is.
    fn fill(
        &mut self,
        end: impl Fn(&[u8], Records) -> Option<usize>,
    ) -> Result<usize, SourceError> {
        let mut wanted = BLOCK_BYTES;
        loop {
            while !self.is_at_end && self.kept.len() < wanted {
                let missing = (wanted - self.kept.len()) as u64;
                let read = self.input.by_ref().take(missing).read_to_end(&mut self.kept);
                self.is_at_end = read.map_err(|source| self.failed(source))? == 0;
            }
            match end(&self.kept, self.records) {
                Some(end) => return Ok(end),
                None if self.is_at_end => return Ok(self.kept.len()),
                None if wanted >= RECORD_BYTES_MAX => return Err(self.too_long()),
                None => wanted *= 2,
            }
        }
    }

    fn failed(&self, source: io::Error) -> SourceError {
        SourceError::Io { file: self.file.clone(), source }
    }

    /// Which record it is only the collector knows.
    fn too_long(&self) -> SourceError {
        SourceError::RowTooLong { file: self.file.clone(), row: 0, max: RECORD_BYTES_MAX }
    }
}

impl Records {
    /// Where each record ends that ends within the bytes.
    fn ends(bytes: &[u8], delimiter: u8) -> impl Iterator<Item = usize> {
        let mut parser = parser(delimiter);
        let (mut at, mut out, mut cells) = (0, [0; 4096], [0; 64]);
        std::iter::from_fn(move || {
            loop {
                let (result, read, ..) = parser.read_record(&bytes[at..], &mut out, &mut cells);
                at += read;
                match result {
                    ReadRecordResult::Record => {
                        if bytes[at - 1] == b'\r' {
                            // A line feed may belong to it that is not read yet.
                            at += usize::from(*bytes.get(at)? == b'\n');
                        }
                        return Some(at);
                    }
                    ReadRecordResult::OutputFull | ReadRecordResult::OutputEndsFull => {}
                    ReadRecordResult::InputEmpty | ReadRecordResult::End => return None,
                }
            }
        })
    }
}

/// Each line of these bytes is a record of CSV, and each delimiter in it parts cells: there are no quotes,
/// and no carriage return but before a line feed.
pub fn are_lines(bytes: &[u8]) -> bool {
    lines(bytes) == bytes.len()
}

/// The bytes that [are lines](are_lines) at the beginning of these.
pub fn lines(bytes: &[u8]) -> usize {
    let quote = memchr(b'"', bytes).unwrap_or(bytes.len());
    let is_line_end = |at: &usize| bytes.get(at + 1).is_none_or(|&next| next == b'\n');
    let lone = memchr_iter(b'\r', &bytes[..quote]).find(|at| !is_line_end(at));
    match lone.unwrap_or(quote) {
        end if end == bytes.len() => end,
        end => memrchr(b'\n', &bytes[..end]).map_or(0, |at| at + 1),
    }
}

/// A parser of records whose cells are parted so.
pub fn parser(delimiter: u8) -> Reader {
    csv_core::ReaderBuilder::new().delimiter(delimiter).build()
}

/// Answer all blocks: `screener` makes one for each of so many threads, which writes of a block what is written
/// of it; `collect` takes that and what the block came to, in order.
pub fn run<R, S, E>(
    mut blocks: Blocks<R>,
    threads: usize,
    screener: impl Fn() -> S + Sync,
    mut collect: impl FnMut(Answered, &[u8]) -> Result<(), E>,
) -> Result<(), E>
where
    R: Read + Send + 'static,
    S: FnMut(&[u8], &mut Vec<u8>) -> Answered,
    E: From<SourceError>,
{
    type Asked = Result<Block, SourceError>;
    let (screener, file, threads) = (&screener, blocks.file.clone(), threads.max(1));
    std::thread::scope(|scope| {
        let named = |name: &str| std::thread::Builder::new().name(name.to_owned());
        let unstarted = |source| SourceError::Io { file: file.clone(), source };
        let (mut to, mut from) = (Vec::<SyncSender<Asked>>::new(), Vec::new());
        for _ in 0..threads {
            let (ask, asked) = sync_channel::<Asked>(WAITING);
            let (answer, answered) = sync_channel(WAITING);
            named("screener")
                .spawn_scoped(scope, move || serve(asked, answer, screener()))
                .map_err(unstarted)?;
            to.push(ask);
            from.push(answered);
        }
        let (give_back, given_back) = channel::<Block>();
        // One after the other, so that what comes back is in order. Whoever has left ends the reading.
        let read = move || {
            for thread in (0..threads).cycle() {
                let mut block = given_back.try_recv().unwrap_or_default();
                let asked = match blocks.next(&mut block.text) {
                    Ok(true) => Ok(block),
                    Ok(false) => return,
                    Err(error) => Err(error),
                };
                let is_last = asked.is_err();
                if to[thread].send(asked).is_err() || is_last {
                    return;
                }
            }
        };
        // Nobody waits for it, as it may wait for input that never comes.
        named("reader").spawn(read).map_err(unstarted)?;
        let mut records = 0;
        for thread in (0..threads).cycle() {
            let Ok(answered) = from[thread].recv() else { break };
            let (answered, block): (Answered, Block) = match answered {
                Err(SourceError::RowTooLong { file, max, .. }) => {
                    return Err(SourceError::RowTooLong { file, row: records + 1, max }.into());
                }
                answered => answered?,
            };
            records += answered.records;
            collect(answered, &block.out)?;
            // The reader may have left.
            let _ = give_back.send(block);
        }
        Ok(())
    })
}

fn serve(
    asked: Receiver<Result<Block, SourceError>>,
    answer: SyncSender<Result<(Answered, Block), SourceError>>,
    mut screener: impl FnMut(&[u8], &mut Vec<u8>) -> Answered,
) {
    let mut answered = |mut block: Block| {
        block.out.clear();
        (screener(&block.text, &mut block.out), block)
    };
    for block in asked {
        if answer.send(block.map(&mut answered)).is_err() {
            return;
        }
    }
}
