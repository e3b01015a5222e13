//! The forms of dates, and of nothing, in one feed (DOMAIN 2).

use crate::record::Day;
use std::borrow::Cow;
use std::fmt::Write;

/// A date cell that could not be read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Unreadable;

/// Excel's day 0; serials count from it (with the leap day of 1900 that never was).
const EXCEL_EPOCH: Day = Day(-25_569);
/// Serials that are read as days: 1954 to 2119. Smaller numbers are more likely something else.
const EXCEL_SERIALS: std::ops::RangeInclusive<i32> = 20_000..=80_000;
/// Minutes by which Asia/Shanghai is ahead of UTC.
const SHANGHAI_MINUTES: i32 = 8 * 60;

/// Without the spaces and the invisible marks around it.
pub(super) fn trimmed(cell: &str) -> &str {
    cell.trim_matches(|c: char| c.is_whitespace() || matches!(c, '\u{feff}' | '\u{200b}'))
}

/// The cell says that there is nothing.
pub fn is_null(cell: &str) -> bool {
    let cell = trimmed(cell);
    // nearly every cell is longer than any word for nothing
    if cell.len() > 15 {
        return false;
    }
    let cell = narrow(cell);
    let one_of = ["", "/", "\\", "无", "-", "--", "\\N", "N/A"];
    one_of.contains(&&*cell)
        || cell.eq_ignore_ascii_case("null")
        || cell.chars().all(|c| matches!(c, '—' | '–' | '―' | '─'))
}

/// The day of a cell; `None` where it is null.
///
/// Read are `20190713`, `2019-07-13`, `2019/7/13`, `2019.7.13`, `2019年07月13日`, any of them with a
/// time behind, `20190713083000`, Excel serials, and all of it in full width. A time with an offset
/// is an instant, and its day is the one in Asia/Shanghai. What does not exist, what lies in or after
/// the year that means "no end", and what has anything else behind is unreadable.
pub fn read(cell: &str) -> Result<Option<Day>, Unreadable> {
    match any_day(cell)? {
        Some(day) if day >= Day::FOREVER_FROM => Err(Unreadable),
        day => Ok(day),
    }
}

/// The last day of a term: as [`read`], and the words and the years that mean "no end" are none.
pub fn read_end(cell: &str) -> Result<Option<Day>, Unreadable> {
    let words = ["长期", "永久", "终身", "长期有效", "永久有效", "无期限", "无固定期限"];
    if words.contains(&trimmed(cell)) {
        return Ok(None);
    }
    Ok(any_day(cell)?.filter(|&day| day < Day::FOREVER_FROM))
}

/// Full-width forms (U+FF01 to U+FF5E) as their half-width twins. What NFKC would do besides has no
/// part in dates and words for nothing, and it costs an allocation for every Chinese cell.
fn narrow(cell: &str) -> Cow<'_, str> {
    let is_wide = |c: char| ('\u{ff01}'..='\u{ff5e}').contains(&c);
    if cell.is_ascii() || !cell.contains(is_wide) {
        return Cow::Borrowed(cell);
    }
    let narrow = |c: char| char::from_u32(c as u32 - 0xfee0).unwrap_or(c);
    Cow::Owned(cell.chars().map(|c| if is_wide(c) { narrow(c) } else { c }).collect())
}

fn any_day(cell: &str) -> Result<Option<Day>, Unreadable> {
    if is_null(cell) {
        return Ok(None);
    }
    let cell = trimmed(cell);
    if cell.len() > 96 {
        return Err(Unreadable);
    }
    day_of(&narrow(cell)).map(Some).ok_or(Unreadable)
}

fn day_of(cell: &str) -> Option<Day> {
    let (first, rest) = number(cell)?;
    let pair = |at: usize| first.get(at..at + 2);
    match first.len() {
        4 => {
            let rest = after(rest, &['-', '/', '.', '年'])?;
            let (month, rest) = number(rest)?;
            let rest = after(rest, &['-', '/', '.', '月'])?;
            let (day, rest) = number(rest)?;
            let rest = rest.trim_start();
            let rest = rest.strip_prefix(['日', '号']).unwrap_or(rest);
            Some(civil(first, month, day)?.plus(shift_of_time(rest)?))
        }
        5 => of_serial_text(first, rest),
        8 => Some(civil(&first[..4], pair(4)?, pair(6)?)?.plus(shift_of_time(rest)?)),
        12 | 14 => {
            let second = if first.len() == 14 { pair(12)? } else { "0" };
            let time = is_time(pair(8)?, pair(10)?, second);
            (rest.is_empty() && time).then(|| civil(&first[..4], pair(4)?, pair(6)?))?
        }
        _ => None,
    }
}

/// The digits that a text begins with, and the rest.
fn number(text: &str) -> Option<(&str, &str)> {
    let text = text.trim_start();
    let end = text.bytes().position(|b| !b.is_ascii_digit()).unwrap_or(text.len());
    (end > 0).then(|| text.split_at(end))
}

/// The rest behind a separator.
fn after<'a>(text: &'a str, separators: &[char]) -> Option<&'a str> {
    text.trim_start().strip_prefix(separators)
}

fn civil(year: &str, month: &str, day: &str) -> Option<Day> {
    if month.len() > 2 || day.len() > 2 {
        return None;
    }
    let year: i16 = year.parse().ok()?;
    let (month, day) = (month.parse().ok()?, day.parse().ok()?);
    // 9999-12-31 is as good a word for "no end" as 2099-12-31
    Day::from_ymd(year.min(2100), month, day)
}

fn of_serial_text(whole: &str, rest: &str) -> Option<Day> {
    let fraction = rest.strip_prefix('.').unwrap_or(rest);
    let whole: i32 = whole.parse().ok()?;
    let only_digits = fraction.bytes().all(|b| b.is_ascii_digit());
    (only_digits && EXCEL_SERIALS.contains(&whole)).then(|| EXCEL_EPOCH.plus(whole))
}

/// By how many days the time behind a date moves it: none without an offset. `None` where what
/// stands there is no time.
fn shift_of_time(text: &str) -> Option<i32> {
    let text = text.trim_end();
    if text.is_empty() {
        return Some(0);
    }
    let text = text.strip_prefix(['T', 't']).unwrap_or(text);
    let (hour, rest) = number(text)?;
    let (minute, rest) = match rest.strip_prefix([':', '时', '点']) {
        Some(rest) => number(rest).unwrap_or(("0", rest)),
        None => return None,
    };
    let rest = rest.strip_prefix('分').unwrap_or(rest);
    let (second, rest) = match number(rest.strip_prefix(':').unwrap_or(rest)) {
        Some((second, rest)) if !rest.is_empty() || second.len() <= 2 => (second, rest),
        _ => ("0", rest),
    };
    let rest = rest.strip_prefix('秒').unwrap_or(rest);
    let rest = match rest.strip_prefix(['.', ',']) {
        Some(fraction) => number(fraction)?.1,
        None => rest,
    };
    if !is_time(hour, minute, second) {
        return None;
    }
    let local = hour.parse::<i32>().ok()? * 60 + minute.parse::<i32>().ok()?;
    Some(match offset_minutes(rest.trim_start())? {
        None => 0,
        Some(offset) => (local - offset + SHANGHAI_MINUTES).div_euclid(24 * 60),
    })
}

fn is_time(hour: &str, minute: &str, second: &str) -> bool {
    let within = |text: &str, max: u8| {
        text.len() <= 2 && text.parse::<u8>().is_ok_and(|number| number <= max)
    };
    within(hour, 24) && within(minute, 59) && within(second, 60)
}

/// `Z`, `+08:00`, `+0800`, `+08`, or nothing.
fn offset_minutes(text: &str) -> Option<Option<i32>> {
    if text.is_empty() {
        return Some(None);
    }
    if matches!(text, "Z" | "z") {
        return Some(Some(0));
    }
    let sign = match text.as_bytes()[0] {
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    let digits: String = text[1..].chars().filter(|c| *c != ':').collect();
    if !matches!(digits.len(), 2 | 4) || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let hours: i32 = digits[..2].parse().ok()?;
    let minutes: i32 = digits[2..].parse().unwrap_or(0);
    (hours <= 14 && minutes <= 59).then_some(Some(sign * (hours * 60 + minutes)))
}

/// The day of an Excel serial without its fraction of a day.
pub(super) fn of_serial(whole: i64) -> Option<Day> {
    (1..=3_000_000).contains(&whole).then(|| EXCEL_EPOCH.plus(whole as i32))
}

/// Write a time of day, or how long something took: `13:45:12`, `13:45:12.500`.
pub(super) fn write_time(seconds: i64, nanos: u32, out: &mut String) {
    let (hours, minutes, seconds) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    let _ = write!(out, "{hours:02}:{minutes:02}:{seconds:02}");
    let _ = match nanos {
        0 => Ok(()),
        _ if nanos.is_multiple_of(1_000_000) => write!(out, ".{:03}", nanos / 1_000_000),
        _ if nanos.is_multiple_of(1_000) => write!(out, ".{:06}", nanos / 1_000),
        _ => write!(out, ".{nanos:09}"),
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_of_a_day_is_read() {
        let day = Day::from_ymd(2019, 7, 13);
        for cell in [
            "20190713",
            "2019-07-13",
            "2019/7/13",
            "2019.7.13",
            "2019年07月13日",
            "2019年7月13日",
            "2019 年 7 月 13 日",
            "2019-07-13 08:30:00",
            "2019-07-13 08:30:00.000",
            "2019-07-13T08:30:00+08:00",
            "2019-07-12T16:00:00Z",
            "2019-07-13T15:59:59.999Z",
            "2019-07-13T00:30:00+0800",
            "2019年7月13日 8时30分",
            "2019年7月13日8时",
            "20190713083000",
            "201907130830",
            "20190713 08:30",
            "2019/7/13 0:00",
            "２０１９年７月１３日",
            "２０１９－０７－１３",
            "43659",
            "43659.5",
            " 2019-07-13 ",
            "\u{3000}2019-07-13\u{feff}",
        ] {
            assert_eq!(read(cell), Ok(day), "{cell}");
            assert_eq!(read_end(cell), Ok(day), "{cell}");
        }
    }

    #[test]
    fn every_form_of_nothing_is_nothing() {
        for cell in [
            "",
            " ",
            "/",
            "无",
            "—",
            "——",
            "-",
            "--",
            "NULL",
            "null",
            "\\N",
            "／",
            "－",
            "ＮＵＬＬ",
            "无 ",
            "\u{3000}",
        ] {
            assert_eq!(read(cell), Ok(None), "{cell:?}");
        }
        for cell in ["2099-12-31", "20991231", "长期", "永久", "终身", "9999-12-31", "73050", ""]
        {
            assert_eq!(read_end(cell), Ok(None), "{cell}");
        }
        assert_eq!(read_end("2026-03-31"), Ok(Day::from_ymd(2026, 3, 31)));
    }

    #[test]
    fn what_is_no_day_is_unreadable() {
        for cell in [
            "2019-02-30",
            "2019",
            "明天",
            "13/07/2019",
            "2019-13-01",
            "1",
            "201907131",
            "2019-07",
            "2019-07-13至2020-07-12",
            "2019-07-13 左右",
            "20190713abc",
            "43659abc",
            "2019-07-13 25:00",
            "2019-07-13 08:30 +99:00",
            "20190713993000",
            "9999-99-99",
            "三年",
            "无期",
        ] {
            assert_eq!(read(cell), Err(Unreadable), "{cell}");
            assert_eq!(read_end(cell), Err(Unreadable), "{cell}");
        }
        for cell in ["2099-12-31", "9999-12-31", "长期"] {
            assert_eq!(read(cell), Err(Unreadable), "{cell} begins nothing");
        }
    }
}
