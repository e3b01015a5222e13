//! Which host a request is for: its `Host`, as RFC 9112, section 3.2 demands it.

use super::problem::{Code, Problem};
use hyper::Version;
use hyper::header::HOST;
use hyper::http::request::Parts;

/// A request names its host once, and in a form that every reader on its way takes for the same. HTTP/1.0 may
/// leave it out; an empty one is a host. Which one it is says nothing here. Allocates nothing.
///
/// # Errors
///
/// [`Code::InvalidHost`]: it is not there, there more than once, or none.
pub(super) fn must_name(head: &Parts) -> Result<(), Problem> {
    let mut hosts = head.headers.get_all(HOST).iter();
    let is_named = match (hosts.next(), hosts.next()) {
        (Some(host), None) => is_host(host.as_bytes()),
        (None, _) => head.version < Version::HTTP_11,
        (Some(_), Some(_)) => false,
    };
    if is_named { Ok(()) } else { Err(Code::InvalidHost.whole()) }
}

/// `uri-host [ ":" port ]` of RFC 9110, section 7.2. What stands between brackets is not told apart further.
fn is_host(value: &[u8]) -> bool {
    let (name, port) = match value.strip_prefix(b"[") {
        Some(rest) => match rest.iter().position(|&byte| byte == b']') {
            Some(end) if end > 0 => {
                let (address, port) = (&rest[..end], &rest[end + 1..]);
                return is_port(port) && address.iter().all(|&byte| byte == b':' || is_name(byte));
            }
            _ => return false,
        },
        None => value.split_at(value.iter().position(|&byte| byte == b':').unwrap_or(value.len())),
    };
    is_port(port) && name.iter().all(|&byte| is_name(byte))
}

fn is_port(text: &[u8]) -> bool {
    text.split_first()
        .is_none_or(|(&colon, digits)| colon == b':' && digits.iter().all(u8::is_ascii_digit))
}

/// A byte of a `reg-name` of RFC 3986.
fn is_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~%!$&'()*+,;=".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_told_from_what_is_none() {
        let hosts = [
            "",
            "x",
            "x:80",
            "x:",
            ":80",
            "credit.example.gov.cn:8443",
            "xincha_backend",
            "%E4%BF%A1.example",
            "127.0.0.1:8080",
            "[::1]",
            "[::1]:8080",
            "[v1.a:b]",
        ];
        for host in hosts {
            assert!(is_host(host.as_bytes()), "{host}");
        }
        let others = [
            "a b", "a/b", "a@b", "a?b", "a#b", "a\\b", "a\tb", "信查", "x:y", "x:1:2", "::1",
            "[::1", "[]", "[::1]x", "[::1]:x", "[a/b]", "]", "\"x\"", "http://x",
        ];
        for other in others {
            assert!(!is_host(other.as_bytes()), "{other}");
        }
    }
}
