//! Streams sections into a new file.

use super::layout::{
    ALIGNMENT, FORMAT, HEADER_BYTES, Header, MAGIC, NAME_BYTES, Row, SECTIONS_MAX, padded,
};
use std::io::{self, Seek, SeekFrom, Write};
use xxhash_rust::xxh3::{Xxh3, xxh3_64};
use zerocopy::IntoBytes;

/// Writes a snapshot from first to last byte, one section after the other, hashing what was written
/// (never more: a short write leaves no hash of bytes that are not there). Memory: none to speak of.
pub struct Writer<W> {
    out: W,
    at: u64,
    rows: Vec<Row>,
    open: Option<OpenSection>,
}

struct OpenSection {
    name: [u8; NAME_BYTES],
    offset: u64,
    hash: Box<Xxh3>,
}

/// What a finished file is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Finished {
    /// Bytes of the file.
    pub length: u64,
    /// The table's hash, which names the contents.
    pub contents: u64,
}

impl<W: Write + Seek> Writer<W> {
    /// Begin a file. `out` stands at its first byte.
    pub fn new(mut out: W) -> io::Result<Writer<W>> {
        out.write_all(&[0; HEADER_BYTES])?;
        Ok(Writer { out, at: HEADER_BYTES as u64, rows: Vec::new(), open: None })
    }

    /// End the section before and begin one; what is then [written](Write) is its bytes.
    ///
    /// # Panics
    /// When the name is longer than 16 bytes, empty or taken, or there are too many: mistakes of the program.
    pub fn begin(&mut self, name: &str) -> io::Result<()> {
        self.end()?;
        let mut padded_name = [0; NAME_BYTES];
        assert!(!name.is_empty() && name.len() <= NAME_BYTES, "section name {name:?}");
        padded_name[..name.len()].copy_from_slice(name.as_bytes());
        assert!(self.rows.iter().all(|row| row.name != padded_name), "section {name:?} twice");
        assert!(self.rows.len() < SECTIONS_MAX as usize, "too many sections");
        self.open =
            Some(OpenSection { name: padded_name, offset: self.at, hash: Box::new(Xxh3::new()) });
        Ok(())
    }

    /// A whole section at once.
    pub fn section(&mut self, name: &str, bytes: &[u8]) -> io::Result<()> {
        self.begin(name)?;
        self.write_all(bytes)
    }

    /// Bytes of the open section so far.
    pub fn section_length(&self) -> u64 {
        self.open.as_ref().map_or(0, |open| self.at - open.offset)
    }

    fn end(&mut self) -> io::Result<()> {
        let length = self.section_length();
        let Some(open) = &self.open else { return Ok(()) };
        let (name, offset) = (open.name, open.offset);
        let padding = padded(length).unwrap_or(length) - length;
        self.write_all(&[0; ALIGNMENT][..padding as usize])?;
        let hash = self.open.take().map_or(0, |open| open.hash.digest());
        let row = Row {
            name,
            offset: offset.into(),
            length: length.into(),
            hash: hash.into(),
            zero: [0; 8],
        };
        self.rows.push(row);
        Ok(())
    }

    /// End the last section, write table and header, flush. Syncing is the caller's.
    pub fn finish(mut self) -> io::Result<(W, Finished)> {
        self.end()?;
        let table = self.rows.as_bytes();
        let contents = xxh3_64(table);
        self.out.write_all(table)?;
        self.out.write_all(&contents.to_le_bytes())?;
        let length = self.at + table.len() as u64 + 8;
        let mut header = Header {
            magic: MAGIC,
            format: FORMAT.into(),
            sections: (self.rows.len() as u32).into(),
            file_length: length.into(),
            table_offset: self.at.into(),
            zero: [0; 24],
            header_hash: 0.into(),
        };
        header.header_hash = xxh3_64(&header.as_bytes()[..HEADER_BYTES - 8]).into();
        self.out.seek(SeekFrom::Start(0))?;
        self.out.write_all(header.as_bytes())?;
        self.out.flush()?;
        Ok((self.out, Finished { length, contents }))
    }
}

impl<W: Write + Seek> Write for Writer<W> {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        let Some(open) = &mut self.open else {
            return Err(io::Error::other("no section is open"));
        };
        let written = self.out.write(buffer)?;
        open.hash.update(&buffer[..written]);
        self.at += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}
