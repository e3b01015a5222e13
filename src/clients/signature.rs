//! A signature under a request: who made it, and what it covers.
//!
//! | style | what is signed | covers |
//! |---|---|---|
//! | `request` | HMAC over method, path with query, time, nonce, digest of the body, parted by line breaks | all of it, once |
//! | `id_time` | HMAC over id and time | neither body nor path; counts again until its time is over |
//! | `token_nonce` | a digest of time, token, nonce, time | neither body nor path; counts once |
//!
//! The last two are what systems of the field send already. Whoever reads one on its way may put another
//! body under it: let them come through TLS only, and give their clients few scopes.

use super::key::Digest as Sha256Digest;
use crate::secret::Secret;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use sm3::Sm3;
use std::str::FromStr;
use subtle::ConstantTimeEq;

/// How far the time of a signature may be from ours, either way, in milliseconds.
pub const WINDOW_MS: u64 = 300_000;
/// Characters that a nonce has at least, and at most.
pub const NONCE_CHARS: std::ops::RangeInclusive<usize> = 16..=128;
/// Below it a time is in seconds: as milliseconds it would be of the year 1973.
const SECONDS_BELOW: u64 = 100_000_000_000;

/// What is hashed with.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Hash {
    /// `hmac-sha256`
    #[default]
    Sha256,
    /// `hmac-sm3`, GB/T 32905
    Sm3,
}

impl Hash {
    /// The digest of these bytes.
    pub fn of(self, bytes: &[u8]) -> [u8; 32] {
        match self {
            Hash::Sha256 => Sha256Digest::of(bytes).0,
            Hash::Sm3 => Sm3::digest(bytes).into(),
        }
    }

    fn of_parts(self, parts: &[&str]) -> [u8; 32] {
        fn of<D: Digest>(parts: &[&str]) -> hmac::digest::Output<D> {
            parts.iter().fold(D::new(), |digest, part| digest.chain_update(part)).finalize()
        }
        match self {
            Hash::Sha256 => of::<Sha256>(parts).into(),
            Hash::Sm3 => of::<Sm3>(parts).into(),
        }
    }

    fn verifies(self, secret: &[u8], parts: &[&str], code: &[u8]) -> bool {
        fn is<M: Mac + KeyInit>(secret: &[u8], parts: &[&str], code: &[u8]) -> bool {
            let Ok(mut mac) = <M as KeyInit>::new_from_slice(secret) else { return false };
            parts.iter().for_each(|part| mac.update(part.as_bytes()));
            mac.verify_slice(code).is_ok()
        }
        match self {
            Hash::Sha256 => is::<Hmac<Sha256>>(secret, parts, code),
            Hash::Sm3 => is::<Hmac<Sm3>>(secret, parts, code),
        }
    }
}

impl FromStr for Hash {
    type Err = String;

    fn from_str(text: &str) -> Result<Hash, String> {
        match text {
            "hmac-sha256" => Ok(Hash::Sha256),
            "hmac-sm3" => Ok(Hash::Sm3),
            _ => Err("应为其一 / is none of: hmac-sha256, hmac-sm3".to_owned()),
        }
    }
}

/// What is signed: see the [module](self).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Style {
    /// All of the request.
    #[default]
    Request,
    /// The id and the time.
    IdTime,
    /// The time, the secret, the nonce, the time.
    TokenNonce,
}

impl FromStr for Style {
    type Err = String;

    fn from_str(text: &str) -> Result<Style, String> {
        match text {
            "request" => Ok(Style::Request),
            "id_time" => Ok(Style::IdTime),
            "token_nonce" => Ok(Style::TokenNonce),
            _ => Err("应为其一 / is none of: request, id_time, token_nonce".to_owned()),
        }
    }
}

/// Whoever signs.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Signer {
    /// Its name; no two of a file have the same.
    pub id: String,
    /// What it signs with.
    pub secret: Secret,
    /// How it hashes.
    pub hash: Hash,
    /// What it signs.
    pub style: Style,
}

/// A signed request, as its head tells it. What a style does not sign is empty.
#[derive(Clone, Copy, Debug, Default)]
pub struct Signed<'r> {
    /// `POST`
    pub method: &'r str,
    /// The path with its query.
    pub target: &'r str,
    /// Milliseconds since 1970; in other styles seconds as well.
    pub time: &'r str,
    /// A text that no other request has.
    pub nonce: &'r str,
    /// The digest of the body, hexadecimal or base64.
    pub body: &'r str,
    /// Base64, or hexadecimal where a digest is the signature.
    pub signature: &'r str,
}

/// Why a signature does not count.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Unsigned {
    /// A part of it cannot be read.
    #[error("a part of the signature cannot be read")]
    Malformed,
    /// Its time is too far from ours.
    #[error("the time of the signature is too far from ours")]
    Stale,
    /// It is not what this signer makes of this request.
    #[error("the signature does not fit the request")]
    Wrong,
    /// The signer's secret is not there.
    #[error("the secret is not there")]
    NoSecret,
}

impl Signer {
    /// Whether it signed this request, at this time in milliseconds: until when the signature counts.
    ///
    /// # Errors
    ///
    /// See [`Unsigned`]. Whether the request was seen before is not said here, nor whether its body is the one
    /// that was signed.
    pub fn verify(&self, signed: &Signed<'_>, now: u64) -> Result<u64, Unsigned> {
        let Signed { method, target, time, nonce, body, signature } = *signed;
        let is_nonce = NONCE_CHARS.contains(&nonce.len()) && nonce.is_ascii();
        if self.style != Style::IdTime && !is_nonce {
            return Err(Unsigned::Malformed);
        }
        let stated: u64 = time.parse().map_err(|_| Unsigned::Malformed)?;
        let is_in_seconds = self.style != Style::Request && stated < SECONDS_BELOW;
        let stated = if is_in_seconds { stated * 1000 } else { stated };
        if stated.abs_diff(now) > WINDOW_MS {
            return Err(Unsigned::Stale);
        }
        let secret = self.secret.reveal().map_err(|_| Unsigned::NoSecret)?;
        let code = digest_of(signature).ok_or(Unsigned::Malformed)?;
        let is_signed = match self.style {
            Style::Request => {
                let parts = [method, "\n", target, "\n", time, "\n", nonce, "\n", body];
                self.hash.verifies(secret.as_bytes(), &parts, &code)
            }
            Style::IdTime => self.hash.verifies(secret.as_bytes(), &[&self.id, time], &code),
            Style::TokenNonce => {
                self.hash.of_parts(&[time, &secret, nonce, time]).ct_eq(&code).into()
            }
        };
        if is_signed { Ok(stated + WINDOW_MS) } else { Err(Unsigned::Wrong) }
    }
}

/// 32 bytes, written in hexadecimal digits or base64.
pub fn digest_of(text: &str) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    if text.len() == 64 {
        hex::decode_to_slice(text, &mut bytes).ok()?;
        return Some(bytes);
    }
    BASE64_STANDARD.decode(text).ok()?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_795_312_800_000;
    const NONCE: &str = "0123456789abcdef";

    fn signer(hash: Hash, style: Style) -> Signer {
        Signer { id: "k1".to_owned(), secret: Secret::new("a secret of the tests"), hash, style }
    }

    fn hmac(hash: Hash, text: &str) -> String {
        fn of<M: Mac + KeyInit>(text: &str) -> Vec<u8> {
            let mut mac = <M as KeyInit>::new_from_slice(b"a secret of the tests").unwrap();
            mac.update(text.as_bytes());
            mac.finalize().into_bytes().to_vec()
        }
        BASE64_STANDARD.encode(match hash {
            Hash::Sha256 => of::<Hmac<Sha256>>(text),
            Hash::Sm3 => of::<Hmac<Sm3>>(text),
        })
    }

    #[test]
    fn sm3_is_that_of_the_standard() {
        let known = "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0";
        assert_eq!(hex::encode(Hash::Sm3.of(b"abc")), known);
    }

    #[test]
    fn a_signature_covers_every_part_of_a_request() {
        for hash in [Hash::Sha256, Hash::Sm3] {
            let (signer, time) = (signer(hash, Style::Request), NOW.to_string());
            let body = hex::encode(hash.of(b"{}"));
            let signature = hmac(hash, &format!("POST\n/v1/check?a=1\n{time}\n{NONCE}\n{body}"));
            let signed = Signed {
                method: "POST",
                target: "/v1/check?a=1",
                time: &time,
                nonce: NONCE,
                body: &body,
                signature: &signature,
            };
            assert_eq!(signer.verify(&signed, NOW), Ok(NOW + WINDOW_MS));
            let later = (NOW + 1).to_string();
            for altered in [
                Signed { method: "GET", ..signed },
                Signed { target: "/v1/check", ..signed },
                Signed { time: &later, ..signed },
                Signed { nonce: "0123456789abcdeF", ..signed },
                Signed { body: NONCE, ..signed },
            ] {
                assert_eq!(signer.verify(&altered, NOW), Err(Unsigned::Wrong), "{altered:?}");
            }
            for malformed in [
                Signed { nonce: "short", ..signed },
                Signed { time: "noon", ..signed },
                Signed { signature: "?", ..signed },
            ] {
                assert_eq!(signer.verify(&malformed, NOW), Err(Unsigned::Malformed));
            }
            for now in [NOW - WINDOW_MS - 1, NOW + WINDOW_MS + 1] {
                assert_eq!(signer.verify(&signed, now), Err(Unsigned::Stale));
            }
        }
    }

    #[test]
    fn the_styles_of_the_field_are_read() {
        let time = (NOW / 1000).to_string();
        let by_time = signer(Hash::Sha256, Style::IdTime);
        let signature = hmac(Hash::Sha256, &format!("k1{time}"));
        let signed = Signed { time: &time, signature: &signature, ..Signed::default() };
        assert!(by_time.verify(&signed, NOW).is_ok());
        assert_eq!(by_time.verify(&signed, NOW + WINDOW_MS + 1), Err(Unsigned::Stale));

        let by_nonce = signer(Hash::Sha256, Style::TokenNonce);
        let text = format!("{time}a secret of the tests{NONCE}{time}");
        let signature = hex::encode_upper(Hash::Sha256.of(text.as_bytes()));
        let signed = Signed { nonce: NONCE, signature: &signature, ..signed };
        assert!(by_nonce.verify(&signed, NOW).is_ok());
        let other = Signed { nonce: "0123456789abcdeF", ..signed };
        assert_eq!(by_nonce.verify(&other, NOW), Err(Unsigned::Wrong));
    }
}
