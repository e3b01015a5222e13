//! A URL, and what of it may be shown: neither user, password nor query.

use super::FetchError;
use crate::secret::Secret;
use reqwest::Url;

/// A sound `http` or `https` URL.
#[derive(Clone)]
pub(super) struct Address {
    url: Url,
}

impl Address {
    /// Errors name `setting`, never the text.
    pub fn parse(setting: &str, text: &Secret) -> Result<Address, FetchError> {
        let sound = |url: &Url| matches!(url.scheme(), "http" | "https") && url.has_host();
        match Url::parse(&text.reveal()?) {
            Ok(url) if sound(&url) => Ok(Address { url }),
            _ => Err(FetchError::config(format!(
                "{setting}: 不是 http(s) 地址 / is no http or https URL"
            ))),
        }
    }

    pub fn url(&self) -> &Url {
        &self.url
    }

    pub fn is_plain(&self) -> bool {
        self.url.scheme() == "http"
    }

    /// Holds a user or a password.
    pub fn has_user(&self) -> bool {
        !self.url.username().is_empty() || self.url.password().is_some()
    }

    /// For people: scheme, host, port and path.
    pub fn shown(&self) -> String {
        format!("{}{}", self.url.origin().ascii_serialization(), self.url.path())
    }

    /// All but the user and password.
    pub fn identity(&self) -> String {
        format!("{}?{}", self.shown(), self.url.query().unwrap_or_default())
    }

    /// The last segment of the path, decoded; empty where there is none.
    pub fn file_name(&self) -> String {
        let segment = self.url.path_segments().and_then(|mut segments| segments.next_back());
        decoded(segment.unwrap_or_default())
    }
}

/// `%E5%A4%B1.csv` as `失.csv`.
fn decoded(segment: &str) -> String {
    let bytes = segment.as_bytes();
    let (mut out, mut at) = (Vec::with_capacity(bytes.len()), 0);
    while at < bytes.len() {
        let hex = (bytes[at] == b'%')
            .then(|| segment.get(at + 1..at + 3))
            .flatten()
            .and_then(|hex| u8::from_str_radix(hex, 16).ok());
        out.push(hex.unwrap_or(bytes[at]));
        at += if hex.is_some() { 3 } else { 1 };
    }
    String::from_utf8_lossy(&out).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> Address {
        Address::parse("url", &Secret::new(text)).unwrap()
    }

    #[test]
    fn neither_user_nor_query_is_shown() {
        let address = address("https://user:pass@host:8443/a/%E5%A4%B1-1.csv?token=abc");
        assert_eq!(address.shown(), "https://host:8443/a/%E5%A4%B1-1.csv");
        assert_eq!(address.file_name(), "失-1.csv");
        assert!(!address.identity().contains("pass"));
    }

    #[test]
    fn what_is_no_address_is_not_shown_either() {
        for text in ["ftp://user:pass@host/a", "pass word", "http://"] {
            let error = Address::parse("files[0].url", &Secret::new(text)).err().unwrap();
            let error = error.to_string();
            assert!(error.contains("files[0].url") && !error.contains("pass"), "{error}");
        }
    }

    #[test]
    fn a_broken_escape_stays_as_it_is() {
        for (segment, expected) in [("a%2", "a%2"), ("%zz", "%zz"), ("%", "%"), ("a%20b", "a b")] {
            assert_eq!(decoded(segment), expected);
        }
    }
}
