//! Whole files against all lists: every row as a single check of its subject decides, whatever the format,
//! and nothing of what went in is lost.

use crate::command::Home;
use crate::town::{self, PROCUREMENT, Town, listed, noon};
use arrow_array::cast::AsArray;
use arrow_array::types::{ArrowPrimitiveType, Decimal256Type, Int8Type, Int64Type};
use arrow_array::{
    Array, ArrayRef, BinaryArray, Decimal256Array, DictionaryArray, DurationMicrosecondArray,
    FixedSizeBinaryArray, Float32Array, Int64Array, LargeStringArray, ListArray, NullArray,
    RecordBatch, StringArray, StringViewArray, StructArray, Time64MicrosecondArray,
    TimestampMicrosecondArray,
};
use arrow_ipc::CompressionType;
use arrow_ipc::reader::StreamReader;
use arrow_ipc::writer::{FileWriter, IpcWriteOptions, StreamWriter};
use arrow_schema::{DataType, Field, Schema};
use bytes::Bytes;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::{
    ArrowReaderOptions, ParquetRecordBatchReaderBuilder, RowSelection, RowSelector,
};
use parquet::basic::Compression;
use parquet::file::metadata::{
    ColumnChunkMetaData, KeyValue, PageIndexPolicy, ParquetMetaDataReader,
};
use parquet::file::properties::WriterProperties;
use proptest::prelude::*;
use std::fs;
use std::io::Write as _;
use std::ops::Range;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::mpsc;
use std::time::Duration;
use tempfile::TempDir;
use xincha::batch::{self, BatchError, Format, Job, Outcome, Terms, Told};
use xincha::catalogue::MatterNo;
use xincha::record::Instant;
use xincha::screen::find::Scratch;
use xincha::screen::{self, Decision, Question};
use xincha::source::mapping::Layout;

const NAMES: [&str; 6] = [
    "苏州星河科技有限公司",
    "苏州明珠建设有限公司",
    "Acme, \"Trading\" Ltd.",
    "无锡金桥商务咨询有限公司",
    "苏州星和科技有限公司",
    "",
];
const IDS: [&str; 9] = [
    "91320500MA0000015D",
    "MA000001-5",
    "91320505MA0000023G",
    "91320500MA0000099X",
    "320500000000001",
    " 91320500ma0000015d ",
    "9132************5D",
    "",
    "91320500\nMA0000015D",
];

fn town() -> Town {
    town_as_of(&[noon(); 6])
}

fn town_as_of(as_of: &[Instant; 6]) -> Town {
    let mut entries = [
        listed("court", NAMES[0], &[IDS[0]]),
        listed("red", NAMES[0], &["MA000001-5"]),
        listed("ban", NAMES[1], &[IDS[2], IDS[4]]),
        listed("tax", NAMES[2], &[]),
        listed("watch", NAMES[3], &[]),
    ];
    entries.iter_mut().enumerate().for_each(|(at, entry)| entry.id = format!("e-{at}"));
    town::build_as_of(&entries, as_of)
}

/// A folder, and jobs on files in it.
struct Desk {
    folder: TempDir,
    told: Told,
    layout: Layout,
    hits_only: bool,
    cancelled: AtomicBool,
}

impl Desk {
    fn new() -> Desk {
        Desk {
            folder: TempDir::new().unwrap(),
            told: Told::default(),
            layout: Layout::default(),
            hits_only: false,
            cancelled: AtomicBool::new(false),
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn put(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, bytes).unwrap();
        path
    }

    fn screen(&self, town: &Town, from: &str, to: &str) -> Result<Outcome, BatchError> {
        let matter = town.ground.catalogue.matter_no(PROCUREMENT).unwrap();
        self.screen_for(town, matter, from, to)
    }

    fn screen_for(
        &self,
        town: &Town,
        matter: MatterNo,
        from: &str,
        to: &str,
    ) -> Result<Outcome, BatchError> {
        let (input, output) = (self.path(from), self.path(to));
        let rejects = self.path("rejects.csv");
        let job = Job {
            input: Some(&input),
            input_format: Format::of(&input).unwrap(),
            output: Some(&output),
            output_format: Format::of(&output).unwrap(),
            rejects: Some(&rejects),
            layout: &self.layout,
            told: &self.told,
            hits_only: self.hits_only,
            threads: 2,
            progress: &|_, _| {},
            cancelled: &self.cancelled,
        };
        batch::screen(
            &job,
            Terms { basis: town.basis(), matter, at: noon(), kind: None, only: None },
        )
    }

    fn text(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    /// The rows of a file of CSV, the headings first.
    fn rows(&self, name: &str) -> Vec<Vec<String>> {
        let text = self.text(name);
        let text = text.trim_start_matches('\u{feff}');
        let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(text.as_bytes());
        let row = |row: csv::StringRecord| row.iter().map(str::to_owned).collect();
        reader.records().map(|record| row(record.unwrap())).collect()
    }

    /// Files in it.
    fn files(&self) -> Vec<String> {
        let name = |file: fs::DirEntry| file.file_name().into_string().unwrap();
        let mut files: Vec<String> =
            fs::read_dir(&self.folder).unwrap().map(|file| name(file.unwrap())).collect();
        files.sort();
        files
    }
}

/// What a single check decides: its verdict and what it meets, as the cells say it; `None` where it cannot be
/// asked.
fn checked(town: &Town, matter: MatterNo, id: &str, name: &str) -> Option<[String; 3]> {
    let mut question = Question::default();
    if !id.trim().is_empty() {
        question.give(None, id).ok()?;
    }
    question.name = (!name.is_empty()).then_some(name);
    if question.name.is_none() && question.ids.is_empty() {
        return None;
    }
    let (basis, mut decision) = (town.basis(), Decision::default());
    let questions = [question];
    screen::check(&basis, matter, noon(), &questions, &mut Scratch::searching(), &mut decision)
        .unwrap();
    let subject = &decision.subjects[0];
    let catalogue = &town.ground.catalogue;
    let join = |parts: Vec<&str>| parts.join(";");
    Some([
        subject.verdict.code().to_owned(),
        join(subject.hits.iter().map(|hit| &*catalogue.list(hit.list).code).collect()),
        join(subject.hits.iter().map(|hit| hit.grade.code()).collect()),
    ])
}

fn quoted(cell: &str) -> String {
    format!("\"{}\"", cell.replace('"', "\"\""))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// With and without quotes and names, of either line end, with line feeds in cells; on lists that can be
    /// relied on and on one that cannot.
    #[test]
    fn every_row_is_decided_as_a_single_check(
        rows in proptest::collection::vec((0..IDS.len(), 0..NAMES.len(), "[a-z,\"\n ]{0,6}"), 1..40),
        crlf in any::<bool>(),
        is_matter in any::<bool>(),
        no_names in any::<bool>(),
        is_stale in any::<bool>(),
    ) {
        let mut as_of = [noon(); 6];
        if is_stale {
            as_of[0] = Instant(noon().0 - 90 * 86_400);
        }
        let (town, mut desk) = (town_as_of(&as_of), Desk::new());
        desk.told.no_names = no_names;
        let end = if crlf { "\r\n" } else { "\n" };
        let mut text = format!("备注,名称,统一社会信用代码{end}");
        for (id, name, remark) in &rows {
            let remark = if remark.contains([',', '"', '\n']) { quoted(remark) } else { remark.clone() };
            let name = if NAMES[*name].contains('"') { quoted(NAMES[*name]) } else { NAMES[*name].to_owned() };
            let id = if IDS[*id].contains('\n') { quoted(IDS[*id]) } else { IDS[*id].to_owned() };
            text += &format!("{remark},{name},{id}{end}");
        }
        desk.put("in.csv", &text);
        let matter = match is_matter {
            true => town.ground.catalogue.matter_no(PROCUREMENT).unwrap(),
            false => town.ground.catalogue.all_lists(),
        };
        let outcome = desk.screen_for(&town, matter, "in.csv", "out.csv").unwrap();
        let written = desk.rows("out.csv");
        prop_assert_eq!(written.len(), rows.len() + 1);
        prop_assert_eq!(outcome.tally.rows, rows.len() as u64);
        for (written, (id, name, remark)) in written[1..].iter().zip(&rows) {
            prop_assert_eq!(&written[..3], &[remark.clone(), NAMES[*name].to_owned(), IDS[*id].to_owned()]);
            let name = if no_names { "" } else { NAMES[*name] };
            match checked(&town, matter, IDS[*id], name) {
                Some(expected) => {
                    prop_assert_eq!(&written[3..6], &expected);
                    let is_told = written[9].split(';').any(|flag| flag == "number_only");
                    prop_assert_eq!(is_told, name.is_empty());
                }
                None => prop_assert_eq!(&written[3], "undetermined"),
            }
        }
        let lines = if crlf { desk.text("out.csv").matches("\r\n").count() } else { rows.len() + 1 };
        prop_assert_eq!(lines, rows.len() + 1);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    /// Whatever a file holds: its records are those that the `csv` crate reads, each is written or rejected, and
    /// every one written has a cell for each heading.
    #[test]
    fn no_record_is_lost_or_shifted(text in "([a-cL,,\"\n\r ;]|\r\n|\n\"){0,60}", no_names in any::<bool>()) {
        let (town, mut desk) = (town(), Desk::new());
        desk.told.no_names = no_names;
        let text = format!("uscc,name\n{}", text.replace('L', IDS[0]));
        desk.put("in.csv", &text);
        let screened = desk.screen(&town, "in.csv", "out.csv");
        let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(text.as_bytes());
        let records: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
        let start = |at: usize| {
            let position = records.get(at).and_then(csv::StringRecord::position);
            position.map_or(text.len(), |position| position.byte() as usize)
        };
        let is_blank = |at: &usize| text[start(*at)..start(at + 1)].trim().is_empty();
        let expected = (0..records.len()).filter(|at| !is_blank(at)).count() as u64;
        let of_cells = desk.screen(&town, "in.csv", "out.arrows");
        let rows = |screened: &Result<Outcome, BatchError>| {
            screened.as_ref().ok().map(|outcome| outcome.tally.rows)
        };
        prop_assert_eq!(rows(&of_cells), rows(&screened));
        match screened {
            // The crate reads quotes that are not closed up to the end.
            Err(error) => prop_assert!(error.to_string().contains("引号未闭合"), "{error}"),
            Ok(outcome) => {
                let tally = &outcome.tally;
                let written = desk.rows("out.csv");
                prop_assert_eq!(tally.rows, expected);
                prop_assert_eq!(written.len() as u64 - 1, expected - tally.rejected);
                prop_assert!(written.iter().all(|row| row.len() == 2 + 7), "{:?}", written);
            }
        }
    }
}

const ROWS: &str = "编号,企业名称,统一社会信用代码\n\
    1,苏州星河科技有限公司,91320500MA0000015D\n\
    2,苏州明珠建没有限公司,\n\
    3,某某贸易有限公司,91320500MA0000099X\n\
    4,=1+1,91320505MA0000023G\n";

#[test]
fn all_formats_come_to_the_same() {
    let (town, desk) = (town(), Desk::new());
    desk.put("in.csv", ROWS);
    desk.screen(&town, "in.csv", "out.csv").unwrap();
    let expected = desk.rows("out.csv");
    assert_eq!(expected[1][3..6], ["prohibit", "court;red", "identifier;identifier"]);
    assert_eq!(expected[2][3], "review");
    assert_eq!(expected[4][3], "prohibit");

    desk.screen(&town, "in.csv", "out.xlsx").unwrap();
    let mut book: calamine::Xlsx<_> = calamine::open_workbook(desk.path("out.xlsx")).unwrap();
    let sheet = calamine::Reader::worksheet_range_at(&mut book, 0).unwrap().unwrap();
    let text = |cell: &calamine::Data| match cell {
        calamine::Data::Empty => String::new(),
        calamine::Data::String(text) => text.clone(),
        other => panic!("{other:?} is no text"),
    };
    let rows: Vec<Vec<String>> = sheet.rows().map(|row| row.iter().map(text).collect()).collect();
    assert_eq!(rows, expected, "every cell as text, no formula");

    // Without its results, the workbook is what went in.
    let mut bare = rust_xlsxwriter::Workbook::new();
    let sheet = bare.add_worksheet();
    for (row, cells) in expected.iter().enumerate() {
        for (column, cell) in cells[..3].iter().enumerate() {
            sheet.write_string(row as u32, column as u16, cell).unwrap();
        }
    }
    bare.save(desk.path("in.xlsx")).unwrap();
    desk.screen(&town, "in.xlsx", "again.csv").unwrap();
    assert_eq!(desk.rows("again.csv"), expected);

    for from in ["in.csv", "in.xlsx"] {
        desk.screen(&town, from, "out.parquet").unwrap();
        let (rows, types) = read_parquet(&desk.path("out.parquet"));
        assert_eq!(rows, expected, "{from}");
        assert!(types.iter().all(|of| *of == DataType::Utf8), "{types:?}");
        desk.screen(&town, from, "out.arrows").unwrap();
        let results: Vec<_> = expected[1..].iter().map(|row| row[3..].to_vec()).collect();
        assert_eq!(results_of(&batches_of(&desk.path("out.arrows"))), results);
    }

    let (bytes, ..) = encoding_rs::GB18030.encode(ROWS);
    desk.put("gb.csv", &bytes);
    desk.screen(&town, "gb.csv", "from-gb.csv").unwrap();
    assert_eq!(desk.rows("from-gb.csv"), expected);
    assert!(desk.text("from-gb.csv").starts_with('\u{feff}'), "so that Excel reads it");

    let objects = ROWS.lines().skip(1).map(|line| {
        let cells: Vec<&str> = line.split(',').collect();
        format!(
            "{{\"编号\":{},\"企业名称\":{:?},\"统一社会信用代码\":{:?}}}\n",
            cells[0], cells[1], cells[2]
        )
    });
    desk.put("in.jsonl", objects.collect::<String>());
    desk.screen(&town, "in.jsonl", "out.jsonl").unwrap();
    for (line, expected) in desk.text("out.jsonl").lines().zip(&expected[1..]) {
        let object: serde_json::Value = serde_json::from_str(line).unwrap();
        assert_eq!(object["企业名称"], expected[1], "what was in it is in it");
        assert_eq!(object["xincha"]["verdict"], expected[3]);
        let hits = object["xincha"]["hits"].as_array().unwrap();
        let grades: Vec<&str> = hits.iter().map(|hit| hit["grade"].as_str().unwrap()).collect();
        assert_eq!(grades.join(";"), expected[5]);
    }

    // Asked by numbers alone, whichever way: nobody is clear without that being told.
    let no_names = Desk { told: Told { no_names: true, ..Told::default() }, ..Desk::new() };
    let ids = [IDS[0], "91320507MA00001031", "110101190001010006"];
    no_names.put("in.csv", format!("uscc,name\n{}\n", ids.map(|id| format!("{id},甲")).join("\n")));
    no_names.put("in.jsonl", ids.map(|id| format!("{{\"uscc\":\"{id}\"}}\n")).concat());
    let flags =
        |rows: Vec<Vec<String>>| rows[1..].iter().all(|row| row[8].starts_with("number_only"));
    for to in ["out.csv", "in.parquet", "out.arrows"] {
        assert_eq!(no_names.screen(&town, "in.csv", to).unwrap().tally.hits, 1);
    }
    assert!(flags(no_names.rows("out.csv")), "{}", no_names.text("out.csv"));
    assert!(flags(read_parquet(&no_names.path("in.parquet")).0));
    no_names.screen(&town, "in.jsonl", "out.jsonl").unwrap();
    assert_eq!(no_names.text("out.jsonl").matches("\"flags\":[\"number_only\"").count(), 3);
}

/// The rows of a file of Parquet as CSV has them, and the types of its columns.
fn read_parquet(path: &Path) -> (Vec<Vec<String>>, Vec<DataType>) {
    let builder = ParquetRecordBatchReaderBuilder::try_new(fs::File::open(path).unwrap()).unwrap();
    let fields = builder.schema().fields().clone();
    let mut rows = vec![fields.iter().map(|field| field.name().clone()).collect()];
    for batch in builder.build().unwrap() {
        let batch = batch.unwrap();
        for row in 0..batch.num_rows() {
            let cell = |column: &ArrayRef| match column.data_type() {
                DataType::Int64 => column.as_primitive::<Int64Type>().value(row).to_string(),
                _ if column.is_null(row) => String::new(),
                _ => column.as_string::<i32>().value(row).to_owned(),
            };
            rows.push(batch.columns().iter().map(cell).collect());
        }
    }
    (rows, fields.iter().map(|field| field.data_type().clone()).collect())
}

#[test]
fn parquet_keeps_its_columns_and_their_types() {
    let (town, mut desk) = (town(), Desk::new());
    desk.put("in.csv", ROWS);
    desk.screen(&town, "in.csv", "out.csv").unwrap();
    let expected = desk.rows("out.csv");
    let schema = Arc::new(Schema::new(vec![
        Field::new("编号", DataType::Int64, false),
        Field::new("企业名称", DataType::Utf8, true),
        Field::new("统一社会信用代码", DataType::Utf8, true),
    ]));
    let numbers: Int64Array = (1..=4).collect();
    let text = |at: usize| -> StringArray {
        let cell = |row: &Vec<String>| Some(row[at].clone()).filter(|cell| !cell.is_empty());
        expected[1..].iter().map(cell).collect()
    };
    let columns: Vec<ArrayRef> = vec![Arc::new(numbers), Arc::new(text(1)), Arc::new(text(2))];
    let batch = RecordBatch::try_new(schema.clone(), columns).unwrap();
    let file = fs::File::create(desk.path("in.parquet")).unwrap();
    let mut writer = ArrowWriter::try_new(file, schema, None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();

    let outcome = desk.screen(&town, "in.parquet", "out.parquet").unwrap();
    assert_eq!((outcome.tally.rows, outcome.tally.hits), (4, 3));
    let (rows, types) = read_parquet(&desk.path("out.parquet"));
    assert_eq!(rows, expected);
    assert_eq!(types[0], DataType::Int64, "a number is one still");
    desk.screen(&town, "in.parquet", "from-parquet.csv").unwrap();
    assert_eq!(desk.rows("from-parquet.csv"), expected);
    desk.hits_only = true;
    desk.screen(&town, "in.parquet", "out.parquet").unwrap();
    let hits: Vec<_> = expected.iter().filter(|row| !row[6].is_empty()).cloned().collect();
    assert_eq!(read_parquet(&desk.path("out.parquet")).0, hits);
    desk.put("no.parquet", "PAR1");
    let error = desk.screen(&town, "no.parquet", "out.parquet").unwrap_err().to_string();
    assert!(error.contains("不是有效的 Parquet"), "{error}");
    desk.told.identifiers = vec!["编号".to_owned()];
    let outcome = desk.screen(&town, "in.parquet", "out.parquet").unwrap();
    assert_eq!((outcome.tally.unaskable, outcome.rejects), (4, 4), "no identifier has one digit");
}

/// 2026-03-01T13:45:12Z
const AFTERNOON: i64 = 1_772_372_712_000_000;

#[test]
fn columns_that_nothing_is_asked_by_keep_their_values_as_text() {
    let (town, desk) = (town(), Desk::new());
    let wide = <Decimal256Type as ArrowPrimitiveType>::Native::from_i128(-150);
    let wide = Decimal256Array::from(vec![wide]).with_precision_and_scale(60, 2).unwrap();
    let time = TimestampMicrosecondArray::from(vec![AFTERNOON]);
    let lists = ListArray::from_iter_primitive::<Int64Type, _, _>(vec![Some([Some(1), None])]);
    let text = |text: &str| Arc::new(StringArray::from(vec![text])) as ArrayRef;
    let field =
        |name: &str, of: &ArrayRef| Arc::new(Field::new(name, of.data_type().clone(), true));
    let (street, since) = (text("观前街 \"1\""), Arc::new(time.clone()) as ArrayRef);
    let place = StructArray::from(vec![
        (field("street", &street), street),
        (field("since", &since), since),
    ]);
    let columns: Vec<(&str, ArrayRef, &str)> = vec![
        ("uscc", text(IDS[0]), IDS[0]),
        ("金额", Arc::new(Float32Array::from(vec![50_000_000.0])), "50000000"),
        ("税率", Arc::new(Float32Array::from(vec![0.1])), "0.1"),
        ("更新", Arc::new(time.clone()), "2026-03-01 13:45:12"),
        (
            "办结",
            Arc::new(
                TimestampMicrosecondArray::from(vec![AFTERNOON + 500_000]).with_timezone("UTC"),
            ),
            "2026-03-01T21:45:12.500+08:00",
        ),
        ("开门", Arc::new(Time64MicrosecondArray::from(vec![30_600_000_001])), "08:30:00.000001"),
        ("资本", Arc::new(wide), "-1.5"),
        ("标签", Arc::new(lists), "[1,null]"),
        ("地址", Arc::new(place), r#"{"street":"观前街 \"1\"","since":"2026-03-01 13:45:12"}"#),
        (
            "指纹",
            Arc::new(FixedSizeBinaryArray::try_from_iter([[0, 255]].into_iter()).unwrap()),
            "00ff",
        ),
        ("签名", Arc::new(BinaryArray::from(vec![&[0xff, 0xfe][..]])), "fffe"),
        ("来源", Arc::new(BinaryArray::from(vec!["苏州".as_bytes()])), "苏州"),
    ];
    let batch = RecordBatch::try_from_iter(columns.iter().map(|(name, of, _)| (*name, of.clone())));
    put_parquet(&desk.path("in.parquet"), &batch.unwrap());
    let outcome = desk.screen(&town, "in.parquet", "out.csv").unwrap();
    assert_eq!((outcome.tally.hits, outcome.rejects), (1, 0));
    let expected: Vec<&str> = columns.iter().map(|(_, _, text)| *text).collect();
    assert_eq!(desk.rows("out.csv")[1][..columns.len()], expected);

    let mut book = rust_xlsxwriter::Workbook::new();
    let format = |format: &str| rust_xlsxwriter::Format::new().set_num_format(format);
    let sheet = book.add_worksheet();
    for (column, (heading, number, of)) in [
        ("更新", 46_082.573_055_555_56, "yyyy-mm-dd hh:mm"),
        ("列入", 46_082.0, "yyyy-mm-dd"),
        ("开门", 0.5, "hh:mm"),
        ("用时", 1.0625, "[h]:mm:ss"),
    ]
    .into_iter()
    .enumerate()
    {
        let column = column as u16 + 1;
        sheet.write_string(0, column, heading).unwrap();
        sheet.write_number_with_format(1, column, number, &format(of)).unwrap();
    }
    sheet.write_string(0, 0, "uscc").unwrap().write_string(1, 0, IDS[0]).unwrap();
    book.save(desk.path("in.xlsx")).unwrap();
    desk.screen(&town, "in.xlsx", "out.csv").unwrap();
    let times = ["2026-03-01 13:45:12", "2026-03-01", "12:00:00", "25:30:00"];
    assert_eq!(desk.rows("out.csv")[1][1..5], times);
}

#[test]
fn digits_that_32_bits_lost_are_told_and_shown_as_they_are() {
    let (town, desk) = (town(), Desk::new());
    let ids = Arc::new(Float32Array::from(vec![50_000_000.0])) as ArrayRef;
    put_parquet(&desk.path("in.parquet"), &RecordBatch::try_from_iter([("uscc", ids)]).unwrap());
    for to in ["out.csv", "out.parquet"] {
        desk.screen(&town, "in.parquet", to).unwrap();
        let rejects = desk.rows("rejects.csv");
        assert_eq!((&*rejects[1][4], rejects[1][6].trim()), ("digits_lost", "50000000"), "{to}");
    }
    desk.screen(&town, "in.parquet", "out.csv").unwrap();
    assert_eq!(desk.rows("out.csv")[1][..2], ["50000000", "undetermined"]);
}

/// Makes a column of text.
type Kind = fn(Vec<Option<&'static str>>) -> ArrayRef;

/// Every identifier with every name, the columns being of such kinds; the first is a number.
fn subjects(kind: Kind) -> RecordBatch {
    let cell = |cell: &'static str| (!cell.is_empty()).then_some(cell);
    let all = || IDS.iter().flat_map(|id| NAMES.iter().map(move |name| (*id, *name)));
    let numbers: Int64Array = (0..all().count() as i64).collect();
    let ids = kind(all().map(|(id, _)| cell(id)).collect());
    let names = kind(all().map(|(_, name)| cell(name)).collect());
    let numbers = Arc::new(numbers) as ArrayRef;
    RecordBatch::try_from_iter([("编号", numbers), ("uscc", ids), ("name", names)]).unwrap()
}

fn plain(cells: Vec<Option<&str>>) -> ArrayRef {
    Arc::new(StringArray::from(cells))
}

fn put_parquet(path: &Path, batch: &RecordBatch) {
    let file = fs::File::create(path).unwrap();
    let mut writer = ArrowWriter::try_new(file, batch.schema(), None).unwrap();
    writer.write(batch).unwrap();
    writer.close().unwrap();
}

/// A stream of these rows in two batches.
fn stream_of(batch: &RecordBatch, options: IpcWriteOptions) -> Vec<u8> {
    let mut writer =
        StreamWriter::try_new_with_options(Vec::new(), &batch.schema(), options).unwrap();
    let half = batch.num_rows() / 2;
    writer.write(&batch.slice(0, half)).unwrap();
    writer.write(&batch.slice(half, batch.num_rows() - half)).unwrap();
    writer.into_inner().unwrap()
}

fn batches_of(path: &Path) -> Vec<RecordBatch> {
    let reader = StreamReader::try_new(fs::File::open(path).unwrap(), None).unwrap();
    reader.map(Result::unwrap).collect()
}

/// Those of the results, null as nothing.
fn results_of(batches: &[RecordBatch]) -> Vec<Vec<String>> {
    let row = |batch: &RecordBatch, row: usize| {
        let columns = &batch.columns()[batch.num_columns() - 7..];
        let cell = |column: &ArrayRef| match column.is_null(row) {
            true => String::new(),
            false => column.as_string::<i32>().value(row).to_owned(),
        };
        columns.iter().map(cell).collect()
    };
    batches.iter().flat_map(|batch| (0..batch.num_rows()).map(move |at| row(batch, at))).collect()
}

#[test]
fn arrow_comes_to_what_parquet_does_whatever_its_strings_are() {
    let (town, mut desk) = (town(), Desk::new());
    put_parquet(&desk.path("in.parquet"), &subjects(plain));
    let expected = desk.screen(&town, "in.parquet", "out.parquet").unwrap();
    let rejects = desk.text("rejects.csv").replace("in.parquet", "in.arrows");
    let rows: Vec<Vec<String>> = read_parquet(&desk.path("out.parquet")).0[1..]
        .iter()
        .map(|row| row[3..].to_vec())
        .collect();
    assert!(expected.tally.hits > 0 && expected.tally.unaskable > 0);
    let kinds: [Kind; 4] = [
        plain,
        |cells| Arc::new(LargeStringArray::from(cells)),
        |cells| Arc::new(StringViewArray::from(cells)),
        |cells| Arc::new(cells.into_iter().collect::<DictionaryArray<Int8Type>>()),
    ];
    for kind in kinds {
        let batch = subjects(kind);
        desk.put("in.arrows", stream_of(&batch, IpcWriteOptions::default()));
        let outcome = desk.screen(&town, "in.arrows", "out.arrows").unwrap();
        assert_eq!(outcome, expected);
        assert_eq!(desk.text("rejects.csv"), rejects);
        let batches = batches_of(&desk.path("out.arrows"));
        assert_eq!(results_of(&batches), rows, "{:?}", batch.schema());
        let half = batch.num_rows() / 2;
        for (written, start) in batches.iter().zip([0, half]) {
            let given = batch.slice(start, half);
            assert_eq!(written.columns()[..3], *given.columns(), "as they were");
        }
        // From one to the other, and from a file of batches.
        desk.screen(&town, "in.arrows", "from-arrow.parquet").unwrap();
        let file = fs::File::open(desk.path("from-arrow.parquet")).unwrap();
        let reader = ParquetRecordBatchReaderBuilder::try_new(file).unwrap().build().unwrap();
        assert_eq!(results_of(&reader.map(Result::unwrap).collect::<Vec<_>>()), rows);
        let error = desk.screen(&town, "from-arrow.parquet", "again.arrows").unwrap_err();
        assert!(error.to_string().contains("已存在"), "{error}");
        let mut file = FileWriter::try_new(Vec::new(), &batch.schema()).unwrap();
        file.write(&batch).unwrap();
        desk.put("in.arrow", file.into_inner().unwrap());
        desk.screen(&town, "in.arrow", "from-file.arrows").unwrap();
        assert_eq!(results_of(&batches_of(&desk.path("from-file.arrows"))), rows);
    }
    desk.screen(&town, "in.parquet", "from-parquet.arrows").unwrap();
    assert_eq!(results_of(&batches_of(&desk.path("from-parquet.arrows"))), rows);

    for compression in [CompressionType::LZ4_FRAME, CompressionType::ZSTD] {
        let options = IpcWriteOptions::default().try_with_compression(Some(compression)).unwrap();
        desk.put("in.arrows", stream_of(&subjects(plain), options));
        assert_eq!(desk.screen(&town, "in.arrows", "out.arrows").unwrap(), expected);
    }
    desk.hits_only = true;
    desk.screen(&town, "in.arrows", "out.arrows").unwrap();
    let hits: Vec<_> = rows.into_iter().filter(|row| !row[3].is_empty()).collect();
    let batches = batches_of(&desk.path("out.arrows"));
    assert_eq!((results_of(&batches), batches.len()), (hits, 2), "each batch has its answer");
    let schema = batches[0].schema();
    let told = |word: &str| schema.metadata()[&*format!("xincha_{word}")].clone();
    assert_eq!(told("snapshot"), town.ground.index.meta().id);
    assert_eq!((told("at"), told("matter")), (noon().to_string(), PROCUREMENT.to_owned()));
    assert_eq!(told("catalogue"), town.ground.catalogue.digest());
}

/// A footer that lies makes no reader ask for memory that the file does not fill.
#[test]
fn a_block_of_a_file_of_arrow_lies_within_it() {
    let (town, desk) = (town(), Desk::new());
    let batch = subjects(plain);
    let mut file = FileWriter::try_new(Vec::new(), &batch.schema()).unwrap();
    file.write(&batch).unwrap();
    let sound = file.into_inner().unwrap();
    let footer = sound.len()
        - 10
        - i32::from_le_bytes(*sound[..sound.len() - 6].last_chunk().unwrap()) as usize;
    let mut beyond = 0;
    for at in footer..sound.len() {
        let mut file = sound.clone();
        file[at] = file[at].wrapping_add(0x5d);
        desk.put("in.arrow", file);
        match desk.screen(&town, "in.arrow", "out.parquet") {
            Ok(_) => fs::remove_file(desk.path("out.parquet")).unwrap(),
            Err(error) => beyond += usize::from(error.to_string().contains("超出文件")),
        }
    }
    assert!(beyond > 10, "start and both lengths of a block, the footer's own: {beyond}");
}

/// Rows that are numbered, of which every 1,000th is listed, with a column of lists beside.
fn numbered(rows: Range<usize>) -> RecordBatch {
    let is_listed = |at: usize| at.is_multiple_of(1_000);
    let ids: StringArray = rows
        .clone()
        .map(|at| {
            (at % 7 > 0 || is_listed(at)).then_some(if is_listed(at) { IDS[0] } else { IDS[3] })
        })
        .collect();
    let lists = rows.clone().map(|at| (at % 3 > 0).then(|| vec![Some(at as i64); at % 3]));
    let lists = ListArray::from_iter_primitive::<Int64Type, _, _>(lists);
    let numbers: Int64Array = rows.map(|at| at as i64).collect();
    let columns: [(&str, ArrayRef); 3] =
        [("编号", Arc::new(numbers)), ("标签", Arc::new(lists)), ("uscc", Arc::new(ids))];
    RecordBatch::try_from_iter(columns).unwrap()
}

#[test]
fn chunks_of_parquet_are_carried_along_as_they_are() {
    let (town, desk) = (town(), Desk::new());
    // One row group of several parts, a short one, and pages of another length each.
    let properties = WriterProperties::builder()
        .set_max_row_group_row_count(Some(150_000))
        .set_data_page_row_count_limit(9_999)
        .set_compression(Compression::ZSTD(Default::default()))
        .set_bloom_filter_enabled(true)
        .build();
    let (rows, given) = (151_000, numbered(0..151_000));
    let file = fs::File::create(desk.path("in.parquet")).unwrap();
    let mut writer = ArrowWriter::try_new(file, given.schema(), Some(properties)).unwrap();
    writer.write(&given).unwrap();
    writer.close().unwrap();
    let outcome = desk.screen(&town, "in.parquet", "out.parquet").unwrap();
    let tally = &outcome.tally;
    assert_eq!((tally.rows, tally.hits), (rows as u64, rows as u64 / 1_000));
    let unasked = (0..rows).filter(|at| at % 7 == 0 && at % 1_000 != 0).count();
    assert_eq!(tally.unaskable, unasked as u64);
    let rejects = desk.rows("rejects.csv");
    assert_eq!(rejects.len(), unasked + 1);
    assert_eq!((&*rejects[1][2], &*rejects[unasked][2]), ("8", "150998"), "rows of the file");

    let file = |name: &str| Bytes::from(fs::read(desk.path(name)).unwrap());
    let metadata = |name: &str| {
        let reader = ParquetMetaDataReader::new().with_page_index_policy(PageIndexPolicy::Required);
        reader.parse_and_finish(&file(name)).unwrap()
    };
    let (before, after) = (metadata("in.parquet"), metadata("out.parquet"));
    assert_eq!((before.num_row_groups(), after.num_row_groups()), (2, 2));
    for (number, (before, after)) in before.row_groups().iter().zip(after.row_groups()).enumerate()
    {
        assert_eq!(before.num_rows(), after.num_rows());
        for (before, after) in before.columns().iter().zip(after.columns()) {
            let bytes = |name: &str, of: &ColumnChunkMetaData| {
                let (start, length) = of.byte_range();
                file(name).slice(start as usize..(start + length) as usize)
            };
            assert_eq!(bytes("in.parquet", before), bytes("out.parquet", after));
            assert_eq!(before.statistics(), after.statistics());
            assert!(after.bloom_filter_offset().is_some());
        }
        let index = metadata("out.parquet");
        let offsets = (0..3 + 7).map(|at| index.page_index()?.offset_index(number, at));
        assert!(offsets.into_iter().all(|offsets| offsets.is_some()), "all columns or none");
    }
    // Whether its reader uses the indexes or not.
    for policy in [PageIndexPolicy::Skip, PageIndexPolicy::Required] {
        let options = ArrowReaderOptions::new().with_page_index_policy(policy);
        let file = fs::File::open(desk.path("out.parquet")).unwrap();
        let builder = ParquetRecordBatchReaderBuilder::try_new_with_options(file, options).unwrap();
        assert!(builder.schema().metadata().contains_key("xincha_snapshot"));
        let skipped = RowSelection::from(vec![RowSelector::skip(1_500), RowSelector::select(rows)]);
        let reader = builder.with_row_selection(skipped).build().unwrap();
        let written: Vec<RecordBatch> = reader.map(Result::unwrap).collect();
        let mut at = 1_500;
        for batch in &written {
            let given = given.slice(at, batch.num_rows());
            assert_eq!(batch.columns()[..3], *given.columns(), "{at}");
            at += batch.num_rows();
        }
        assert_eq!(at, rows);
        for (row, at) in results_of(&written).iter().zip(1_500..) {
            let expected = match at {
                _ if at % 1_000 == 0 => ["prohibit", "court;red", "number_only;red_and_black"],
                _ if at % 7 == 0 => ["undetermined", "", "subject_unidentified"],
                _ => ["clear", "", "check_digit;number_only"],
            };
            assert_eq!([&row[0], &row[1], &row[6]], expected, "{at}");
        }
    }
}

/// Whoever reads the result reads the same columns; what states all of them would hide those of the results.
#[test]
fn what_a_writer_said_of_a_file_of_parquet_is_kept_but_where_it_is_wrong_of_the_result() {
    let (town, mut desk) = (town(), Desk::new());
    let durations = DurationMicrosecondArray::from(vec![90_000_000]);
    let ids = StringArray::from(vec![IDS[0]]);
    let columns: [(&str, ArrayRef); 2] = [("用时", Arc::new(durations)), ("uscc", Arc::new(ids))];
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let said = ["pandas", "org.apache.spark.sql.parquet.row.metadata"];
    let said = said.map(|key| KeyValue::new(key.to_owned(), "{}".to_owned()));
    let properties =
        WriterProperties::builder().set_key_value_metadata(Some(said.to_vec())).build();
    let file = fs::File::create(desk.path("in.parquet")).unwrap();
    let mut writer = ArrowWriter::try_new(file, batch.schema(), Some(properties)).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    // Chunk by chunk, and batch by batch.
    for hits_only in [false, true] {
        desk.hits_only = hits_only;
        desk.screen(&town, "in.parquet", "out.parquet").unwrap();
        let file = fs::File::open(desk.path("out.parquet")).unwrap();
        let builder = ParquetRecordBatchReaderBuilder::try_new(file).unwrap();
        let metadata = builder.schema().metadata().clone();
        assert!(metadata.contains_key("pandas") && metadata.contains_key("xincha_snapshot"));
        assert!(!metadata.keys().any(|key| key.contains("spark")), "{metadata:?}");
        let plain = builder.metadata().file_metadata().key_value_metadata().unwrap();
        assert!(plain.iter().any(|said| said.key == "pandas"), "for readers of no Arrow too");
        let rows = builder.build().unwrap().next().unwrap().unwrap();
        assert_eq!(rows.columns()[..2], *batch.columns());
        assert_eq!(results_of(&[rows])[0][0], "prohibit");
    }
}

#[test]
fn damaged_parquet_is_told_or_makes_another_file_and_ends_nothing_else() {
    let (town, desk) = (town(), Desk::new());
    let properties = WriterProperties::builder().set_bloom_filter_enabled(true).build();
    let (file, given) = (fs::File::create(desk.path("in.parquet")).unwrap(), numbered(0..50));
    let mut writer = ArrowWriter::try_new(file, given.schema(), Some(properties)).unwrap();
    writer.write(&given).unwrap();
    writer.close().unwrap();
    let whole = fs::read(desk.path("in.parquet")).unwrap();
    let check = |bytes: &[u8]| {
        desk.put("in.parquet", bytes);
        let screened = desk.screen(&town, "in.parquet", "out.parquet");
        if screened.is_err() {
            assert_eq!(desk.files(), ["in.parquet"]);
        } else {
            fs::remove_file(desk.path("out.parquet")).unwrap();
            let _ = fs::remove_file(desk.path("rejects.csv"));
        }
        screened
    };
    check(&whole).unwrap();
    for cut in (0..whole.len()).step_by(17) {
        let error = check(&whole[..cut]).unwrap_err().to_string();
        assert!(error.contains("in.parquet: 不是有效的 Parquet 文件"), "{cut}: {error}");
    }
    for at in (0..whole.len()).step_by(3) {
        let mut bytes = whole.clone();
        bytes[at] ^= 0x15;
        let _ = check(&bytes);
    }
}

#[test]
fn columns_of_nothing_ask_nothing_and_others_are_refused() {
    let (town, mut desk) = (town(), Desk::new());
    let lists = ListArray::from_iter_primitive::<Int64Type, _, _>(vec![Some(vec![Some(1)]); 2]);
    let batch = RecordBatch::try_from_iter([
        ("uscc", Arc::new(StringArray::from(vec![IDS[0], IDS[3]])) as ArrayRef),
        ("name", Arc::new(NullArray::new(2))),
        ("lists", Arc::new(lists)),
    ])
    .unwrap();
    desk.put("in.arrows", stream_of(&batch, IpcWriteOptions::default()));
    let outcome = desk.screen(&town, "in.arrows", "out.arrows").unwrap();
    assert_eq!((outcome.tally.rows, outcome.tally.hits, outcome.rejects), (2, 1, 0));
    desk.told.identifiers = vec!["lists".to_owned()];
    fs::remove_file(desk.path("out.arrows")).unwrap();
    for to in ["out.arrows", "out.parquet"] {
        let error = desk.screen(&town, "in.arrows", to).unwrap_err().to_string();
        assert!(error.contains("in.arrows: 列 \"lists\" 的类型无法读取"), "{error}");
        assert!(!desk.path(to).exists());
    }
    desk.told = Told::default();
    for (to, expected) in [
        ("out.csv", "Arrow 只能输出为"),
        ("out.jsonl", "JSON lines"),
        ("out.arrow", ".arrow is read"),
    ] {
        let error = desk.screen(&town, "in.arrows", to).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
    assert_eq!(desk.files(), ["in.arrows"]);
}

#[test]
fn a_stream_that_is_not_whole_is_told_and_leaves_no_result() {
    let (town, desk) = (town(), Desk::new());
    let whole = stream_of(&subjects(plain), IpcWriteOptions::default());
    let check = |bytes: &[u8]| {
        desk.put("in.arrows", bytes);
        let screened = desk.screen(&town, "in.arrows", "out.arrows");
        if screened.is_err() {
            assert!(!desk.path("out.arrows").exists());
            assert_eq!(desk.files(), ["in.arrows"]);
        } else {
            fs::remove_file(desk.path("out.arrows")).unwrap();
            fs::remove_file(desk.path("rejects.csv")).unwrap();
        }
        screened
    };
    check(&whole).unwrap();
    // Also where a batch ends, before the end mark and within it.
    let cuts = (0..whole.len()).step_by(101).chain(whole.len() - 8..whole.len());
    for cut in cuts {
        let error = check(&whole[..cut]).unwrap_err().to_string();
        assert!(error.contains("in.arrows: 不是有效的 Arrow 文件"), "{cut}: {error}");
    }
    let error = check(&[&whole[..], &whole[..]].concat()).unwrap_err().to_string();
    assert!(error.contains("结束标记之后还有数据"), "{error}");
    // Damage is told or makes another stream, and ends nothing else.
    for at in (0..whole.len()).step_by(37) {
        let mut bytes = whole.clone();
        bytes[at] ^= 0x15;
        let _ = check(&bytes);
    }
}

#[test]
fn each_batch_of_a_pipe_is_answered_before_the_next_is_waited_for() {
    let home = Home::new();
    home.run(&["build"]);
    let mut child = home
        .command(&["screen", "-", "--format", "arrow", "--snapshot-only"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let (input, output) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
    let (tell, told) = mpsc::channel();
    let reading = std::thread::spawn(move || {
        let reader = StreamReader::try_new(output, None).unwrap();
        tell.send(None).unwrap();
        reader.for_each(|batch| tell.send(Some(batch.unwrap())).unwrap());
    });
    let answer = || told.recv_timeout(Duration::from_secs(60));
    let batch = subjects(plain);
    let mut writer = StreamWriter::try_new(input, &batch.schema()).unwrap();
    assert_eq!(answer().unwrap(), None, "the columns");
    let mut rows = 0;
    for length in [1, 0, batch.num_rows(), 3] {
        writer.write(&batch.slice(0, length)).unwrap();
        let answered = answer().unwrap().unwrap();
        rows += answered.num_rows();
        assert_eq!(answered.num_rows(), length);
        assert_eq!(answered.num_columns(), 3 + 7);
    }
    assert_eq!(rows, batch.num_rows() + 4);
    // The end is told before the pipe is closed.
    writer.finish().unwrap();
    assert!(answer().is_err_and(|error| error == mpsc::RecvTimeoutError::Disconnected));
    drop(writer);
    assert!(child.wait().unwrap().success());
    reading.join().unwrap();
}

#[test]
fn long_files_keep_their_order_and_their_counts() {
    let (town, desk) = (town(), Desk::new());
    let rows = 150_000;
    let mut text = "编号,备注,统一社会信用代码\n".to_owned();
    for at in 0..rows {
        // Quotes now and then, also over the bounds of blocks; every 1,000th is listed.
        let remark = if at % 7 == 0 {
            "\"一,\n二\""
        } else {
            "很长的备注很长的备注很长的备注"
        };
        let id = if at % 1_000 == 0 { IDS[0] } else { IDS[3] };
        text += &format!("{at},{remark},{id}\n");
    }
    desk.put("in.csv", &text);
    let outcome = desk.screen(&town, "in.csv", "out.csv").unwrap();
    assert_eq!((outcome.tally.rows, outcome.tally.hits), (rows, rows / 1_000));
    assert_eq!(outcome.rejects, 0);
    let written = desk.rows("out.csv");
    assert_eq!(written.len() as u64, rows + 1);
    for (at, row) in written[1..].iter().enumerate() {
        let expected = if at % 1_000 == 0 { "prohibit" } else { "clear" };
        assert!(row[0] == at.to_string() && row[3] == expected, "{at}");
    }
    let hits = Desk { hits_only: true, ..Desk::new() };
    hits.put("in.csv", &text);
    hits.screen(&town, "in.csv", "out.csv").unwrap();
    assert_eq!(hits.rows("out.csv").len() as u64, rows / 1_000 + 1);
}

#[test]
fn what_cannot_be_used_is_told_and_counted() {
    let (town, desk) = (town(), Desk::new());
    let mut text = ROWS.as_bytes().to_vec();
    for row in [
        "5,甲,3.2E+17\n".as_bytes(),
        b"6,\xff\xfe,91320500MA0000015D\n",
        "7,甲,91320500MA0000015D,多\n".as_bytes(),
        b"8\n",
        "\n".as_bytes(),
        "9,,\n".as_bytes(),
        "10,,9132************5D\n".as_bytes(),
        "11,,?!\n".as_bytes(),
        "12,甲,,,\n".as_bytes(),
    ] {
        text.extend_from_slice(row);
    }
    desk.put("in.csv", &text);
    let outcome = desk.screen(&town, "in.csv", "out.csv").unwrap();
    let mode = fs::metadata(desk.path("rejects.csv")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600, "for whoever screens alone");
    let rejects = desk.rows("rejects.csv");
    let told: Vec<(&str, &str)> = rejects[1..].iter().map(|row| (&*row[2], &*row[4])).collect();
    assert_eq!(
        told,
        [
            ("5", "digits_lost"),
            ("6", "encoding_broken"),
            ("7", "too_many_cells"),
            ("8", "too_few_cells"),
            ("10", "subject_unidentified"),
            ("11", "masked_needs_name"),
            ("12", "identifier_invalid"),
        ]
    );
    let tally = &outcome.tally;
    assert_eq!((tally.rows, tally.rejected, tally.unaskable, outcome.rejects), (12, 3, 4, 7));
    let written = desk.text("out.csv");
    let cells: Vec<usize> = desk.rows("out.csv").iter().map(Vec::len).collect();
    assert!(cells.iter().all(|&count| count == 3 + 7), "each result under its heading: {cells:?}");
    let undetermined = written.lines().filter(|line| line.contains(",undetermined,")).count();
    assert_eq!(
        (written.lines().count(), undetermined),
        (1 + 12 - 3, 4),
        "what can be shown is shown"
    );
}

/// Whatever is written, the rows and their numbers are those of the file.
#[test]
fn rows_of_csv_are_the_same_whatever_is_written() {
    let (town, desk) = (town(), Desk::new());
    let id = IDS[0];
    for (text, rows) in [
        (format!("uscc,name,x\n{id},a\n\n  \n{id},b,y,z\n,,\n\n\n{id},c,d,\n\"\",,\n"), 5),
        (format!("\r\nuscc\r\n\r\n{id}\r\n\r\n\"\"\r\n \r\n12"), 3),
        (format!("uscc,name\r\r{id},a\r,\r\r9"), 3),
    ] {
        desk.put("in.csv", &text);
        let expected = desk.screen(&town, "in.csv", "out.csv").unwrap();
        assert_eq!(expected.tally.rows, rows, "{text:?}");
        let told = || -> Vec<[String; 2]> {
            let told = |row: &Vec<String>| [row[2].clone(), row[4].clone()];
            desk.rows("rejects.csv")[1..].iter().map(told).collect()
        };
        let of_csv = told();
        for to in ["out.xlsx", "out.parquet", "out.arrows"] {
            assert_eq!(desk.screen(&town, "in.csv", to).unwrap(), expected, "{text:?} {to}");
            assert_eq!(told(), of_csv, "{text:?} {to}");
        }
        let written = desk.rows("out.csv")[1..].len() as u64;
        assert_eq!(read_parquet(&desk.path("out.parquet")).0[1..].len() as u64, written);
    }
    desk.put("in.csv", format!("uscc,name\n{},\"未闭合\n{id},b\n{id},c\n", IDS[3]));
    fs::remove_file(desk.path("out.xlsx")).unwrap();
    for to in ["out.csv", "out.xlsx", "out.parquet", "out.arrows"] {
        let error = desk.screen(&town, "in.csv", to).unwrap_err().to_string();
        assert!(error.contains("第 1 行的引号未闭合"), "{to}: {error}");
    }
    assert!(!desk.path("out.xlsx").exists());
}

#[test]
fn records_end_where_those_of_csv_do() {
    let (town, desk) = (town(), Desk::new());
    let id = IDS[0];
    for (text, expected) in [
        // Old Macintosh files, a lone carriage return among others, no last line end, a quote inside a cell.
        (format!("uscc,x\r{id},a\r{id},b\r"), 2),
        (format!("uscc,x\n{id},a\r{id},b\n{id},c"), 3),
        (format!("uscc,x\r\n{id},a\r\n\r\n{id},b"), 2),
        (format!("uscc,x\n{id},5\" tube\n{id},b\n"), 2),
        (format!("\u{feff}\"uscc\",\"x\ny\"\n\"{id}\",\"a\"\"\n\"\n"), 1),
    ] {
        desk.put("in.csv", &text);
        let outcome = desk.screen(&town, "in.csv", "out.csv").unwrap();
        let tally = &outcome.tally;
        assert_eq!((tally.rows, tally.hits, outcome.rejects), (expected, expected, 0), "{text:?}");
    }
    let long = format!("uscc,x\n{id},\"{}\"\n{id},b\n", "长\n".repeat(200_000));
    desk.put("in.csv", long);
    assert_eq!(desk.screen(&town, "in.csv", "out.csv").unwrap().tally.hits, 2, "beyond a block");
}

#[test]
fn an_encoding_that_shows_late_is_seen() {
    let (town, desk) = (town(), Desk::new());
    let mut text = "name,uscc\n,\n".to_owned();
    (0..40_000).for_each(|at| text += &format!("x{at},{}\n", IDS[3]));
    let ascii = text.lines().count() - 1;
    text += "苏州星河科技有限公司,\n";
    desk.put("in.csv", encoding_rs::GB18030.encode(&text).0);
    let outcome = desk.screen(&town, "in.csv", "out.csv").unwrap();
    let tally = &outcome.tally;
    assert_eq!((tally.rows, tally.hits, tally.unaskable), (ascii as u64 + 1, 1, 1));
    assert_eq!(desk.rows("rejects.csv").len(), 2, "those of the first attempt are not among them");
    assert_eq!(desk.rows("out.csv").last().unwrap()[0], "苏州星河科技有限公司");
}

/// Of a file to standard output, and of what is piped.
#[test]
fn an_encoding_that_shows_late_is_seen_without_an_output_file() {
    let home = Home::new();
    let row = |at: usize| format!("x{at},{},{}\n", "remark ".repeat(10), IDS[3]);
    let ascii: String = (0..50_000).map(row).collect();
    assert!(ascii.len() > 4 << 20);
    let text = format!("name,remark,uscc\n{ascii}苏州星河科技有限公司,,{}\n", IDS[0]);
    let input = home.folder.path().join("in.csv");
    fs::write(&input, encoding_rs::GB18030.encode(&text).0).unwrap();
    let check = |shown: &str, told: &str| {
        let last: Vec<&str> = shown.lines().skip(50_001).collect();
        let expected = "苏州星河科技有限公司,,91320500MA0000015D,remind,";
        assert!(last.len() == 1 && last[0].starts_with(expected), "{last:?} {told}");
    };
    let (code, shown, told) = home.run(&["screen", input.to_str().unwrap(), "--no-names"]);
    assert_eq!(code, 0, "{told}");
    assert!(shown.starts_with('\u{feff}'));
    check(&shown, &told);
    let piped = home
        .command(&["screen", "-", "--format", "csv", "--no-names"])
        .stdin(fs::File::open(&input).unwrap())
        .output()
        .unwrap();
    check(str::from_utf8(&piped.stdout).unwrap(), &String::from_utf8_lossy(&piped.stderr));
}

#[test]
fn what_stands_where_a_number_should_is_not_asked_about() {
    let (town, desk) = (town(), Desk::new());
    let screen = |rows: &[(&str, &str)]| -> Vec<[String; 2]> {
        let row = |(id, name): &(&str, &str)| format!("{},{name}\n", quoted(id));
        desk.put("in.csv", format!("uscc,name\n{}", rows.iter().map(row).collect::<String>()));
        desk.screen(&town, "in.csv", "out.csv").unwrap();
        let rows = desk.rows("out.csv");
        rows[1..].iter().map(|row| [row[2].clone(), row[8].clone()]).collect()
    };
    let undetermined = |reason: &str| ["undetermined".to_owned(), reason.to_owned()];
    for cell in ["#N/A", "#REF!", " #VALUE! "] {
        assert_eq!(
            screen(&[(cell, ""), (cell, "甲公司")]),
            [(); 2].map(|()| undetermined("cell_error"))
        );
    }
    assert_eq!(
        screen(&[("", "#N/A"), ("", "3.2E+17")]),
        ["cell_error", "digits_lost"].map(undetermined)
    );
    let beside = screen(&[(IDS[0], "#N/A")]);
    assert_eq!(
        beside,
        [["prohibit".to_owned(), "cell_error;number_only;red_and_black".to_owned()]]
    );
    for cell in [
        "unknown",
        "true",
        "2026-01-01",
        "2026/1/1 00:00:00",
        "2026年1月1日",
        "9132",
        "x1234",
        "苏州清白商贸有限公司",
        "苏州3号科技有限公司",
        // A number broken in two that neither half is, nor sound as a whole; two that are hidden in parts.
        "91320500\nMA0000015E",
        "32050019\n0001010018",
    ] {
        assert_eq!(screen(&[(cell, "")]), [undetermined("identifier_invalid")], "{cell}");
    }
    for cell in ["军字第2001988号", "苏E12345", "00123456", "20260101", "E12345678", "D2143569-X"]
    {
        let row = &screen(&[(cell, "")])[0];
        assert_eq!(row.each_ref().map(|cell| &**cell), ["clear", "number_only"], "{cell}");
    }
    let rows = [
        "91320500\nMA0000015D",
        "91320500MA00\r\n00015D；x1234567",
        "MA000001-5\nD2143569-X",
        "91320500MA0000099X\n91320500MA0000015D\n",
        "91320500MA0000015D\n9132",
    ];
    for (cell, [verdict, _]) in rows.iter().zip(screen(&rows.map(|cell| (cell, "")))) {
        assert_eq!(verdict, "prohibit", "{cell}");
    }
}

#[test]
fn all_identifiers_of_a_cell_are_asked_about() {
    let (town, desk) = (town(), Desk::new());
    let verdicts = |text: &str| {
        desk.put("in.csv", text);
        desk.screen(&town, "in.csv", "out.csv").unwrap();
        let rows = desk.rows("out.csv");
        rows[1..].iter().map(|row| row[row.len() - 7].clone()).collect::<Vec<_>>()
    };
    let listed = IDS[0];
    for cell in ["x1234；L", "L 、9132050 0MA0000099X", "L | L2", "\"L,L2\""] {
        let cell = cell.replace("L2", IDS[2]).replace('L', listed);
        assert_eq!(verdicts(&format!("uscc,x\n{cell},\n")), ["prohibit"], "{cell}");
    }
    assert_eq!(verdicts(&format!("uscc,x\n{listed}(主),\n")), ["undetermined"], "a remark");
    // One that cannot be used beside one that decides is told and left out; a running number is none.
    assert_eq!(verdicts(&format!("证件号码,uscc\n?!,{listed}\n")), ["prohibit"]);
    assert!(desk.text("out.csv").contains("identifier_invalid"));
    assert_eq!(verdicts(&format!("id,uscc\n1,{listed}\n")), ["prohibit"]);
    assert_eq!(verdicts(&format!("id\n{listed}\n")), ["prohibit"], "where no other is");
    desk.put("in.jsonl", format!("{{\"uscc\":[\"x1234\",\"{listed}\"]}}\n"));
    desk.screen(&town, "in.jsonl", "out.jsonl").unwrap();
    assert!(desk.text("out.jsonl").contains("\"verdict\":\"prohibit\""));
}

#[test]
fn names_are_taken_from_one_column_whatever_the_format() {
    let (town, mut desk) = (town(), Desk::new());
    desk.put("in.csv", "名称,企业名称\n某某贸易有限公司,苏州明珠建没有限公司\n");
    desk.screen(&town, "in.csv", "out.csv").unwrap();
    assert_eq!(desk.rows("out.csv")[1][2], "review");
    let object = "{\"名称\":\"某某贸易有限公司\",\"企业名称\":\"苏州明珠建没有限公司\"}\n";
    desk.put("in.jsonl", object);
    desk.screen(&town, "in.jsonl", "out.jsonl").unwrap();
    assert!(desk.text("out.jsonl").contains("\"verdict\":\"review\""));
    // Two that are one but for what is in brackets behind: each object, or who asks, says which.
    let object_of = |old: &str, new: &str| {
        format!("{{\"统一社会信用代码（旧）\":\"{old}\",\"统一社会信用代码（新）\":\"{new}\"}}\n")
    };
    desk.put("two.jsonl", object_of(IDS[0], IDS[3]) + &object_of(IDS[3], IDS[0]));
    let outcome = desk.screen(&town, "two.jsonl", "out.jsonl").unwrap();
    assert_eq!((outcome.tally.rows, outcome.tally.rejected, outcome.rejects), (2, 2, 2));
    assert!(desk.text("rejects.csv").contains("column_twice"), "{}", desk.text("rejects.csv"));
    for (heading, hit) in [("统一社会信用代码（旧）", 0), ("统一社会信用代码（新）", 1)]
    {
        desk.told.identifiers = vec![heading.to_owned()];
        desk.screen(&town, "two.jsonl", "out.jsonl").unwrap();
        let written = desk.text("out.jsonl");
        let hits = written.lines().map(|line| line.contains("\"verdict\":\"prohibit\""));
        assert_eq!(hits.collect::<Vec<_>>(), [hit == 0, hit == 1], "{heading}");
    }
    // A column that was told and that no object has is a mistake; one that some lack is not.
    desk.told.identifiers = vec!["代码".to_owned()];
    let error = desk.screen(&town, "in.jsonl", "out.jsonl").unwrap_err().to_string();
    assert!(error.contains("缺少列 \"代码\""), "{error}");
    desk.put("in.jsonl", format!("{object}{{\"代码\":\"{}\"}}\n", IDS[0]));
    assert_eq!(desk.screen(&town, "in.jsonl", "out.jsonl").unwrap().tally.hits, 2);
}

#[test]
fn a_record_beyond_measure_takes_no_other_along() {
    let (town, desk) = (town(), Desk::new());
    let row = format!("{},b\n", IDS[0]);
    let wide = format!("{},\"q\"{}\n", IDS[0], ",".repeat(17_000));
    desk.put("in.csv", format!("uscc,x\n{row}{wide}{row}{row}"));
    let outcome = desk.screen(&town, "in.csv", "out.csv").unwrap();
    assert_eq!((outcome.tally.rows, outcome.tally.rejected, outcome.tally.hits), (4, 1, 3));
    // Quotes that are not closed would hide the rows behind them.
    desk.put("in.csv", format!("uscc,x\n{row}{},\"open\n{row}", IDS[3]));
    let error = desk.screen(&town, "in.csv", "out.csv").unwrap_err().to_string();
    assert!(error.contains("第 2 行的引号未闭合"), "{error}");
}

#[test]
fn files_are_not_written_over() {
    let (town, desk) = (town(), Desk::new());
    desk.put("in.csv", ROWS);
    let error = desk.screen(&town, "in.csv", "in.csv").unwrap_err().to_string();
    assert!(error.contains("输出文件即输入文件"), "{error}");
    let error = desk.screen(&town, "in.csv", "rejects.csv").unwrap_err().to_string();
    assert!(error.contains("--rejects"), "{error}");
    let error = desk.screen(&town, "in.csv", "out.xls").unwrap_err().to_string();
    assert!(error.contains(".xls is read"), "{error}");
    assert_eq!(desk.text("in.csv"), ROWS);
    // A run that fails leaves the rejects of the one before, a run without any removes them.
    desk.put("rejects.csv", "before");
    desk.put("bad.csv", format!("名称\n?,\n\"{}", "a".repeat(5 << 20)));
    desk.screen(&town, "bad.csv", "out.csv").unwrap_err();
    assert_eq!(desk.text("rejects.csv"), "before");
    desk.screen(&town, "in.csv", "out.csv").unwrap();
    assert!(!desk.path("rejects.csv").exists());
    fs::create_dir(desk.path("folder.csv")).unwrap();
    assert!(matches!(desk.screen(&town, "in.csv", "folder.csv"), Err(BatchError::Output { .. })));
    assert!(desk.files().iter().all(|name| !name.contains("part")), "{:?}", desk.files());
}

#[test]
fn files_that_cannot_be_used_leave_no_result() {
    let (town, mut desk) = (town(), Desk::new());
    desk.put("out.csv", "before");
    let quote = format!("名称\n\"{}", "a".repeat(5 << 20));
    for (name, bytes, expected) in [
        ("empty.csv", "", "文件为空"),
        ("nothing.csv", "a,b\n1,2\n", "没有可用的"),
        ("twice.csv", "名称,名称\n1,2\n", "出现两次"),
        ("screened.csv", "名称,xincha_verdict\n1,2\n", "已存在"),
        ("empty.jsonl", "\n", "文件为空"),
        ("endless.csv", &*quote, "第 1 行过长"),
        ("no.xlsx", "PK", "不是有效的 .xlsx"),
        ("no.parquet", "PAR1", "不是有效的 Parquet"),
    ] {
        desk.put(name, bytes);
        let to = if name.ends_with("jsonl") { "out.jsonl" } else { "out.csv" };
        let error = desk.screen(&town, name, to).unwrap_err().to_string();
        assert!(error.contains(expected) && error.contains(name), "{name}: {error}");
        assert_eq!(desk.text("out.csv"), "before", "{name}");
    }
    desk.put("in.csv", ROWS);
    let error = desk.screen(&town, "in.csv", "out.jsonl").unwrap_err().to_string();
    assert!(error.contains("JSON lines"), "{error}");
    desk.put("long.csv", format!("名称,备注\n甲,\n乙,{}\n", "长".repeat(40_000)));
    let error = desk.screen(&town, "long.csv", "out.xlsx").unwrap_err().to_string();
    assert!(error.contains("第 3 行第 2 列") && error.contains("32,767"), "{error}");
    // Text keeps columns of one heading apart by their places, which readers of columns do not know.
    desk.put("alike.csv", "名称,备注,备注\n甲,1,2\n");
    desk.screen(&town, "alike.csv", "alike-out.csv").unwrap();
    let error = desk.screen(&town, "alike.csv", "out.parquet").unwrap_err().to_string();
    assert!(error.contains("\"备注\" 出现两次") && !desk.path("out.parquet").exists(), "{error}");
    desk.cancelled = AtomicBool::new(true);
    let error = desk.screen(&town, "in.csv", "out.csv").unwrap_err();
    assert!(matches!(error, BatchError::Cancelled));
    assert_eq!(desk.text("out.csv"), "before");
    assert!(desk.files().iter().all(|name| !name.contains("part")), "{:?}", desk.files());
}

#[test]
fn columns_are_taken_as_told() {
    let (town, mut desk) = (town(), Desk::new());
    desk.put("in.csv", "甲;乙;名称\n91320500MA0000015D;91320505MA0000023G;苏州明珠建没有限公司\n");
    desk.layout.delimiter = Some(';');
    desk.told = Told { identifiers: vec!["乙".to_owned()], no_names: true, ..Told::default() };
    desk.screen(&town, "in.csv", "out.csv").unwrap();
    assert!(desk.text("out.csv").contains(";prohibit;ban;identifier;"), "{}", desk.text("out.csv"));
    desk.told = Told { no_names: true, ..Told::default() };
    assert!(matches!(desk.screen(&town, "in.csv", "out.csv"), Err(BatchError::Columns { .. })));
    desk.told = Told::default();
    desk.screen(&town, "in.csv", "out.csv").unwrap();
    assert!(desk.text("out.csv").contains(";review;ban;similar_name;"), "{}", desk.text("out.csv"));
}

fn sample() -> &'static str {
    "名称,统一社会信用代码\n苏州星河科技有限公司,91320500MA0000015D\n"
}

#[test]
fn the_command_screens_a_file_and_standard_input() {
    let home = Home::new();
    let (input, output) = (home.folder.path().join("in.csv"), home.folder.path().join("out.csv"));
    fs::write(&input, sample()).unwrap();
    let [from, to] = [&input, &output].map(|path| path.to_str().unwrap());
    let (code, _, told) = home.run(&["screen", from, "-o", to]);
    assert_eq!(code, 0, "{told}");
    assert!(told.contains("命中 / hits         1") && told.contains("sxbzxr"), "{told}");
    let written = fs::read_to_string(&output).unwrap();
    assert!(written.lines().nth(1).unwrap().contains(",remind,sxbzxr"), "{written}");

    let mut child = home
        .command(&["screen", "-", "--format", "csv"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(sample().as_bytes()).unwrap();
    let piped = child.wait_with_output().unwrap();
    assert_eq!(String::from_utf8(piped.stdout).unwrap(), written);

    // What a file holds is told by its name, or as standard input is.
    let unnamed = home.folder.path().join("in.dat");
    fs::copy(&input, &unnamed).unwrap();
    for to in [to, &*home.folder.path().join("out.xlsx").display().to_string()] {
        let arguments = ["screen", unnamed.to_str().unwrap(), "--format", "csv", "-o", to];
        let (code, _, told) = home.run(&arguments);
        assert_eq!(code, 0, "{told}");
    }
    assert_eq!(fs::read_to_string(&output).unwrap(), written);

    // Of what is read once the beginning tells the encoding; nothing is written twice.
    let gb = encoding_rs::GB18030.encode(sample()).0.into_owned();
    fs::write(&input, &gb).unwrap();
    let of_gb = format!("\u{feff}{written}");
    let (code, shown, _) = home.run(&["screen", from]);
    assert_eq!((code, shown), (0, of_gb.clone()));
    for name in ["-", "/dev/stdin"] {
        let mut child = home
            .command(&["screen", name, "--format", "csv"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(&gb).unwrap();
        let piped = child.wait_with_output().unwrap();
        assert_eq!(String::from_utf8(piped.stdout).unwrap(), of_gb, "{name}");
    }

    for (arguments, expected) in [
        (&["screen", "-"][..], "--format"),
        (&["screen", "x.doc"], "无法识别的格式"),
        (&["screen", "x.csv"], "无法读取"),
        (&["screen", from, "-o", "x.doc"], "无法识别的格式"),
        (&["screen", from, "--matter", "no"], "无此事项"),
    ] {
        let (code, _, told) = home.run(arguments);
        assert!(code == 1 && told.contains(expected), "{arguments:?}: {code} {told}");
    }
}

#[test]
fn an_output_that_fails_waits_for_no_input() {
    let home = Home::new();
    home.run(&["build"]);
    let mut child = home
        .command(&["screen", "-", "--format", "csv", "--encoding", "utf-8"])
        .stdin(Stdio::piped())
        .stdout(fs::File::options().write(true).open("/dev/full").unwrap())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    // The pipe breaks when it ends.
    let _ = input.write_all(format!("uscc,x\n{}", "x1234,a\n".repeat(200_000)).as_bytes());
    assert_eq!(child.wait().unwrap().code(), Some(1));
    drop(input);
}

#[test]
fn an_interrupt_leaves_no_half_file() {
    let home = Home::new();
    let output = home.folder.path().join("out.csv");
    // The first check builds, so that the screening begins at once.
    home.run(&["build"]);
    let mut child = home
        .command(&["screen", "-", "--format", "csv", "-o", output.to_str().unwrap()])
        .stdin(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    input.write_all(sample().as_bytes()).unwrap();
    let part =
        batch_part(&home, |names| names.iter().any(|name| name.starts_with("out.csv.part-")));
    assert!(part, "it has begun");
    let pid = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    // Nothing more comes to be read, and nobody closes.
    assert_eq!(child.wait().unwrap().code(), Some(130));
    drop(input);
    assert!(batch_part(&home, |names| !names.iter().any(|name| name.starts_with("out.csv"))));
}

/// What lies beside the output comes to be so within ten seconds.
fn batch_part(home: &Home, is_so: impl Fn(&[String]) -> bool) -> bool {
    let names = |folder: &Path| -> Vec<String> {
        let name = |file: fs::DirEntry| file.file_name().into_string().unwrap();
        fs::read_dir(folder).unwrap().map(|file| name(file.unwrap())).collect()
    };
    (0..200).any(|_| {
        std::thread::sleep(Duration::from_millis(50));
        is_so(&names(home.folder.path()))
    })
}
