//! Text that is read once and begins in ASCII, which all encodings share.

use super::file::HEAD_BYTES;
use crate::source::{Survey, decoding};
use std::io::{self, Cursor, Read};

/// The text as UTF-8: its encoding is what the first bytes beyond ASCII, and those behind them, are in.
pub struct Late<R> {
    /// As long as all is ASCII.
    input: Option<R>,
    decoded: Box<dyn Read + Send>,
}

impl<R> Late<R> {
    /// Of an input.
    pub fn new(input: R) -> Late<R> {
        Late { input: Some(input), decoded: Box::new(io::empty()) }
    }
}

impl<R: Read + Send + 'static> Read for Late<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let Some(input) = &mut self.input else { return self.decoded.read(buffer) };
        let read = input.read(buffer)?;
        let Some(ascii) = buffer[..read].iter().position(|byte| !byte.is_ascii()) else {
            return Ok(read);
        };
        let mut head = buffer[ascii..read].to_vec();
        input.by_ref().take(HEAD_BYTES).read_to_end(&mut head)?;
        let encoding = Survey::of_bytes(&head)?.encoding;
        if let Some(rest) = self.input.take() {
            self.decoded = decoding(Cursor::new(head).chain(rest), encoding);
        }
        if ascii > 0 { Ok(ascii) } else { self.decoded.read(buffer) }
    }
}
