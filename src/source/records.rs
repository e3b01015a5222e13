//! An .xls is records in a stream of a compound file. They are walked once before a reader that keeps whole
//! sheets is let at them: a few bytes can ask for a sheet of a hundred gigabytes, or for one text a million times.
//!
//! ```text
//! stream = record*                      the globals up to their end; sheets where the globals say
//! record = kind(u16) length(u16) body   numbers are little-endian (MS-XLS)
//! ```

use cfb::{CompoundFile, Version};
use std::fs::File;
use std::io::{self, Cursor, Read, Write};
use std::ops::RangeInclusive;

/// Cells of all sheets, with those between that are empty: one full sheet of 256 columns.
const CELLS_MAX: u64 = 1 << 24;
/// Bytes of the texts of all cells.
const TEXT_BYTES_MAX: u64 = 1 << 30;
/// Bytes that a character of UTF-16 takes at most.
const CHARACTER_BYTES: u64 = 3;

/// What kinds of records are.
mod kind {
    pub const END: u16 = 0x000a;
    pub const CONTINUE: u16 = 0x003c;
    pub const SHEET: u16 = 0x0085;
    pub const NUMBERS: u16 = 0x00bd;
    pub const TEXTS: u16 = 0x00fc;
    pub const TEXT: u16 = 0x00fd;
    pub const EXTENT: u16 = 0x0200;
    pub const BEGIN: u16 = 0x0809;
    /// A formula, a number, a text in place, a truth.
    pub const CELLS: [u16; 6] = [0x0006, 0x00d6, 0x0203, 0x0204, 0x0205, 0x027e];
}

/// The workbook of an .xls, alone in a compound file, so that what is read is what was looked at. Or why it is
/// not read.
pub(super) fn checked(file: File) -> Result<Cursor<Vec<u8>>, String> {
    let alone = || -> io::Result<Result<Cursor<Vec<u8>>, String>> {
        let length = file.metadata()?.len();
        let mut whole = CompoundFile::open(&file)?;
        let names = ["Workbook", "Book"];
        let name = names.into_iter().find(|name| whole.is_stream(name)).unwrap_or(names[0]);
        let mut book = Vec::new();
        whole.open_stream(name)?.take(length).read_to_end(&mut book)?;
        if let Err(why) = check(&book) {
            return Ok(Err(why.to_owned()));
        }
        // Of the version that old workbooks have; of the next, readers want a part that small files lack.
        let mut alone = CompoundFile::create_with_version(Version::V3, Cursor::new(Vec::new()))?;
        alone.create_stream(name)?.write_all(&book)?;
        alone.flush()?;
        Ok(Ok(Cursor::new(alone.into_inner().into_inner())))
    };
    alone().map_err(|error| error.to_string())?
}

fn check(book: &[u8]) -> Result<(), &'static str> {
    let (mut texts, mut sheets) = (Vec::new(), Vec::new());
    let mut globals = records(book).take_while(|(kind, _)| *kind != kind::END).peekable();
    while let Some((kind, body)) = globals.next() {
        match kind {
            kind::SHEET => sheets.extend(number_u32(body, 0)),
            kind::TEXTS => {
                let is_more = |(kind, _): &(u16, _)| *kind == kind::CONTINUE;
                let more = std::iter::from_fn(|| globals.next_if(is_more)).map(|(_, body)| body);
                texts = Pieces::of(body, more).lengths();
            }
            _ => {}
        }
    }
    let (mut cells, mut characters) = (0, 0);
    for start in sheets {
        let sheet = Extent::of(book.get(start as usize..).unwrap_or_default(), &texts);
        cells += sheet.cells();
        characters += sheet.characters;
        if cells > CELLS_MAX {
            return Err(
                "工作表范围过大 / its sheets reach over more cells than one full sheet has",
            );
        }
        if characters * CHARACTER_BYTES > TEXT_BYTES_MAX {
            return Err("文本过多 / its cells hold more text than is read");
        }
    }
    Ok(())
}

/// Up to one that is cut short.
fn records(mut rest: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    std::iter::from_fn(move || {
        let (kind, length) = (number(rest, 0)?, number(rest, 2)?);
        let (body, next) = rest.get(4..)?.split_at_checked(usize::from(length))?;
        rest = next;
        Some((kind, body))
    })
}

fn number(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

fn number_u32(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

/// How far a sheet reaches, and how much shared text its cells hold.
#[derive(Default)]
struct Extent {
    rows: Option<RangeInclusive<u64>>,
    columns: Option<RangeInclusive<u64>>,
    /// What the sheet itself says of it.
    stated: u64,
    characters: u64,
}

impl Extent {
    fn of(sheet: &[u8], texts: &[u16]) -> Extent {
        let (mut extent, mut depth) = (Extent::default(), 0);
        for (kind, body) in records(sheet) {
            match kind {
                kind::BEGIN => depth += 1,
                kind::END if depth <= 1 => break,
                kind::END => depth -= 1,
                kind::EXTENT => extent.stated = extent.stated.max(stated(body).unwrap_or(0)),
                _ => extent.take(kind, body, texts).unwrap_or_default(),
            }
        }
        extent
    }

    fn take(&mut self, kind: u16, body: &[u8], texts: &[u16]) -> Option<()> {
        let (row, column) = (number(body, 0)?, number(body, 2)?);
        let last = match kind {
            kind::NUMBERS => number(body, body.len().checked_sub(2)?)?,
            kind::TEXT => {
                let length = texts.get(number_u32(body, 6)? as usize);
                self.characters += u64::from(length.copied().unwrap_or(0));
                column
            }
            _ if kind::CELLS.contains(&kind) => column,
            _ => return None,
        };
        widen(&mut self.rows, row);
        widen(&mut self.columns, column);
        widen(&mut self.columns, last);
        Some(())
    }

    fn cells(&self) -> u64 {
        let length = |range: &Option<RangeInclusive<u64>>| {
            range.as_ref().map_or(0, |range| range.end() - range.start() + 1)
        };
        self.stated.max(length(&self.rows) * length(&self.columns))
    }
}

fn widen(range: &mut Option<RangeInclusive<u64>>, at: u16) {
    let at = u64::from(at);
    let (start, end) = range.take().map_or((at, at), RangeInclusive::into_inner);
    *range = Some(start.min(at)..=end.max(at));
}

/// The cells of an extent that is stated: of wide numbers from the version of 1997 on.
fn stated(body: &[u8]) -> Option<u64> {
    let rows = match body.len() {
        ..14 => number(body, 2)?.into(),
        _ => number_u32(body, 4)?,
    };
    let columns = number(body, if body.len() < 14 { 6 } else { 10 })?;
    Some(u64::from(rows) * u64::from(columns))
}

/// What is left of a record and those that continue it, the next piece last.
struct Pieces<'a>(Vec<&'a [u8]>);

impl<'a> Pieces<'a> {
    fn of(record: &'a [u8], more: impl Iterator<Item = &'a [u8]>) -> Pieces<'a> {
        let mut pieces: Vec<&[u8]> = std::iter::once(record).chain(more).collect();
        pieces.reverse();
        Pieces(pieces)
    }

    /// Characters of each shared text. How many texts there are is said before them, and not believed.
    fn lengths(mut self) -> Vec<u16> {
        match self.bytes(8) {
            Some(_) => std::iter::from_fn(|| self.text()).collect(),
            None => Vec::new(),
        }
    }

    fn text(&mut self) -> Option<u16> {
        self.next_where_empty();
        let length = number(self.bytes(2)?, 0)?;
        let flags = self.bytes(1)?[0];
        let runs = if flags & 8 == 0 { 0 } else { number(self.bytes(2)?, 0)? };
        let behind = if flags & 4 == 0 { 0 } else { number_u32(self.bytes(4)?, 0)? };
        let (mut left, mut wide) = (usize::from(length), flags & 1);
        while left > 0 {
            let width = 1 + usize::from(wide);
            let here = left.min(self.0.last()?.len() / width);
            self.bytes(here * width)?;
            left -= here;
            if left > 0 {
                // What continues it says anew how wide its characters are.
                self.0.pop();
                wide = self.bytes(1)?[0] & 1;
            }
        }
        self.skip(4 * usize::from(runs) + behind as usize)?;
        Some(length)
    }

    /// So many of one piece.
    fn bytes(&mut self, count: usize) -> Option<&'a [u8]> {
        let piece = self.0.last_mut()?;
        let (bytes, rest) = piece.split_at_checked(count)?;
        *piece = rest;
        Some(bytes)
    }

    fn skip(&mut self, mut count: usize) -> Option<()> {
        while count > 0 {
            self.next_where_empty();
            let here = self.0.last().map(|piece| piece.len()).filter(|here| *here > 0)?;
            count -= self.bytes(here.min(count))?.len();
        }
        Some(())
    }

    fn next_where_empty(&mut self) {
        while self.0.len() > 1 && self.0.last().is_some_and(|piece| piece.is_empty()) {
            self.0.pop();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(kind: u16, body: &[u8]) -> Vec<u8> {
        let length = body.len() as u16;
        [&kind.to_le_bytes(), &length.to_le_bytes(), body].concat()
    }

    /// A sheet of so many rows, each a cell with the first of these shared texts.
    fn book(texts: &[&[u8]], rows: u16) -> Vec<u8> {
        let mut globals = vec![record(kind::TEXTS, texts[0])];
        globals.extend(texts[1..].iter().map(|more| record(kind::CONTINUE, more)));
        let start = globals.iter().map(Vec::len).sum::<usize>() + 8 + 4;
        let [start, begin, end] = [
            record(kind::SHEET, &(start as u32).to_le_bytes()),
            record(kind::BEGIN, &[]),
            record(kind::END, &[]),
        ];
        let cell = |row: u16| {
            record(kind::TEXT, &[&row.to_le_bytes()[..], &[0; 2], &[0; 2], &[0; 4]].concat())
        };
        let cells: Vec<u8> = (0..rows).flat_map(cell).collect();
        // An embedded chart ends before the sheet does, and is none of it.
        [globals.concat(), start, end.clone(), begin.clone(), begin, end.clone(), cells, end]
            .concat()
    }

    #[test]
    fn a_text_that_every_cell_shows_is_counted_as_often() {
        let text = [&[0; 8][..], &60_000_u16.to_le_bytes(), &[0], &[b'a'; 60_000]].concat();
        assert_eq!(check(&book(&[&text], 5_000)), Ok(()));
        let why = check(&book(&[&text], 6_000)).unwrap_err();
        assert!(why.contains("more text"), "{why}");
    }

    #[test]
    fn texts_go_on_in_the_records_behind_and_are_told_apart() {
        let rich_and_phonetic =
            [&[2, 0, 8 | 4, 1, 0, 3, 0, 0, 0][..], b"cd", &[0; 4], &[0; 3]].concat();
        let first = [&[0; 8][..], &[3, 0, 0], b"a"].concat();
        let second = [&[1, b'b', 0, b'c', 0][..], &rich_and_phonetic, &[1, 0]].concat();
        let pieces = Pieces::of(&first, [&second[..], &[0, b'z']].into_iter());
        assert_eq!(pieces.lengths(), [3, 2]);
        assert!(Pieces::of(&[], std::iter::empty()).lengths().is_empty());
        // What is behind a text and is not there has no end that could be waited for.
        let cut_off = [&[0; 8][..], &[1, 0, 8, 255, 255, b'a']].concat();
        assert!(Pieces::of(&cut_off, std::iter::empty()).lengths().is_empty());
    }

    #[test]
    fn all_sheets_together_are_bounded() {
        let sheet = book(&[&[]], 2);
        assert_eq!(check(&sheet), Ok(()));
        let extent = [&[0; 4][..], &65_536_u32.to_le_bytes(), &[0; 2], &[0, 1], &[0; 2]].concat();
        let far = record(kind::EXTENT, &extent);
        let two = |places: &[u32]| {
            let globals: Vec<u8> =
                places.iter().flat_map(|place| record(kind::SHEET, &place.to_le_bytes())).collect();
            [globals, record(kind::END, &[]), far.clone()].concat()
        };
        assert_eq!(check(&two(&[12])), Ok(()));
        assert!(check(&two(&[20, 20])).unwrap_err().contains("one full sheet"));
    }
}
