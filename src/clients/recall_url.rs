//! Where a client is told of recalls.

use reqwest::Url;
use std::fmt;
use std::str::FromStr;

/// `https`, or `http` on this machine; nothing in it that would have to be hidden, and no room for a subject.
#[derive(Clone, PartialEq, Eq)]
pub struct RecallUrl(String);

impl RecallUrl {
    /// As it is asked for.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for RecallUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A text is no such address.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error(
    "应为 https 地址，本机可用 http，不含用户、密码、查询串 / is no https URL, or http on loopback, without user, \
     password, query"
)]
pub struct NoRecallUrl;

impl FromStr for RecallUrl {
    type Err = NoRecallUrl;

    fn from_str(text: &str) -> Result<RecallUrl, NoRecallUrl> {
        let url = Url::parse(text).map_err(|_| NoRecallUrl)?;
        let host = url.host_str().unwrap_or_default();
        let address = host.trim_start_matches('[').trim_end_matches(']').parse();
        let is_here = host == "localhost"
            || address.is_ok_and(|address: std::net::IpAddr| address.to_canonical().is_loopback());
        let may_be_sent_to = match url.scheme() {
            "https" => !host.is_empty(),
            "http" => is_here,
            _ => false,
        };
        let hides = !url.username().is_empty()
            || url.password().is_some()
            || url.query().is_some()
            || url.fragment().is_some();
        if may_be_sent_to && !hides { Ok(RecallUrl(url.into())) } else { Err(NoRecallUrl) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recalls_are_sent_through_tls_or_stay_on_this_machine() {
        for sound in [
            "https://portal.example/recalls",
            "http://127.0.0.1:9000/",
            "http://[::1]:9000/x",
            "http://localhost/x",
        ] {
            assert_eq!(sound.parse::<RecallUrl>().unwrap().as_str(), sound);
        }
        for unsound in [
            "",
            "portal.example",
            "http://portal.example/",
            "http://10.0.0.1/",
            "http://127.0.0.1.example/",
            "http://localhost.example/",
            "https://",
            "https://user@portal.example/",
            "https://:secret@portal.example/",
            "https://portal.example/?token=x",
            "https://portal.example/#x",
            "ftp://portal.example/",
            "file:///etc/passwd",
        ] {
            assert_eq!(unsound.parse::<RecallUrl>(), Err(NoRecallUrl), "{unsound}");
        }
    }
}
