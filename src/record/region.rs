//! Administrative division codes (GB/T 2260): six digits, province, prefecture, county.
//!
//! Development zones and abolished counties are in real numbers and in no edition of the standard
//! (2.2 % of registrations), so a region is unknown only when its province is.

/// The two digits of every province, 71, 81-83 for Taiwan, Hong Kong, Macau and their permits, and
/// 10 for bodies registered at the national level.
const PROVINCES: [u8; 37] = [
    10, 11, 12, 13, 14, 15, 21, 22, 23, 31, 32, 33, 34, 35, 36, 37, 41, 42, 43, 44, 45, 46, 50, 51,
    52, 53, 54, 61, 62, 63, 64, 65, 66, 71, 81, 82, 83,
];

const fn provinces() -> [bool; 100] {
    let mut table = [false; 100];
    let mut at = 0;
    while at < PROVINCES.len() {
        table[PROVINCES[at] as usize] = true;
        at += 1;
    }
    table
}

static IS_PROVINCE: [bool; 100] = provinces();

/// Six digits that begin with a province of GB/T 2260.
#[inline]
pub fn known(region: &[u8]) -> bool {
    region.len() == 6
        && region.iter().fold(true, |all, byte| all & byte.is_ascii_digit())
        && is_province(region[0], region[1])
}

/// Two digits are a province of GB/T 2260.
#[inline]
pub(super) fn is_province(tens: u8, ones: u8) -> bool {
    IS_PROVINCE[usize::from((tens - b'0') * 10 + ones - b'0')]
}

#[cfg(test)]
mod tests {
    use super::known;

    #[test]
    fn provinces_are_known_and_zones_pass() {
        for (region, expected) in [
            ("320500", true),
            ("320594", true),
            ("100000", true),
            ("990000", false),
            ("32050", false),
            ("32O500", false),
        ] {
            assert_eq!(known(region.as_bytes()), expected, "{region}");
        }
    }
}
