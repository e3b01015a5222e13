//! Keys (Ed25519): the private half that signs, the public halves that are trusted.

use crate::private;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use ed25519_dalek::pkcs8::spki::der::pem::LineEnding;
use ed25519_dalek::pkcs8::spki::der::zeroize::Zeroizing;
use ed25519_dalek::pkcs8::{DecodePrivateKey, DecodePublicKey, EncodePrivateKey, KeypairBytes};
use ed25519_dalek::{PUBLIC_KEY_LENGTH, SECRET_KEY_LENGTH, SIGNATURE_LENGTH, Signer, VerifyingKey};
use rand::TryRng;
use rand::rngs::{SysError, SysRng};
use std::fmt;
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// Bytes of a file that may hold a private key: one in PEM takes about 170.
const FILE_BYTES_MAX: u64 = 16 * 1024;
/// Bits of a file's mode that let anyone but its owner at it.
const OTHERS: u32 = 0o077;

/// Why there is no key.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The file cannot be read or written.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A key is to be written where a file is already.
    #[error("{path}: 文件已存在，密钥从不覆盖 / is there already, and a key is never overwritten")]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// Others than the owner may use the file.
    #[error(
        "{path}: 私钥文件对他人开放（权限 {mode:04o}），请执行 chmod 600 / \
         the private key is open to others (mode {mode:04o}): run chmod 600"
    )]
    Open {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// Other contents.
    #[error(
        "{path}: 不是 Ed25519 私钥（PKCS#8 PEM，未加密） / \
         is no Ed25519 private key (PKCS#8 in PEM, not encrypted)"
    )]
    Private {
        /// The file.
        path: PathBuf,
    },
    /// A text that is no public key, or one that anybody can sign for.
    #[error(
        "第 {no} 个公钥不是 Ed25519 公钥（32 字节的 base64，或 PEM） / \
         public key {no} is no Ed25519 public key (base64 of 32 bytes, or PEM)"
    )]
    Public {
        /// Its place in the list, from 1.
        no: usize,
    },
    /// What would be signed would be refused.
    #[error(
        "签名私钥 {key} 不在受信任的公钥之中，签出的快照会被拒绝；请把它的公钥 {public} 加入 trusted_keys / \
         the signing key {key} is not among the trusted keys, so what it signs would be refused: \
         add its public half {public} to trusted_keys"
    )]
    NotTrusted {
        /// The key.
        key: KeyId,
        /// Its public half.
        public: String,
    },
    /// What would be published would be refused.
    #[error(
        "设有 trusted_keys 而没有 signing_key，构建的快照会被拒绝 / \
         there are trusted_keys and no signing_key, so what is built here would be refused"
    )]
    NoneToSign,
    /// The system gives no random bytes.
    #[error("系统不提供随机数 / no random bytes from the system: {0}")]
    Random(SysError),
}

/// A short name of a key: the first eight bytes of the BLAKE3 hash of its public half, shown as
/// sixteen hexadecimal digits. It finds a key and proves nothing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct KeyId([u8; 8]);

impl KeyId {
    fn of(public: &VerifyingKey) -> KeyId {
        let mut id = [0; 8];
        id.copy_from_slice(&blake3::hash(public.as_bytes()).as_bytes()[..8]);
        KeyId(id)
    }

    /// The id of sixteen lower-case hexadecimal digits.
    pub(crate) fn parse(text: &str) -> Option<KeyId> {
        let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        let number = (text.len() == 16 && text.bytes().all(is_digit))
            .then(|| u64::from_str_radix(text, 16).ok())??;
        Some(KeyId(number.to_be_bytes()))
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", u64::from_be_bytes(self.0))
    }
}

/// The private key of whoever builds. Its bytes are zeroed when it is dropped and never shown.
pub struct SigningKey(ed25519_dalek::SigningKey);

impl SigningKey {
    /// A new key from the system's randomness.
    pub fn generate() -> Result<SigningKey, KeyError> {
        let mut secret = Zeroizing::new([0; SECRET_KEY_LENGTH]);
        SysRng.try_fill_bytes(&mut *secret).map_err(KeyError::Random)?;
        Ok(SigningKey(ed25519_dalek::SigningKey::from_bytes(&secret)))
    }

    /// The key of a file: PKCS#8 in PEM, not encrypted, as [`SigningKey::save`] and
    /// `openssl genpkey -algorithm ed25519` write it.
    ///
    /// # Errors
    ///
    /// The file is missing, holds something else, or may be used by others than its owner.
    pub fn load(path: &Path) -> Result<SigningKey, KeyError> {
        let file = open_private(path)?;
        // Room from the start: a text that grows leaves copies that nobody zeroes.
        let mut text = Zeroizing::new(String::with_capacity(FILE_BYTES_MAX as usize));
        let no_key = || KeyError::Private { path: path.to_owned() };
        file.take(FILE_BYTES_MAX).read_to_string(&mut text).map_err(|error| {
            match error.kind() {
                io::ErrorKind::InvalidData => no_key(),
                _ => KeyError::Io { path: path.to_owned(), source: error },
            }
        })?;
        let key = ed25519_dalek::SigningKey::from_pkcs8_pem(&text).map_err(|_| no_key())?;
        Ok(SigningKey(key))
    }

    /// Write the key to a new file that its owner alone may use.
    ///
    /// # Errors
    ///
    /// There is a file already, or it cannot be written; then no part of it is left.
    pub fn save(&self, path: &Path) -> Result<(), KeyError> {
        // Without its public half: OpenSSL 3.0 reads no private key that comes with one.
        let bytes = KeypairBytes { secret_key: self.0.to_bytes(), public_key: None };
        let pem = bytes.to_pkcs8_pem(LineEnding::LF).map_err(io::Error::other);
        let pem = pem.map_err(|source| KeyError::Io { path: path.to_owned(), source })?;
        write_private(path, pem.as_bytes())
    }

    /// Its name.
    pub fn id(&self) -> KeyId {
        KeyId::of(&self.0.verifying_key())
    }

    /// Its public half, as [`TrustedKeys`] takes it.
    pub fn public(&self) -> String {
        BASE64_STANDARD.encode(self.0.verifying_key().as_bytes())
    }

    /// Its signature of a message, whose first line says what it is.
    pub(crate) fn sign(&self, message: &[u8]) -> [u8; SIGNATURE_LENGTH] {
        self.0.sign(message).to_bytes()
    }
}

/// Open the file of a key, which its owner alone may use.
///
/// # Errors
///
/// The file is missing, or may be used by others.
pub(crate) fn open_private(path: &Path) -> Result<File, KeyError> {
    let io = |source| KeyError::Io { path: path.to_owned(), source };
    let file = File::open(path).map_err(io)?;
    // Asked of the file that is read, not of its name.
    let mode = file.metadata().map_err(io)?.permissions().mode() & 0o7777;
    if mode & OTHERS != 0 {
        return Err(KeyError::Open { path: path.to_owned(), mode });
    }
    Ok(file)
}

/// Write a key to a new file that its owner alone may use, who is the folder's.
///
/// # Errors
///
/// There is a file already, or it cannot be written; then no part of it is left.
pub(crate) fn write_private(path: &Path, bytes: &[u8]) -> Result<(), KeyError> {
    let created = private::create(path, private::folder_of(path));
    let mut file = created.map_err(|source| match source.kind() {
        io::ErrorKind::AlreadyExists => KeyError::Exists { path: path.to_owned() },
        _ => KeyError::Io { path: path.to_owned(), source },
    })?;
    file.write_all(bytes).and_then(|()| file.sync_all()).map_err(|source| {
        // What was begun here is no key, and would stand in the way of the next attempt.
        let _ = std::fs::remove_file(path);
        KeyError::Io { path: path.to_owned(), source }
    })
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({})", self.id())
    }
}

/// The public keys of whoever may build. Several, so that keys can be rotated: trust the new one
/// everywhere, sign with it, and then trust the old one no more. None trusts nobody.
#[derive(Clone, Default, Debug, serde::Deserialize)]
#[serde(try_from = "Vec<String>")]
pub struct TrustedKeys(Vec<VerifyingKey>);

impl TrustedKeys {
    /// Each text is base64 of the 32 bytes, or PEM (`BEGIN PUBLIC KEY`).
    pub fn parse(texts: &[String]) -> Result<TrustedKeys, KeyError> {
        let parse = |(at, text): (usize, &String)| {
            public_key(text.trim()).ok_or(KeyError::Public { no: at + 1 })
        };
        texts.iter().enumerate().map(parse).collect::<Result<_, _>>().map(TrustedKeys)
    }

    /// Nobody is trusted.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether what this key signs is trusted.
    pub fn trusts(&self, key: &SigningKey) -> bool {
        self.0.contains(&key.0.verifying_key())
    }

    /// The public half of this key alone.
    pub fn of(key: &SigningKey) -> TrustedKeys {
        TrustedKeys(vec![key.0.verifying_key()])
    }

    pub(crate) fn find(&self, id: KeyId) -> Option<&VerifyingKey> {
        self.0.iter().find(|key| KeyId::of(key) == id)
    }
}

impl TryFrom<Vec<String>> for TrustedKeys {
    type Error = KeyError;

    fn try_from(texts: Vec<String>) -> Result<TrustedKeys, KeyError> {
        TrustedKeys::parse(&texts)
    }
}

/// `None` also for the few keys of small order, for which a signature proves nothing.
fn public_key(text: &str) -> Option<VerifyingKey> {
    let key = if text.starts_with("-----") {
        VerifyingKey::from_public_key_pem(text).ok()?
    } else {
        let bytes = BASE64_STANDARD.decode(text).ok()?;
        VerifyingKey::from_bytes(&<[u8; PUBLIC_KEY_LENGTH]>::try_from(bytes).ok()?).ok()?
    };
    (!key.is_weak()).then_some(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example keys of RFC 8410, section 10.
    const PRIVATE: &str = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\n-----END PRIVATE KEY-----\n";
    const PUBLIC: &str = "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n-----END PUBLIC KEY-----\n";
    const PUBLIC_BYTES: &str = "Gb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=";

    fn file(contents: &str, mode: u32) -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key.pem");
        std::fs::write(&path, contents).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        (folder, path)
    }

    #[test]
    fn a_key_of_another_program_is_read_and_its_public_half_is_the_same() {
        let (_folder, path) = file(PRIVATE, 0o600);
        let key = SigningKey::load(&path).unwrap();
        assert_eq!(key.public(), PUBLIC_BYTES);
        for text in [PUBLIC, PUBLIC_BYTES, " Gb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n"] {
            assert!(TrustedKeys::parse(&[text.to_owned()]).unwrap().trusts(&key), "{text}");
        }
    }

    #[test]
    fn what_is_saved_is_loaded_for_its_owner_alone_and_never_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key.pem");
        let key = SigningKey::generate().unwrap();
        key.save(&path).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(SigningKey::load(&path).unwrap().public(), key.public());
        let before = std::fs::read(&path).unwrap();
        let error = SigningKey::generate().unwrap().save(&path).unwrap_err();
        assert!(matches!(error, KeyError::Exists { .. }), "{error}");
        assert_eq!(std::fs::read(&path).unwrap(), before);
    }

    #[test]
    fn a_file_that_others_may_use_is_refused() {
        for mode in [0o640, 0o604, 0o620, 0o602, 0o610, 0o644, 0o666] {
            let (_folder, path) = file(PRIVATE, mode);
            let error = SigningKey::load(&path).unwrap_err().to_string();
            assert!(error.contains(&format!("{mode:04o}")), "{mode:o}: {error}");
            assert!(error.contains("chmod 600"), "{error}");
        }
        for mode in [0o600, 0o400] {
            let (_folder, path) = file(PRIVATE, mode);
            SigningKey::load(&path).unwrap();
        }
    }

    #[test]
    fn other_contents_are_no_private_key() {
        let rsa = "-----BEGIN PRIVATE KEY-----\nMAA=\n-----END PRIVATE KEY-----\n";
        for contents in ["", "key", PUBLIC, rsa, &PRIVATE[..60]] {
            let (_folder, path) = file(contents, 0o600);
            let error = SigningKey::load(&path).unwrap_err();
            assert!(matches!(error, KeyError::Private { .. }), "{contents:?}: {error}");
        }
        let (_folder, path) = file("", 0o600);
        std::fs::write(&path, [0xff, 0xfe]).unwrap();
        assert!(matches!(SigningKey::load(&path), Err(KeyError::Private { .. })));
    }

    #[test]
    fn other_texts_are_no_public_key_and_are_named_by_their_place() {
        let neutral = BASE64_STANDARD.encode([&[1][..], &[0; 31]].concat());
        let short = BASE64_STANDARD.encode([7; 31]);
        for text in ["", "key", PRIVATE, &PUBLIC_BYTES[..40], &short, &neutral] {
            let error = TrustedKeys::parse(&[PUBLIC.to_owned(), text.to_owned()]).unwrap_err();
            assert!(error.to_string().contains("public key 2"), "{text}: {error}");
        }
    }

    #[test]
    fn a_private_key_is_not_shown() {
        let (_folder, path) = file(PRIVATE, 0o600);
        let key = SigningKey::load(&path).unwrap();
        assert_eq!(format!("{key:?}"), format!("SigningKey({})", key.id()));
        assert_eq!(KeyId::parse(&key.id().to_string()), Some(key.id()));
        for text in ["", "0123456789ABCDEF", "0123456789abcde", "+123456789abcdef"] {
            assert_eq!(KeyId::parse(text), None, "{text}");
        }
    }
}
