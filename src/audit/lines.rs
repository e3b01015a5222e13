//! Files of lines, one document each. A line that its end is missing of was never finished.

use super::{AuditError, Broken};
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// Every whole line, parsed; none where there is no file.
///
/// # Errors
///
/// The file cannot be read, or a line of it is none.
pub(super) fn read<T>(
    path: &Path,
    parse: impl Fn(&str) -> Result<T, String>,
) -> Result<Vec<T>, AuditError> {
    let text = match std::fs::read_to_string(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        text => text.map_err(AuditError::io(path))?,
    };
    let parsed = |(line, text): (u64, &str)| {
        let broken = |why| Broken { file: path.to_owned(), position: line, why }.into();
        parse(text).map_err(broken)
    };
    (1..).zip(text[..whole(text.as_bytes())].lines()).map(parsed).collect()
}

/// The last whole line of a file, parsed.
///
/// # Errors
///
/// As [`read`] does.
pub(super) fn last<T>(
    path: &Path,
    parse: impl Fn(&str) -> Result<T, String>,
) -> Result<Option<T>, AuditError> {
    let text = std::fs::read_to_string(path).map_err(AuditError::io(path))?;
    let lines = text[..whole(text.as_bytes())].lines();
    let broken =
        |why| Broken { file: path.to_owned(), position: lines.clone().count() as u64, why };
    let last = lines.clone().next_back();
    last.map(|text| parse(text).map_err(|why| broken(why).into())).transpose()
}

/// Open a file to append lines to, one that its owner alone may use; what was not finished is cut off.
pub(super) fn open(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    let file = options.append(true).create(true).mode(0o600).open(path)?;
    file.set_len(whole(&std::fs::read(path)?) as u64)?;
    File::open(path.parent().unwrap_or(Path::new(".")))?.sync_all()?;
    Ok(file)
}

/// Bytes of the whole lines.
fn whole(bytes: &[u8]) -> usize {
    bytes.iter().rposition(|&byte| byte == b'\n').map_or(0, |end| end + 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    #[test]
    fn what_was_not_finished_is_neither_read_nor_gone_on_with() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lines");
        let numbers = || read(&path, |text| text.parse::<u32>().map_err(|it| it.to_string()));
        assert!(numbers().unwrap().is_empty());
        open(&path).unwrap().write_all(b"1\n2\n3").unwrap();
        assert_eq!(numbers().unwrap(), [1, 2]);
        open(&path).unwrap().write_all(b"4\n").unwrap();
        assert_eq!(numbers().unwrap(), [1, 2, 4]);
        open(&path).unwrap().write_all(b"x\n5\n").unwrap();
        let error = numbers().unwrap_err().to_string();
        assert!(error.contains("position 4:"), "{error}");
    }
}
