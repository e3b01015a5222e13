//! API keys: `xc_<id>_<secret>`, a secret of 256 bits, of which only the digest is kept.
//!
//! The id is the beginning of the digest, so that a key can be named without being told.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use rand::TryRng;
use rand::rngs::{SysError, SysRng};
use sha2::{Digest as _, Sha256};
use std::fmt;
use std::str::FromStr;
use subtle::ConstantTimeEq;

/// What every key begins with.
const PREFIX: &str = "xc_";
/// Characters of an id: hexadecimal digits of the digest.
const ID_CHARS: usize = 8;
/// Bytes of randomness. Encoded, a secret is hashed in one block.
const SECRET_BYTES: usize = 32;

/// A SHA-256 digest: of a key's secret, of a certificate.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Digest(pub [u8; 32]);

impl Digest {
    /// Of these bytes.
    pub fn of(bytes: &[u8]) -> Digest {
        Digest(Sha256::digest(bytes).into())
    }

    /// Of the secret of a key; `None` where a text is no key.
    pub fn of_key(key: &str) -> Option<Digest> {
        let (id, secret) = key.strip_prefix(PREFIX)?.split_at_checked(ID_CHARS)?;
        let secret = secret.strip_prefix('_').filter(|secret| !secret.is_empty())?;
        let digest = Digest::of(secret.as_bytes());
        let mut written = [0; ID_CHARS];
        hex::encode_to_slice(&digest.0[..ID_CHARS / 2], &mut written).ok()?;
        (written == id.as_bytes()).then_some(digest)
    }

    /// The id of the key of which this is kept.
    pub fn id(&self) -> String {
        hex::encode(&self.0[..ID_CHARS / 2])
    }

    /// Where it is looked up. Finds a digest and proves nothing.
    pub(crate) fn place(&self) -> u64 {
        let [a, b, c, d, e, f, g, h, ..] = self.0;
        u64::from_le_bytes([a, b, c, d, e, f, g, h])
    }

    /// They are the same, told in a time that does not depend on how much of them is.
    pub fn is(&self, other: &Digest) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl FromStr for Digest {
    type Err = String;

    /// `sha256:` and 64 hexadecimal digits, between pairs of which colons may stand.
    fn from_str(text: &str) -> Result<Digest, String> {
        let digits = text.strip_prefix("sha256:").map(|digits| digits.replace(':', ""));
        let mut bytes = [0; 32];
        let read = digits.and_then(|digits| hex::decode_to_slice(digits, &mut bytes).ok());
        read.map(|()| Digest(bytes)).ok_or_else(|| {
            "应为 sha256: 后接 64 位十六进制 / is no sha256: and 64 hexadecimal digits".to_owned()
        })
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sha256:{}", hex::encode(self.0))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.id())
    }
}

/// A key as it is made: told once.
pub struct Key {
    text: String,
    /// What is kept of it.
    pub digest: Digest,
}

impl Key {
    /// A new one.
    ///
    /// # Errors
    ///
    /// The system gives no random bytes.
    pub fn generate() -> Result<Key, SysError> {
        let mut secret = [0; SECRET_BYTES];
        SysRng.try_fill_bytes(&mut secret)?;
        let secret = BASE64_URL_SAFE_NO_PAD.encode(secret);
        let digest = Digest::of(secret.as_bytes());
        Ok(Key { text: format!("{PREFIX}{}_{secret}", digest.id()), digest })
    }

    /// The whole key.
    pub fn reveal(&self) -> &str {
        &self.text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_known_by_the_digest_of_its_secret() {
        let key = Key::generate().unwrap();
        assert_eq!(key.reveal().len(), 55);
        assert!(Digest::of_key(key.reveal()).unwrap().is(&key.digest));
        assert!(key.reveal()[3..].starts_with(&key.digest.id()));
        assert_eq!(key.digest.to_string().parse(), Ok(key.digest));
        assert_ne!(Key::generate().unwrap().reveal(), key.reveal());
        for wrong in ["", "xc_", "xc_00000000_", "xc_00000000_a", "xc_é", &key.reveal()[1..]] {
            assert!(Digest::of_key(wrong).is_none(), "{wrong}");
        }
    }

    #[test]
    fn fingerprints_are_read_as_openssl_writes_them() {
        let pairs = ["AB"; 32].join(":");
        assert_eq!(format!("sha256:{pairs}").parse(), Ok(Digest([0xab; 32])));
        for wrong in ["sha256:ab", "md5:ab", &pairs] {
            assert!(wrong.parse::<Digest>().is_err(), "{wrong}");
        }
    }
}
