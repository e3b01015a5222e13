//! The key of the digests: who has it can look for a subject in the log, nobody else can tell one by trying
//! all numbers that there are.

use super::{Algorithm, AuditError, Hash};
use crate::record::{Identifier, MaskedIdentifier};
use crate::snapshot::key::{KeyError, open_private, write_private};
use crate::text;
use hmac::{Hmac, KeyInit, Mac};
use rand::TryRng;
use rand::rngs::SysRng;
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use sm3::Sm3;
use std::fmt;
use std::io::{self, Read};
use std::path::Path;
use uuid::Uuid;

/// Bytes of the key.
const KEY_BYTES: usize = 32;

/// The keyed digest of something that tells a subject.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct Digest(#[serde(with = "serde_bytes")] pub [u8; 16]);

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

/// See the [module](self). HMAC (RFC 2104) with the log's hash.
#[derive(Clone)]
pub struct AuditKey {
    keyed: Keyed,
    /// What salts are derived from.
    salting: Hash,
}

#[derive(Clone)]
enum Keyed {
    Sha256(Hmac<Sha256>),
    Sm3(Hmac<Sm3>),
}

impl Keyed {
    fn mac(&self, kind: u8, part: &[u8]) -> Hash {
        fn of<M: Mac<OutputSize = sha2::digest::consts::U32> + Clone>(
            keyed: &M,
            kind: u8,
            part: &[u8],
        ) -> Hash {
            let mut mac = keyed.clone();
            mac.update(&[kind]);
            mac.update(part);
            mac.finalize().into_bytes().into()
        }
        match self {
            Keyed::Sha256(keyed) => of(keyed, kind, part),
            Keyed::Sm3(keyed) => of(keyed, kind, part),
        }
    }
}

impl fmt::Debug for AuditKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AuditKey(***)")
    }
}

impl AuditKey {
    /// Of 32 bytes.
    pub fn new(bytes: &[u8; KEY_BYTES], algorithm: Algorithm) -> AuditKey {
        // HMAC takes keys of any length.
        let sound = "a key of 32 bytes";
        let keyed = match algorithm {
            Algorithm::Sha256 => Keyed::Sha256(Hmac::new_from_slice(bytes).expect(sound)),
            Algorithm::Sm3 => Keyed::Sm3(Hmac::new_from_slice(bytes).expect(sound)),
        };
        let salting = keyed.mac(b's', &[]);
        AuditKey { keyed, salting }
    }

    /// The key of a file, which its owner alone may use.
    ///
    /// # Errors
    ///
    /// The file cannot be read, holds something else, or is open to others.
    pub fn load(path: &Path, algorithm: Algorithm) -> Result<AuditKey, AuditError> {
        let mut file = open_private(path)?.take(KEY_BYTES as u64 + 1);
        let mut bytes = Vec::with_capacity(KEY_BYTES + 1);
        let read = file.read_to_end(&mut bytes).and_then(|_| {
            <[u8; KEY_BYTES]>::try_from(bytes).map_err(|_| {
                let why = "不是 32 字节的密钥 / is no key of 32 bytes";
                io::Error::new(io::ErrorKind::InvalidData, why)
            })
        });
        read.map(|bytes| AuditKey::new(&bytes, algorithm)).map_err(AuditError::io(path))
    }

    /// Write a new one, of the system's randomness, where there is none.
    ///
    /// # Errors
    ///
    /// There is a file already, or it cannot be written.
    pub fn make(path: &Path) -> Result<(), AuditError> {
        let mut bytes = [0; KEY_BYTES];
        SysRng.try_fill_bytes(&mut bytes).map_err(KeyError::Random)?;
        Ok(write_private(path, &bytes)?)
    }

    fn digest(&self, kind: u8, part: &[u8]) -> Digest {
        let mut digest = Digest([0; 16]);
        let bytes = digest.0.len();
        digest.0.copy_from_slice(&self.keyed.mac(kind, part)[..bytes]);
        digest
    }

    /// That of an identifier: the same for all that agree with it, an organisation code and the USCC around
    /// it, an ID of 15 and of 18 digits. Cost: 0.1 µs.
    pub fn identifier(&self, identifier: &Identifier) -> Digest {
        self.digest(b'i', &identifier.family().0.to_le_bytes())
    }

    /// That of an identifier with hidden digits.
    pub fn masked(&self, masked: &MaskedIdentifier) -> Digest {
        self.digest(b'm', masked.text().as_bytes())
    }

    /// That of a name, by its K1 key.
    pub fn name(&self, name: &str) -> Digest {
        let mut folded = String::new();
        text::fold(name, &mut folded);
        self.digest(b'n', folded.as_bytes())
    }

    /// The salt of a record's texts, which its receipt tells. Cost: a hash of one block.
    pub fn salt(&self, record: Uuid) -> Hash {
        let algorithm = match self.keyed {
            Keyed::Sha256(_) => Algorithm::Sha256,
            Keyed::Sm3(_) => Algorithm::Sm3,
        };
        algorithm.derive(&self.salting, record.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn identifier(text: &str) -> Identifier {
        Identifier::recognise(text).unwrap()
    }

    #[test]
    fn numbers_that_agree_have_one_digest_and_no_two_keys_have_the_same() {
        for algorithm in [Algorithm::Sha256, Algorithm::Sm3] {
            let key = AuditKey::new(&[1; 32], algorithm);
            let of = |text: &str| key.identifier(&identifier(text));
            assert_eq!(of("91320500MA0000015D"), of("MA0000015"));
            assert_eq!(of("110101190001010006"), of("110101000101000"));
            assert_ne!(of("110101190001010006"), of("110101190001010022"));
            let other = AuditKey::new(&[2; 32], algorithm);
            assert_ne!(other.identifier(&identifier("MA0000015")), of("MA0000015"));
            assert_eq!(key.name("苏州星河（集团）"), key.name("苏州星河(集团)"));
            assert_ne!(key.salt(Uuid::from_u128(1)), key.salt(Uuid::from_u128(2)));
        }
    }

    #[test]
    fn a_key_is_made_once_and_for_its_owner_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        AuditKey::make(&path).unwrap();
        assert!(AuditKey::make(&path).is_err());
        let load = || AuditKey::load(&path, Algorithm::Sha256).map_err(|error| error.to_string());
        let made = load().unwrap();
        assert_eq!(made.salt(Uuid::nil()), load().unwrap().salt(Uuid::nil()));
        assert!(!format!("{made:?}").contains('['));
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
        assert!(load().unwrap_err().contains("0640"));
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        std::fs::write(&path, [0; 31]).unwrap();
        assert!(load().unwrap_err().contains("32"));
    }
}
