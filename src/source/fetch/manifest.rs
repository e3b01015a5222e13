//! A department's own list of what it delivers.
//!
//! ```json
//! {"files": [{"name": "sxbzxr-1.csv", "bytes": 1234, "sha256": "9f86…"}]}
//! ```

use super::FetchError;
use serde::Deserialize;

/// The file's name.
pub(super) const NAME: &str = "manifest.json";
/// Bytes that are read of one: far above any real one.
pub(super) const BYTES_MAX: u64 = 16 << 20;

/// See the [module](self). What else it says is not for us.
#[derive(Deserialize)]
pub(super) struct Manifest {
    pub files: Vec<Listed>,
}

/// A file of it.
#[derive(Deserialize)]
pub(super) struct Listed {
    pub name: String,
    pub bytes: u64,
    /// Hexadecimal digits, in capitals or not; checked where given.
    #[serde(default)]
    pub sha256: Option<String>,
}

impl Manifest {
    /// `at` names it in errors.
    pub fn parse(at: &str, text: &[u8]) -> Result<Manifest, FetchError> {
        let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
        serde_json::from_slice(text)
            .map_err(|error| FetchError::Manifest { at: at.to_owned(), why: error.to_string() })
    }
}
