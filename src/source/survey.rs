//! One pass over the bytes of a file: how many, their hash, and the encoding that they are in.
//!
//! A head alone would not do, since the first Chinese character may stand far behind. And "all of it
//! is UTF-8, else GB18030" would not do either: one broken byte in a UTF-8 file would turn every name
//! of the file into other characters, half of them without a fault that anyone could see. So faults
//! are weighed against characters: text in GB18030 read as UTF-8 has several faults for every
//! character that happens to be one, a damaged UTF-8 file has many characters for every fault.

use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE};
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use xxhash_rust::xxh3::Xxh3;

/// What one pass over the bytes of a file tells.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Survey {
    /// Bytes.
    pub bytes: u64,
    /// XXH3-64 of them.
    pub hash: u64,
    /// What they are, if they are text: UTF-8, UTF-16 with its mark, or GB18030.
    pub encoding: &'static Encoding,
}

/// After so many faults the answer does not change.
const FAULTS_ENOUGH: u64 = 1 << 20;

impl Survey {
    /// Look at all of a file.
    pub fn of(path: &Path) -> io::Result<Survey> {
        Survey::read(File::open(path)?)
    }

    /// Look at the beginning of what can be read once only.
    pub fn of_bytes(bytes: &[u8]) -> io::Result<Survey> {
        Survey::read(bytes)
    }

    fn read(mut file: impl Read) -> io::Result<Survey> {
        let mut buffer = vec![0u8; 1 << 18];
        let (mut kept, mut bytes) = (0, 0);
        let (mut hash, mut weight, mut mark) = (Xxh3::new(), Weight::default(), None);
        loop {
            let read = match file.read(&mut buffer[kept..]) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                read => read?,
            };
            if read == 0 {
                break;
            }
            let filled = kept + read;
            hash.update(&buffer[kept..filled]);
            if bytes == 0 {
                mark = Encoding::for_bom(&buffer[..filled]).map(|(encoding, _)| encoding);
            }
            bytes += read as u64;
            let looked_at = weight.add(&buffer[..filled]);
            buffer.copy_within(looked_at..filled, 0);
            kept = filled - looked_at;
        }
        weight.faults += u64::from(kept > 0);
        let encoding = match mark {
            Some(mark) if mark == UTF_16LE || mark == UTF_16BE || mark == UTF_8 => mark,
            _ => weight.encoding(),
        };
        Ok(Survey { bytes, hash: hash.digest(), encoding })
    }
}

/// What speaks for UTF-8, and what against it.
#[derive(Default)]
struct Weight {
    characters: u64,
    faults: u64,
}

impl Weight {
    /// Look at bytes; how many of them were looked at: a character cut by the end waits for the rest.
    fn add(&mut self, bytes: &[u8]) -> usize {
        let mut at = 0;
        while self.faults < FAULTS_ENOUGH {
            let error = match std::str::from_utf8(&bytes[at..]) {
                Ok(text) => {
                    self.characters += characters(text.as_bytes());
                    return bytes.len();
                }
                Err(error) => error,
            };
            self.characters += characters(&bytes[at..at + error.valid_up_to()]);
            at += error.valid_up_to();
            match error.error_len() {
                Some(length) => at += length,
                None => return at,
            }
            self.faults += 1;
        }
        bytes.len()
    }

    fn encoding(&self) -> &'static Encoding {
        if self.characters >= self.faults { UTF_8 } else { encoding_rs::GB18030 }
    }
}

/// Characters beyond ASCII: their first bytes.
fn characters(valid: &[u8]) -> u64 {
    valid.iter().filter(|&&b| b >= 0xc0).count() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Hands out a few bytes at a time, so that characters are cut.
    struct Stutter<'a>(&'a [u8]);

    impl Read for Stutter<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let some = self.0.len().min(buffer.len()).min(5);
            buffer[..some].copy_from_slice(&self.0[..some]);
            self.0 = &self.0[some..];
            Ok(some)
        }
    }

    #[test]
    fn the_encoding_is_that_of_the_whole() {
        let text = "苏州星河科技有限公司，严重违法失信行为。\n".repeat(50);
        let gb = encoding_rs::GB18030.encode(&text).0.into_owned();
        let mut broken = text.clone().into_bytes();
        broken[30] = 0xff;
        let cut = &text.as_bytes()[..text.len() - 3];
        let rows: [(&[u8], &'static Encoding); 7] = [
            (b"", UTF_8),
            (b"plain", UTF_8),
            (text.as_bytes(), UTF_8),
            (&broken, UTF_8),
            (cut, UTF_8),
            (&gb, encoding_rs::GB18030),
            (b"\xff\xfea\0", UTF_16LE),
        ];
        for (bytes, encoding) in rows {
            let whole = Survey::read(bytes).unwrap();
            assert_eq!(whole.encoding, encoding);
            assert_eq!(Survey::read(Stutter(bytes)).unwrap(), whole, "however it is read");
            assert_eq!(
                (whole.bytes, whole.hash),
                (bytes.len() as u64, xxhash_rust::xxh3::xxh3_64(bytes))
            );
        }
    }
}
