//! The forms of dates, and of nothing, in one feed (DOMAIN 2).

use crate::record::Day;

/// A date cell that could not be read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Unreadable;

/// Excel's day 0; serials count from it (with the leap day of 1900 that never was).
const EXCEL_EPOCH: Day = Day(-25_569);
/// Serials that are read as days: 1954 to 2119. Smaller numbers are more likely something else.
const EXCEL_SERIALS: std::ops::RangeInclusive<i32> = 20_000..=80_000;

/// The cell says that there is nothing.
pub fn is_null(cell: &str) -> bool {
    let cell = cell.trim_matches(|c: char| c.is_whitespace() || c == '\u{feff}');
    let one_of =
        ["/", "／", "无", "—", "——", "-", "--", "－", "null", "NULL", "Null", "\\N", "N/A", "\\"];
    cell.is_empty() || one_of.contains(&cell)
}

/// The day of a cell; `None` where it is null.
///
/// Read are `20190713`, `2019-07-13`, `2019/7/13`, `2019.7.13`, `2019年07月13日`, any of them with a
/// time behind, Excel serials, and full-width digits. A day that does not exist is unreadable.
pub fn read(cell: &str) -> Result<Option<Day>, Unreadable> {
    if is_null(cell) {
        return Ok(None);
    }
    let mut digits = [0i32; 3];
    let mut lengths = [0usize; 3];
    let mut part = 0;
    for c in cell.trim().chars() {
        let c = narrow(c);
        match c.to_digit(10) {
            Some(_) if part < 3 && lengths[part] == 8 => return Err(Unreadable),
            Some(digit) if part < 3 => {
                digits[part] = digits[part] * 10 + digit as i32;
                lengths[part] += 1;
            }
            Some(_) => break,
            // what stands behind the day is a time
            None if lengths[0] >= 5 || (part == 2 && lengths[2] > 0) => break,
            None if matches!(c, '-' | '/' | '.' | '年' | '月' | '—')
                && part < 2
                && lengths[part] > 0 =>
            {
                part += 1
            }
            None if c.is_whitespace() => {}
            None => return Err(Unreadable),
        }
    }
    let day = match (lengths, digits) {
        ([8, 0, 0], [number, ..]) => Day::from_ymd(
            (number / 10_000) as i16,
            (number / 100 % 100) as i8,
            (number % 100) as i8,
        ),
        ([5, 0, 0], [serial, ..]) if EXCEL_SERIALS.contains(&serial) => {
            Some(EXCEL_EPOCH.plus(serial))
        }
        ([4, 1..=2, 1..=2], [year, month, day]) => {
            Day::from_ymd(year as i16, month as i8, day as i8)
        }
        _ => None,
    };
    day.map(Some).ok_or(Unreadable)
}

/// The last day of a term: as [`read`], and the words and the year that mean "no end" are none.
pub fn read_end(cell: &str) -> Result<Option<Day>, Unreadable> {
    let words = ["长期", "永久", "终身", "长期有效", "永久有效", "无期限", "无固定期限"];
    if words.contains(&cell.trim()) {
        return Ok(None);
    }
    Ok(read(cell)?.filter(|&day| day < Day::FOREVER_FROM))
}

/// The ISO form of an Excel serial with its fraction of a day.
pub(super) fn of_serial(serial: f64) -> Option<Day> {
    let whole = serial.floor();
    (1.0..=200_000.0).contains(&whole).then(|| EXCEL_EPOCH.plus(whole as i32))
}

fn narrow(c: char) -> char {
    match c {
        '０'..='９' => char::from(b'0' + (c as u32 - '０' as u32) as u8),
        '－' => '-',
        '／' => '/',
        '．' => '.',
        _ => c,
    }
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
            "2019-07-13 08:30:00",
            "2019-07-13T08:30:00+08:00",
            "20190713083000",
            "2019/7/13 0:00",
            "２０１９年７月１３日",
            "43659",
            "43659.5",
            " 2019-07-13 ",
        ] {
            // fourteen digits are a day and a time only where a separator says so
            let expected = if cell == "20190713083000" { Err(Unreadable) } else { Ok(day) };
            assert_eq!(read(cell), expected, "{cell}");
        }
    }

    #[test]
    fn every_form_of_nothing_is_nothing() {
        for cell in ["", " ", "/", "无", "—", "-", "NULL", "\\N", "／", "--"] {
            assert_eq!(read(cell), Ok(None), "{cell:?}");
        }
        for cell in ["2099-12-31", "20991231", "长期", "永久", "9999-12-31", ""] {
            let expected = if cell == "9999-12-31" { Err(Unreadable) } else { Ok(None) };
            assert_eq!(read_end(cell), expected, "{cell}");
        }
        assert_eq!(read_end("2026-03-31"), Ok(Day::from_ymd(2026, 3, 31)));
    }

    #[test]
    fn what_is_no_day_is_unreadable() {
        for cell in
            ["2019-02-30", "2019", "明天", "13/07/2019", "2019-13-01", "1", "201907131", "2019-07"]
        {
            assert_eq!(read(cell), Err(Unreadable), "{cell}");
        }
    }
}
