//! A workbook is a zip of XML. Its parts are unpacked once without being kept, before a reader that
//! keeps them is let at it: a few kilobytes can hold a cell of a gigabyte.

use super::file::ROW_BYTES_MAX;
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;
use zip::ZipArchive;

/// Bytes of all parts that are kept in memory: shared strings, styles, relations.
const KEPT_BYTES_MAX: u64 = 1 << 30;

/// Endings of parts that are no XML and that no reader here unpacks.
const PICTURES: [&str; 8] = ["png", "jpg", "jpeg", "gif", "bmp", "emf", "wmf", "bin"];

/// Why a workbook is not read, or nothing.
pub(super) fn check(path: &Path) -> Result<(), String> {
    let file = File::open(path).map_err(|error| error.to_string())?;
    let mut zip = ZipArchive::new(BufReader::new(file)).map_err(|error| error.to_string())?;
    let mut buffer = vec![0; 1 << 16];
    let mut kept = 0;
    for at in 0..zip.len() {
        let mut part = zip.by_index(at).map_err(|error| error.to_string())?;
        let name = part.name().map_err(|error| error.to_string())?.to_lowercase();
        if name.rsplit('.').next().is_some_and(|suffix| PICTURES.contains(&suffix)) {
            continue;
        }
        let mut run = 0;
        loop {
            let read = part.read(&mut buffer).map_err(|error| format!("{name}: {error}"))?;
            if read == 0 {
                break;
            }
            run = longest_run(&buffer[..read], run).ok_or_else(|| {
                format!("{name}: 单元格过大 / holds a text of more than {ROW_BYTES_MAX} bytes")
            })?;
            if !name.starts_with("xl/worksheets/") {
                kept += read as u64;
            }
            if kept > KEPT_BYTES_MAX {
                return Err(format!(
                    "{name}: 解压后过大 / unpacks to more than {KEPT_BYTES_MAX} bytes"
                ));
            }
        }
    }
    Ok(())
}

/// Bytes since the last `<`, going on from those before; `None` where there are ever too many.
fn longest_run(bytes: &[u8], before: usize) -> Option<usize> {
    let mut run = before;
    for piece in bytes.split_inclusive(|&b| b == b'<') {
        run += piece.len();
        if run > ROW_BYTES_MAX {
            return None;
        }
        if piece.ends_with(b"<") {
            run = 0;
        }
    }
    Some(run)
}
