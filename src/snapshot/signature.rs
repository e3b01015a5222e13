//! A detached signature (Ed25519) of a snapshot, in a text file beside it.
//!
//! ```text
//! <id>.sig  = "xincha signature v1" LF
//!             "key " key-id LF                     which key signed: 16 hexadecimal digits
//!             "id " id LF                          which snapshot was signed
//!             "blake3 " digest LF                  BLAKE3 of its bytes: 64 hexadecimal digits
//!             "length " decimal LF                 how many they are
//!             "signature " base64 LF               of 64 bytes, over the message
//! message   = "xincha snapshot v1" LF id LF digest LF decimal LF
//! ```
//!
//! The message binds purpose and format (its first line), name and contents: a signature holds for
//! these bytes under this id and for nothing else. The document repeats the parts of the message,
//! so that an error can say which of them differs; they count only once the signature over them
//! holds. There is one way to write a document, and any other spelling of it is damage.
//!
//! What a signature does not say: that this snapshot is the newest. Whoever may write to the folder
//! can point to an older one that was signed as well.

use super::key::{KeyId, SigningKey, TrustedKeys};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use ed25519_dalek::SIGNATURE_LENGTH;
use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// First line of every signature file.
const VERSION: &str = "xincha signature v1";
/// First line of every signed message.
const PURPOSE: &str = "xincha snapshot v1";
/// How the name of a signature file ends.
pub(super) const SUFFIX: &str = "sig";
/// Bytes of a signature file: about 300, and a name that a file system takes.
const FILE_BYTES_MAX: u64 = 2048;

/// Why a snapshot is not trusted.
#[derive(Debug, thiserror::Error)]
pub enum SignatureError {
    /// There is no signature file.
    #[error("未签名 / unsigned: 没有签名文件 / there is no signature file {}", file.display())]
    Unsigned {
        /// Where it would be.
        file: PathBuf,
    },
    /// The signature file cannot be read.
    #[error("签名文件无法读取 / the signature file cannot be read: {0}")]
    Unreadable(io::Error),
    /// The signature file is none, or its signature does not hold for what it says.
    #[error("签名文件损坏 / the signature file is damaged: {why}")]
    Damaged {
        /// What is wrong.
        why: &'static str,
    },
    /// Someone else signed.
    #[error("签名密钥 {key} 不受信任 / signed by key {key}, which is not trusted")]
    Untrusted {
        /// Who.
        key: KeyId,
    },
    /// The signature is a good one of another snapshot.
    #[error(
        "签名属于另一快照 {signed} / other id: the signature is of the snapshot {signed}, not of {asked}"
    )]
    OtherId {
        /// The id that was signed.
        signed: String,
        /// The id that was asked about.
        asked: String,
    },
    /// Other bytes than those that were signed.
    #[error(
        "签名后被改动 / altered since it was signed: {got_bytes} bytes with hash {got}, \
         signed were {signed_bytes} with {signed}"
    )]
    Altered {
        /// Bytes of the file.
        got_bytes: u64,
        /// The first digits of its hash.
        got: String,
        /// Bytes that were signed.
        signed_bytes: u64,
        /// The first digits of the hash that was signed.
        signed: String,
    },
}

/// A signature and what it was given for. See the [module](self).
///
/// Unusual: what is parsed is not yet believed. Only [`Signature::verify`] says that it holds.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Signature {
    key: KeyId,
    id: String,
    digest: blake3::Hash,
    length: u64,
    bytes: [u8; SIGNATURE_LENGTH],
}

impl Signature {
    /// Sign the bytes of a finished file under an id, which is one line.
    pub fn sign(bytes: &[u8], id: &str, key: &SigningKey) -> Signature {
        let (digest, length) = (digest_of(bytes), bytes.len() as u64);
        let signed = key.sign(message(id, digest, length).as_bytes());
        Signature { key: key.id(), id: id.to_owned(), digest, length, bytes: signed }
    }

    /// The signature file beside a snapshot.
    pub fn path_of(snapshot: &Path) -> PathBuf {
        snapshot.with_extension(SUFFIX)
    }

    /// Read the signature file beside a snapshot.
    pub fn beside(snapshot: &Path) -> Result<Signature, SignatureError> {
        let path = Signature::path_of(snapshot);
        let file = match File::open(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(SignatureError::Unsigned { file: path });
            }
            file => file.map_err(SignatureError::Unreadable)?,
        };
        let mut document = Vec::new();
        file.take(FILE_BYTES_MAX).read_to_end(&mut document).map_err(SignatureError::Unreadable)?;
        Signature::parse(&document)
    }

    /// The signature of a document.
    pub fn parse(document: &[u8]) -> Result<Signature, SignatureError> {
        let damaged = |why| SignatureError::Damaged { why };
        let text = std::str::from_utf8(document).map_err(|_| damaged("not a text"))?;
        let mut lines = text.lines();
        if lines.next() != Some(VERSION) {
            return Err(damaged("its first line is another: written by another version?"));
        }
        let mut field = |name| lines.next()?.strip_prefix(name)?.strip_prefix(' ');
        let key = field("key").and_then(KeyId::parse).ok_or(damaged("its key"))?;
        let id = field("id").ok_or(damaged("its id"))?.to_owned();
        let digest = field("blake3").and_then(|hex| blake3::Hash::from_hex(hex).ok());
        let digest = digest.ok_or(damaged("its hash"))?;
        let length = field("length").and_then(|text| text.parse().ok());
        let length = length.ok_or(damaged("its length"))?;
        let bytes = field("signature").and_then(|text| BASE64_STANDARD.decode(text).ok());
        let bytes =
            bytes.and_then(|bytes| bytes.try_into().ok()).ok_or(damaged("its signature"))?;
        let signature = Signature { key, id, digest, length, bytes };
        // Upper case, a sign, a carriage return, one line more: nobody who signs writes that.
        let is_canonical = signature.to_string() == text;
        is_canonical.then_some(signature).ok_or(damaged("it is spelt otherwise"))
    }

    /// Whether this is a signature of these bytes under this id by someone who is trusted. In
    /// order: the key, the signature over what the document says, the id, the length, the hash.
    ///
    /// Cost: one BLAKE3 pass over the bytes on all cores.
    pub fn verify(
        &self,
        bytes: &[u8],
        id: &str,
        trusted: &TrustedKeys,
    ) -> Result<(), SignatureError> {
        let key = trusted.find(self.key).ok_or(SignatureError::Untrusted { key: self.key })?;
        let message = message(&self.id, self.digest, self.length);
        key.verify_strict(message.as_bytes(), &self.bytes.into())
            .map_err(|_| SignatureError::Damaged { why: "the signature does not hold" })?;
        if self.id != id {
            let (signed, asked) = (self.id.clone(), id.to_owned());
            return Err(SignatureError::OtherId { signed, asked });
        }
        let digest = digest_of(bytes);
        if self.length != bytes.len() as u64 || self.digest != digest {
            return Err(SignatureError::Altered {
                got_bytes: bytes.len() as u64,
                got: shortened(digest),
                signed_bytes: self.length,
                signed: shortened(self.digest),
            });
        }
        Ok(())
    }

    /// Who says to have signed.
    pub fn key(&self) -> KeyId {
        self.key
    }
}

/// The document.
impl fmt::Display for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{VERSION}")?;
        writeln!(f, "key {}", self.key)?;
        writeln!(f, "id {}", self.id)?;
        writeln!(f, "blake3 {}", self.digest)?;
        writeln!(f, "length {}", self.length)?;
        writeln!(f, "signature {}", BASE64_STANDARD.encode(self.bytes))
    }
}

fn message(id: &str, digest: blake3::Hash, length: u64) -> String {
    format!("{PURPOSE}\n{id}\n{digest}\n{length}\n")
}

fn digest_of(bytes: &[u8]) -> blake3::Hash {
    blake3::Hasher::new().update_rayon(bytes).finalize()
}

/// The digits of a hash that a person compares.
fn shortened(digest: blake3::Hash) -> String {
    digest.to_hex()[..16].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "20261122T020000Z-4f1c0a2b";

    fn keys() -> (SigningKey, TrustedKeys) {
        let key = SigningKey::generate().unwrap();
        let trusted = TrustedKeys::parse(&[key.public()]).unwrap();
        (key, trusted)
    }

    #[test]
    fn the_document_is_read_as_it_was_written() {
        let (key, trusted) = keys();
        let signature = Signature::sign(b"bytes", ID, &key);
        let document = signature.to_string();
        assert_eq!(Signature::parse(document.as_bytes()).unwrap(), signature);
        assert!((document.len() as u64) < FILE_BYTES_MAX / 4);
        signature.verify(b"bytes", ID, &trusted).unwrap();
    }

    /// What is signed is a promise to every program that verifies.
    #[test]
    fn the_message_binds_purpose_id_hash_and_length() {
        let digest = "61e5475b0a1d6fcd3fa0fa5a3b8ff8e0bd9b0bb5a5ff3f0c8b3b2f8e0d4d6f5a";
        let digest = blake3::Hash::from_hex(digest).unwrap();
        let expected = format!("xincha snapshot v1\nid\n{digest}\n5\n");
        assert_eq!(message("id", digest, 5), expected);
    }

    #[test]
    fn each_part_is_refused_for_its_own_reason() {
        let (key, trusted) = keys();
        let signature = Signature::sign(b"bytes", ID, &key);
        let (stranger, strangers) = keys();
        let rows: [(&[u8], &str, &TrustedKeys, &str); 6] = [
            (b"bytez", ID, &trusted, "altered"),
            (b"bytes!", ID, &trusted, "6 bytes"),
            (b"", ID, &trusted, "altered"),
            (b"bytes", "another", &trusted, ID),
            (b"bytes", ID, &strangers, "not trusted"),
            (b"bytes", ID, &TrustedKeys::default(), "not trusted"),
        ];
        for (bytes, id, trusted, expected) in rows {
            let error = signature.verify(bytes, id, trusted).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
        let error = signature.verify(b"bytes", ID, &strangers).unwrap_err().to_string();
        assert!(error.contains(&key.id().to_string()), "{error}");
        // a stranger who writes the trusted key's name into what he signed
        let forged = Signature { key: key.id(), ..Signature::sign(b"bytes", ID, &stranger) };
        let error = forged.verify(b"bytes", ID, &trusted).unwrap_err().to_string();
        assert!(error.contains("does not hold"), "{error}");
    }

    #[test]
    fn other_spellings_of_a_document_are_damage() {
        let (key, _) = keys();
        let document = Signature::sign(b"bytes", ID, &key).to_string();
        let rows: [(String, &str); 9] = [
            (String::new(), "first line"),
            (document.replace("v1", "v2"), "first line"),
            (document.replace("key ", "key  "), "its key"),
            (document.replace("\nid ", "\nname "), "its id"),
            (document.replace("blake3 ", "blake3 0"), "its hash"),
            (document.replace("length 5", "length five"), "its length"),
            (document.replace("length 5", "length +5"), "spelt"),
            (document.replace('\n', "\r\n"), "spelt"),
            (format!("{document}one more\n"), "spelt"),
        ];
        for (damaged, expected) in rows {
            let error = Signature::parse(damaged.as_bytes()).unwrap_err().to_string();
            assert!(error.contains(expected), "{damaged}: {error}");
        }
        for length in 0..document.len() {
            assert!(Signature::parse(&document.as_bytes()[..length]).is_err(), "{length} bytes");
        }
        assert!(Signature::parse(&[0xff]).unwrap_err().to_string().contains("not a text"));
    }
}
