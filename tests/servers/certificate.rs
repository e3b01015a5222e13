//! A certificate for loopback that certifies itself.

use rcgen::{CertifiedKey, generate_simple_self_signed};
use std::path::{Path, PathBuf};

/// See the [module](self).
pub struct Certificate {
    /// PEM.
    pub certificate: String,
    /// PEM.
    pub key: String,
}

impl Certificate {
    pub fn new() -> Certificate {
        let names = ["localhost".to_owned(), "127.0.0.1".to_owned()];
        let CertifiedKey { cert, signing_key } = generate_simple_self_signed(names).unwrap();
        Certificate { certificate: cert.pem(), key: signing_key.serialize_pem() }
    }

    /// Write the certificate, without the key, into a folder.
    pub fn write(&self, folder: &Path) -> PathBuf {
        let path = folder.join("ca.pem");
        std::fs::write(&path, &self.certificate).unwrap();
        path
    }
}
