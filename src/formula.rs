//! Text that a spreadsheet would take for a formula.

use std::borrow::Cow;

/// The text of a cell; with an apostrophe in front where it would be taken for a formula.
pub fn neutral(text: &str) -> Cow<'_, str> {
    if text.starts_with(['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠']) {
        Cow::Owned(format!("'{text}"))
    } else {
        Cow::Borrowed(text)
    }
}
