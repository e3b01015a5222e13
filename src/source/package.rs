//! A workbook is a zip of XML. Its parts are unpacked once without being kept, before a reader that
//! keeps them is let at it: a few kilobytes can hold a cell of a gigabyte.

use super::file::ROW_BYTES_MAX;
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;
use zip::ZipArchive;

/// Bytes of all parts that are kept in memory: shared strings, styles, relations.
const KEPT_BYTES_MAX: u64 = 1 << 30;

/// Endings of parts that are no XML, where they are what they say.
const PICTURES: [&str; 8] = ["png", "jpg", "jpeg", "gif", "bmp", "emf", "wmf", "bin"];
/// Bytes between two `<` of one: what even a blank picture has fewer of.
const PICTURE_RUN_MAX: usize = 64 << 20;
/// Bytes of the part that says where the workbook lies: some hundred usually.
const RELATIONS_BYTES_MAX: u64 = 1 << 16;

/// Why a workbook is not read, or nothing.
pub(super) fn check(path: &Path) -> Result<(), String> {
    let file = File::open(path).map_err(|error| error.to_string())?;
    let mut zip = ZipArchive::new(BufReader::new(file)).map_err(|error| error.to_string())?;
    let mut buffer = vec![0; 1 << 16];
    let mut kept = 0;
    for at in 0..zip.len() {
        let mut part = zip.by_index(at).map_err(|error| error.to_string())?;
        let name = part.name().map_err(|error| error.to_string())?.to_lowercase();
        if matches!(&*name, "_rels/.rels" | "_rels\\.rels") {
            check_relations(part)?;
            continue;
        }
        let is_picture = name.rsplit('.').next().is_some_and(|suffix| PICTURES.contains(&suffix));
        let most = if is_picture { PICTURE_RUN_MAX } else { ROW_BYTES_MAX };
        let mut run = 0;
        loop {
            let read = part.read(&mut buffer).map_err(|error| format!("{name}: {error}"))?;
            if read == 0 {
                break;
            }
            run = longest_run(&buffer[..read], run, most).ok_or_else(|| {
                format!("{name}: 单元格过大 / holds a text of more than {most} bytes")
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

/// Sheets are not kept, so the workbook and what is beside it must lie elsewhere.
fn check_relations(part: impl Read) -> Result<(), String> {
    let mut text = Vec::new();
    part.take(RELATIONS_BYTES_MAX + 1).read_to_end(&mut text).map_err(|error| error.to_string())?;
    let is_short = text.len() as u64 <= RELATIONS_BYTES_MAX;
    // Nor may it be written in a way that hides where: in UTF-16, by references.
    text.retain(|byte| *byte != 0);
    let text = String::from_utf8_lossy(&text).to_lowercase();
    if is_short && !text.contains("worksheets") && !text.contains('&') {
        Ok(())
    } else {
        Err("工作簿不得位于工作表目录 / the workbook lies among its sheets".to_owned())
    }
}

/// Bytes since the last `<`, going on from those before; `None` where there are ever more than so many.
fn longest_run(bytes: &[u8], before: usize, most: usize) -> Option<usize> {
    let mut run = before;
    for piece in bytes.split_inclusive(|&b| b == b'<') {
        run += piece.len();
        if run > most {
            return None;
        }
        if piece.ends_with(b"<") {
            run = 0;
        }
    }
    Some(run)
}
