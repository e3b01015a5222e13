//! A department's file.
//!
//! | letter | the rest is |
//! |---|---|
//! | `c`, `g` | CSV: UTF-8; GB18030 parted by tabs |
//! | `j` | JSON lines |
//! | `x` | a sheet, shared strings and styles of an .xlsx, parted by bytes 255 |
//! | `z`, `l`, `p` | an .xlsx, an .xls, a Parquet file |

use crate::{Corpus, folder, forgive_caught_panics};
use std::cell::RefCell;
use std::fs;
use std::io::{Cursor, Write};
use std::path::PathBuf;
use std::sync::LazyLock;
use xincha::index::Encoder;
use xincha::record::limits;
use xincha::source::mapper::wanted;
use xincha::source::mapping::{Encoding, Layout};
use xincha::source::{Feed, Mapper, Mapping};
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

static FOLDER: LazyLock<PathBuf> = LazyLock::new(folder);
static MAPPING: LazyLock<Mapping> = LazyLock::new(|| {
    let text = include_str!("../../config/sources/department.toml");
    Mapping::parse("department.toml", text).expect("a mapping")
});

/// Every row is an entry or a reject, in order; none of JSON lines is lost; every entry can be kept.
pub fn run(data: &[u8]) -> Corpus {
    let Some((letter, bytes)) = data.split_first() else { return Corpus::Reject };
    let Some((name, layout)) = named(*letter) else { return Corpus::Reject };
    forgive_caught_panics();
    let (path, mapping) = (FOLDER.join(name), &*MAPPING);
    let written =
        if *letter == b'x' { fs::write(&path, workbook(bytes)) } else { fs::write(&path, bytes) };
    written.expect("a file");
    let feed = Feed::open(&path, &layout).expect("a file that is there");
    let mapper = RefCell::new(None);
    let (mut encoder, mut rows, mut last) = (Encoder::default(), 0, 0);
    let read = feed.read(
        &wanted(mapping),
        &mut |headings| {
            let of_headings = Mapper::new(mapping, &mapping.feeds[0], &path, headings)?;
            assert!(mapper.replace(Some(of_headings)).is_none(), "headings twice");
            Ok(())
        },
        &mut |batch| {
            let mapper = mapper.borrow();
            let mapper = mapper.as_ref().expect("headings before rows");
            for row in batch.rows() {
                assert!(row.number > last, "row {} after {last}", row.number);
                (last, rows) = (row.number, rows + 1);
                match mapper.map(row) {
                    Ok(mapped) => {
                        let (entry, term) = (&mapped.entry, mapped.entry.term);
                        assert!(row.fault.is_none() && entry.provenance.row == row.number);
                        assert!((1..=limits::NAME_BYTES_MAX).contains(&entry.subject.name.len()));
                        assert!(term.from.zip(term.to).is_none_or(|(from, to)| from <= to));
                        encoder.push(entry, 0, 0);
                    }
                    Err(reject) => assert_eq!(reject.row, row.number),
                }
            }
            Ok(())
        },
    );
    if *letter == b'j' && read.is_ok() {
        let is_row = |line: &&[u8]| {
            !line.strip_prefix("\u{feff}".as_bytes()).unwrap_or(line).trim_ascii().is_empty()
        };
        assert_eq!(rows, bytes.split(|byte| *byte == b'\n').filter(is_row).count());
    }
    encoder.take();
    Corpus::Keep
}

fn named(letter: u8) -> Option<(&'static str, Layout)> {
    let layout = |encoding, delimiter| Layout { encoding, delimiter, ..Layout::default() };
    Some(match letter {
        b'c' => ("f.csv", layout(Encoding::Auto, None)),
        b'g' => ("g.csv", layout(Encoding::Gb18030, Some('\t'))),
        b'j' => ("f.jsonl", layout(Encoding::Utf8, None)),
        b'x' | b'z' => ("f.xlsx", Layout::default()),
        b'l' => ("f.xls", Layout::default()),
        b'p' => ("f.parquet", Layout::default()),
        _ => return None,
    })
}

const TYPES: &str = r#"<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Default Extension="xml" ContentType="application/xml"/></Types>"#;
const BOOK: &str = r#"<workbook xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"><sheets><sheet name="s" sheetId="1" r:id="rId1"/></sheets></workbook>"#;
const RELATIONS: &str = r#"<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="rId1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/worksheet" Target="worksheets/sheet1.xml"/><Relationship Id="rId3" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/styles" Target="styles.xml"/><Relationship Id="rId4" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/sharedStrings" Target="sharedStrings.xml"/></Relationships>"#;

/// An .xlsx of these parts: what random bytes would hardly ever be, since every part has a checksum.
pub(crate) fn workbook(parts: &[u8]) -> Vec<u8> {
    let mut parts = parts.split(|byte| *byte == 255);
    let mut part = || parts.next().unwrap_or_default();
    let files: [(&str, &[u8]); 6] = [
        ("[Content_Types].xml", TYPES.as_bytes()),
        ("xl/workbook.xml", BOOK.as_bytes()),
        ("xl/_rels/workbook.xml.rels", RELATIONS.as_bytes()),
        ("xl/worksheets/sheet1.xml", part()),
        ("xl/sharedStrings.xml", part()),
        ("xl/styles.xml", part()),
    ];
    let mut book = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in files {
        let stored =
            SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
        book.start_file(name, stored).and_then(|()| Ok(book.write_all(bytes)?)).expect("a part");
    }
    book.finish().expect("a workbook").into_inner()
}
