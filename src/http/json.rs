//! Writing JSON straight into a buffer.
//!
//! Answers are written, not serialised: most of one is fragments that were rendered when the
//! generation came (see [`fragments`](super::fragments)).

use crate::record::{Day, Instant};

/// Append a string with its quotes.
pub fn string(text: &str, out: &mut Vec<u8>) {
    out.reserve(text.len() + 2);
    out.push(b'"');
    let bytes = text.as_bytes();
    let mut clean_from = 0;
    for (at, &byte) in bytes.iter().enumerate() {
        if byte >= 0x20 && byte != b'"' && byte != b'\\' {
            continue;
        }
        out.extend_from_slice(&bytes[clean_from..at]);
        clean_from = at + 1;
        escape(byte, out);
    }
    out.extend_from_slice(&bytes[clean_from..]);
    out.push(b'"');
}

#[cold]
fn escape(byte: u8, out: &mut Vec<u8>) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    let short = match byte {
        b'"' => b'"',
        b'\\' => b'\\',
        b'\n' => b'n',
        b'\r' => b'r',
        b'\t' => b't',
        _ => {
            out.extend_from_slice(b"\\u00");
            out.push(HEX[usize::from(byte >> 4)]);
            out.push(HEX[usize::from(byte & 0xf)]);
            return;
        }
    };
    out.push(b'\\');
    out.push(short);
}

/// Append a string, or `null` for an empty one: nothing was recorded.
pub fn recorded(text: &str, out: &mut Vec<u8>) {
    if text.is_empty() {
        out.extend_from_slice(b"null");
    } else {
        string(text, out);
    }
}

/// Append a number.
pub fn number(mut number: u64, out: &mut Vec<u8>) {
    let mut digits = [0; 20];
    let mut at = digits.len();
    loop {
        at -= 1;
        digits[at] = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[at..]);
}

/// Append a word that needs no escape.
pub fn word(word: &'static str, out: &mut Vec<u8>) {
    debug_assert!(word.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_'));
    out.push(b'"');
    out.extend_from_slice(word.as_bytes());
    out.push(b'"');
}

/// Append `true` or `false`.
pub fn flag(flag: bool, out: &mut Vec<u8>) {
    out.extend_from_slice(if flag { b"true" } else { b"false" });
}

/// Append a day, `"2026-03-31"`, or `null`.
pub fn day(day: Option<Day>, out: &mut Vec<u8>) {
    let Some(day) = day else {
        out.extend_from_slice(b"null");
        return;
    };
    let (year, month, date) = day.ymd();
    let mut text = *b"\"0000-00-00\"";
    let pair = |number: i16| {
        let number = number.clamp(0, 99) as u8;
        [b'0' + number / 10, b'0' + number % 10]
    };
    text[1..3].copy_from_slice(&pair(year / 100));
    text[3..5].copy_from_slice(&pair(year % 100));
    text[6..8].copy_from_slice(&pair(i16::from(month)));
    text[9..11].copy_from_slice(&pair(i16::from(date)));
    out.extend_from_slice(&text);
}

/// Append an instant, `"2026-11-22T10:00:00+08:00"`.
pub fn instant(instant: Instant, out: &mut Vec<u8>) {
    use std::io::Write;
    // Writing into a vector cannot fail.
    let _ = write!(out, "\"{instant}\"");
}

/// Append a list of words for the flags that are set.
pub fn flags(flags: &[(bool, &'static str)], out: &mut Vec<u8>) {
    out.push(b'[');
    let mut first = true;
    for (_, name) in flags.iter().filter(|(set, _)| *set) {
        if !std::mem::take(&mut first) {
            out.push(b',');
        }
        word(name, out);
    }
    out.push(b']');
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn written(write: impl Fn(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        write(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn values_are_written() {
        assert_eq!(written(|out| string("a\"b\\c\n\u{1}张", out)), r#""a\"b\\c\n\u0001张""#);
        assert_eq!(written(|out| recorded("", out)), "null");
        assert_eq!(written(|out| day(Day::from_ymd(2026, 3, 31), out)), r#""2026-03-31""#);
        assert_eq!(written(|out| day(None, out)), "null");
        assert_eq!(written(|out| instant(Instant(0), out)), r#""1970-01-01T08:00:00+08:00""#);
        assert_eq!(
            written(|out| flags(&[(true, "a"), (false, "b"), (true, "c")], out)),
            r#"["a","c"]"#
        );
        assert_eq!(written(|out| flags(&[(false, "b")], out)), "[]");
    }

    proptest! {
        #[test]
        fn strings_read_back_as_they_were(text in "\\PC*|[\\x00-\\x7f]*") {
            let json = written(|out| string(&text, out));
            prop_assert_eq!(serde_json::from_str::<String>(&json).unwrap(), text);
        }

        #[test]
        fn days_are_written_as_they_are_shown(number in -60_000i32..80_000) {
            let json = written(|out| day(Some(Day(number)), out));
            prop_assert_eq!(json, format!("\"{}\"", Day(number)));
        }
    }
}
