//! What must never come out wrong in silence: each row was once read as something else.

use super::batch::Fault;
use super::mapper::wanted;
use super::{Batch, Feed, Mapped, Mapper, Mapping, Reject, RejectWriter, SourceError};
use crate::record::{Day, Entry, IdentifierKind, State, SubjectKind, Term};
use std::cell::RefCell;
use std::fs;
use std::path::{Path, PathBuf};

/// Everything of a file.
#[derive(Default)]
struct Outcome {
    entries: Vec<Entry>,
    rejects: Vec<Reject>,
    warnings: u32,
}

impl Outcome {
    /// Row, column and code of every reject.
    fn refused(&self) -> Vec<(u64, &str, &str)> {
        self.rejects.iter().map(|r| (r.row, r.column.as_str(), r.reason.code())).collect()
    }

    fn only(&self) -> &Entry {
        assert_eq!((self.entries.len(), self.refused()), (1, Vec::new()));
        &self.entries[0]
    }
}

fn read(path: &Path, mapping: &Mapping) -> Result<Outcome, SourceError> {
    let name = path.file_name().unwrap();
    let feed = mapping.feeds.iter().find(|feed| feed.matcher().unwrap().is_match(name));
    let feed = feed.expect("a feed for the file's name");
    let mapper = RefCell::new(None);
    let mut outcome = Outcome::default();
    Feed::open(path, &mapping.layout)?.read(
        &wanted(mapping),
        &mut |headings| {
            *mapper.borrow_mut() = Some(Mapper::new(mapping, feed, path, headings)?);
            Ok(())
        },
        &mut |batch| {
            for row in batch.rows() {
                match mapper.borrow().as_ref().unwrap().map(row) {
                    Ok(Mapped { entry, warnings }) => {
                        outcome.warnings += warnings;
                        outcome.entries.push(entry);
                    }
                    Err(reject) => outcome.rejects.push(*reject),
                }
            }
            Ok(())
        },
    )?;
    Ok(outcome)
}

fn read_bytes(name: &str, bytes: &[u8], mapping: &Mapping) -> Result<Outcome, SourceError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    fs::write(&path, bytes).unwrap();
    read(&path, mapping)
}

fn shipped(code: &str) -> Mapping {
    let path = format!("{}/config/sources/{code}.toml", env!("CARGO_MANIFEST_DIR"));
    let text = fs::read_to_string(&path).unwrap();
    Mapping::parse(&path, &text).unwrap_or_else(|error| panic!("{error}"))
}

/// Columns with short headings, for rows that no shipped layout has.
fn small() -> Mapping {
    let text = r#"
        code = "small"
        name = "小"
        [columns]
        name = "name"
        kind = "kind"
        reason = [["why", "why2"], ["more"]]
        document = "document"
        decided = "decided"
        from = "from"
        to = "to"
        state = "state"
        state_on = "on"
        state_until = "until"
        former_names = "former"
        [[identifier]]
        column = "uscc"
        kind = "uscc"
        [[identifier]]
        column = "id"
        kind_column = "id_kind"
        [[related]]
        role = "legal_representative"
        name = "rep"
        id = "rep_id"
        [values.kind]
        "法人（其他）" = "organisation"
        [values.identifier_kind]
        "身份证" = "resident_id"
        [values.state]
        "未移出" = "in_force"
        "中止" = "suspended"
        "已退出" = "exited"
        [[feed]]
        list = "full"
        files = "full-*"
        [[feed]]
        list = "gone"
        files = "gone-*"
        mode = "delta"
        state = "revoked"
    "#;
    Mapping::parse("small.toml", text).unwrap_or_else(|error| panic!("{error}"))
}

/// A row of the small mapping, given as `heading=cell`.
fn small_row(name: &str, cells: &[(&str, &str)]) -> Outcome {
    const HEADINGS: [&str; 18] = [
        "name", "kind", "why", "why2", "more", "document", "decided", "from", "to", "state", "on",
        "until", "former", "uscc", "id", "id_kind", "rep", "rep_id",
    ];
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(HEADINGS).unwrap();
    let cell_of =
        |heading: &str| cells.iter().find(|(key, _)| *key == heading).map_or("", |(_, cell)| *cell);
    writer.write_record(HEADINGS.map(cell_of)).unwrap();
    read_bytes(name, &writer.into_inner().unwrap(), &small()).unwrap()
}

fn day(text: &str) -> Option<Day> {
    Some(text.parse().unwrap())
}

const ID: &str = "身份证号/社会信用代码/组织机构代码/工商注册号";
const DEPARTMENT: &str = "当事人姓名/单位名称,身份证号/社会信用代码/组织机构代码/工商注册号,列入名单事由,发生时间,列入名单时间,有效期至";

fn department(rows: &str) -> Outcome {
    let text = format!("{DEPARTMENT}\n{rows}");
    read_bytes("aqsc-1.csv", text.as_bytes(), &shipped("department")).unwrap()
}

mod encodings {
    use super::*;

    /// With ASCII headings nothing else would tell: an even number of characters of UTF-8 reads as
    /// other characters of GB18030 without one fault.
    #[test]
    fn one_broken_byte_costs_one_row_and_mangles_none() {
        let mapping = shipped("xzcf");
        let mut bytes =
            "CF_XDR_MC,CF_XDR_SHXYM,CF_XDR_GSZC,CF_XDR_ZZJG,CF_XDR_SWDJ,CF_XDR_ZJHM,CF_JDRQ\n"
                .as_bytes()
                .to_vec();
        for row in 1..=40 {
            bytes.extend("苏州星河科技公司,,,,,,2026-01-02\n".as_bytes());
            if row == 7 {
                let at = bytes.len() - 20;
                bytes[at] = 0xff;
            }
        }
        let outcome = read_bytes("xzcf-1.csv", &bytes, &mapping).unwrap();
        assert_eq!(outcome.refused(), [(7, "", "encoding_broken")]);
        assert_eq!(outcome.entries.len(), 39);
        assert!(outcome.entries.iter().all(|entry| entry.subject.name == "苏州星河科技公司"));
    }

    #[test]
    fn the_first_chinese_character_may_stand_far_behind() {
        let mapping = small();
        let head = "name,from,uscc,id\n".to_owned() + &"Acme Ltd,2026-01-02,,\n".repeat(40_000);
        let text = head + "苏州星河科技公司,2026-01-02,,\n";
        for bytes in [text.as_bytes(), &encoding_rs::GB18030.encode(&text).0] {
            let outcome = read_bytes("full-1.csv", bytes, &mapping).unwrap();
            assert_eq!(outcome.entries.len(), 40_001);
            assert_eq!(outcome.entries[40_000].subject.name, "苏州星河科技公司");
        }
    }

    #[test]
    fn utf_16_as_spreadsheets_save_unicode_text() {
        let text = format!("\u{feff}{DEPARTMENT}\n星河公司,,事由,,2025-01-02,\n");
        let little: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let big: Vec<u8> = text.encode_utf16().flat_map(u16::to_be_bytes).collect();
        for bytes in [little, big] {
            let outcome = read_bytes("aqsc-1.csv", &bytes, &shipped("department")).unwrap();
            assert_eq!(outcome.only().subject.name, "星河公司");
        }
    }

    #[test]
    fn endings_in_capitals_are_formats_too() {
        let text = format!("{DEPARTMENT}\n星河公司,,事由,,2025-01-02,\n");
        read_bytes("aqsc-1.CSV", text.as_bytes(), &shipped("department")).unwrap().only();
    }
}

mod rows {
    use super::*;

    /// A file cut short ends in a row without its last day, which would be for ever.
    #[test]
    fn a_row_with_too_few_cells_is_no_permanent_one() {
        let outcome = department("甲公司,,事由,,2025-01-02,2026-01-01\n乙公司,,事由,,2025-01-0");
        assert_eq!(outcome.refused(), [(2, "", "too_few_cells")]);
        assert_eq!(outcome.entries.len(), 1);
        let trailing = department("甲公司,,事由,,2025-01-02,2026-01-01,,\n");
        assert_eq!(trailing.only().term.to, day("2026-01-01"), "empty cells behind are nothing");
    }

    #[test]
    fn blank_rows_are_counted_as_a_spreadsheet_shows_them() {
        for end in ["\n", "\r\n", "\r"] {
            let rows = ["", "甲公司,,,,2025-01-02,", ",,,,,", "", "", "乙公司,,,,2025-01-02,", ""];
            let outcome = department(&rows.join(end));
            let rows: Vec<u64> = outcome.entries.iter().map(|entry| entry.provenance.row).collect();
            assert_eq!(rows, [2, 6], "{end:?}");
        }
    }

    /// A row in open quotes would take along all that are behind it.
    #[test]
    fn quotes_that_are_not_closed_are_refused() {
        let open = |text: &str| {
            let read = read_bytes("full-1.csv", text.as_bytes(), &small());
            read.err().map(|error| error.to_string()).unwrap_or_default()
        };
        let head = "name,from,uscc,id\n甲公司,2025-01-02,,\n\n";
        for (rows, row) in [("\"乙公司,2025-01-02,,\n丙公司,2025-01-02,,\n", 3), ("\r\r\"", 5)]
        {
            let error = open(&format!("{head}{rows}"));
            assert!(error.contains(&format!("第 {row} 行的引号未闭合")), "{error}");
        }
        assert!(open("\"name,from,uscc,id\n甲公司,2025-01-02,,\n").contains("表头的引号未闭合"));
        assert_eq!(open(&format!("\u{feff}{head}\"乙\n公司\",2025-01-02,,\"\"")), "");
        assert!(open("\u{feff}").contains("文件为空"));
        let wide = format!("name,from,uscc,id{}\n", ",x".repeat(17_000));
        assert!(open(&wide).contains("表头多于 16384 列"));
    }

    #[test]
    fn a_heading_that_stands_twice_is_refused() {
        let text = "name,from,uscc,id,name\n甲公司,2025-01-02,,,乙公司\n";
        let error = read_bytes("full-1.csv", text.as_bytes(), &small()).err().unwrap().to_string();
        assert!(error.contains("full-1.csv") && error.contains("twice"), "{error}");
    }

    #[test]
    fn alternatives_are_taken_row_by_row_and_parts_joined_once() {
        let reason = |cells: &[(&str, &str)]| {
            let cells = [&[("name", "甲公司")], cells].concat();
            small_row("full-1.csv", &cells).only().reason.clone()
        };
        assert_eq!(reason(&[("why", "欠税"), ("why2", "逃税")]), "欠税");
        assert_eq!(reason(&[("why", "/"), ("why2", "逃税")]), "逃税");
        assert_eq!(reason(&[("why2", "逃税"), ("more", "拒不改正")]), "逃税；拒不改正");
        assert_eq!(reason(&[("why", "逃税"), ("more", "逃税")]), "逃税");
    }

    #[test]
    fn a_spreadsheets_error_is_no_empty_cell() {
        let outcome = department("甲公司,,事由,,2025-01-02,#N/A\n乙公司,#REF!,事由,,2025-01-02,\n");
        assert_eq!(outcome.refused(), [(1, "有效期至", "cell_error"), (2, ID, "cell_error")]);
    }

    #[test]
    fn what_a_clerk_wrote_in_another_words_costs_a_warning_not_the_row() {
        let outcome = small_row("full-1.csv", &[("name", "甲公司"), ("kind", "没听说过")]);
        assert_eq!(outcome.only().subject.kind, SubjectKind::Organisation);
        assert_eq!(outcome.warnings, 1);
        let narrow = small_row("full-1.csv", &[("name", "张三"), ("kind", "法人(其他)")]);
        assert_eq!((narrow.only().subject.kind, narrow.warnings), (SubjectKind::Organisation, 0));
    }

    #[test]
    fn long_values_are_refused_with_their_column() {
        let long = "长".repeat(400);
        for heading in ["name", "rep", "former"] {
            let mut cells = vec![(heading, long.as_str())];
            if heading != "name" {
                cells.push(("name", "甲公司"));
            }
            let outcome = small_row("full-1.csv", &cells);
            assert_eq!(outcome.refused(), [(1, heading, "value_too_long")]);
        }
    }
}

mod states {
    use super::*;

    #[test]
    fn a_day_of_exit_is_an_exit_and_a_feed_has_its_own_default() {
        let on = day("2026-01-01");
        let pause = Term { from: on, to: day("2026-06-30") };
        type Row<'a> = (&'a str, &'a [(&'a str, &'a str)], State, u32);
        let rows: [Row; 6] = [
            ("full-1.csv", &[], State::InForce, 0),
            ("full-1.csv", &[("on", "2026-01-01")], State::Exited(on), 0),
            ("full-1.csv", &[("state", "已退出"), ("on", "/")], State::Exited(None), 0),
            ("full-1.csv", &[("state", "未移出"), ("on", "2026-01-01")], State::InForce, 1),
            (
                "full-1.csv",
                &[("state", "中止"), ("on", "2026-01-01"), ("until", "2026-06-30")],
                State::Suspended(pause),
                0,
            ),
            ("gone-1.csv", &[], State::Revoked, 0),
        ];
        for (file, cells, state, warnings) in rows {
            let cells = [&[("name", "甲公司")], cells].concat();
            let outcome = small_row(file, &cells);
            assert_eq!((outcome.only().state, outcome.warnings), (state, warnings), "{cells:?}");
        }
    }

    #[test]
    fn days_of_a_term_or_a_state_are_never_guessed() {
        for (heading, cell) in [
            ("from", "2025-01-02至2026-01-01"),
            ("from", "永久"),
            ("from", "9999-12-31"),
            ("to", "三年"),
            ("to", "20270228天"),
            ("on", "去年"),
        ] {
            let outcome = small_row("full-1.csv", &[("name", "甲公司"), (heading, cell)]);
            assert_eq!(outcome.refused(), [(1, heading, "date_unreadable")], "{cell}");
        }
        let outcome = small_row("full-1.csv", &[("name", "甲公司"), ("decided", "某日")]);
        assert_eq!((outcome.only().decided, outcome.warnings), (None, 1));
        let ever = small_row("full-1.csv", &[("name", "甲公司"), ("to", "9999-12-31")]);
        assert_eq!(ever.only().term.to, None);
    }

    #[test]
    fn the_old_penalties_other_state_does_not_take_them_off() {
        let text = "CF_XDR_MC,CF_XDR_SHXYM,CF_XDR_ZDM,CF_XDR_GSDJ,CF_XDR_SWDJ,CF_XDR_SFZ,CF_JDRQ,CF_ZT\n甲公司,,,,,,20260102,3\n";
        let outcome = read_bytes("xzcfold-1.csv", text.as_bytes(), &shipped("xzcf_old")).unwrap();
        assert_eq!(outcome.only().state, State::InForce);
    }
}

mod identifiers {
    use super::*;

    /// Cells, and the kind and text of the identifiers, the mask, the subject's kind, warnings.
    #[test]
    fn values_are_what_their_form_says() {
        use IdentifierKind::*;
        use SubjectKind::*;
        type Row<'a> = (
            &'a [(&'a str, &'a str)],
            Option<(IdentifierKind, &'a str)>,
            Option<&'a str>,
            SubjectKind,
            u32,
        );
        let rows: [Row; 14] = [
            (&[("uscc", "MA000001-5")], Some((OrgCode, "MA0000015")), None, Organisation, 0),
            (
                &[("uscc", "320500000000001")],
                Some((RegistrationNumber, "320500000000001")),
                None,
                Organisation,
                0,
            ),
            (
                &[("uscc", "110101190001010006")],
                Some((ResidentId, "110101190001010006")),
                None,
                NaturalPerson,
                0,
            ),
            (
                &[("id", "91320500MA0000015D"), ("id_kind", "身份证")],
                Some((Uscc, "91320500MA0000015D")),
                None,
                Organisation,
                0,
            ),
            (
                &[("id", "11010119000101000A"), ("id_kind", "身份证")],
                Some((ResidentId, "11010119000101000A")),
                None,
                NaturalPerson,
                0,
            ),
            (
                &[("id", "110101190001010006"), ("id_kind", "居民证")],
                Some((ResidentId, "110101190001010006")),
                None,
                NaturalPerson,
                1,
            ),
            (&[("id", "1101011900XXXX0006")], None, Some("1101011900****0006"), NaturalPerson, 0),
            (&[("id", "1101011900●●●●0006")], None, Some("1101011900****0006"), NaturalPerson, 0),
            (&[("id", "******")], None, None, NaturalPerson, 1),
            (&[("id", "待补")], None, None, NaturalPerson, 1),
            (&[("id", "待补充信息")], None, None, NaturalPerson, 1),
            (
                &[("id", "军字第2001988号")],
                Some((Other, "军字第2001988号")),
                None,
                NaturalPerson,
                0,
            ),
            (&[("uscc", "00000000000000000X")], None, None, NaturalPerson, 0),
            (
                &[("uscc", "110101********0006"), ("id", "1101011900****0006")],
                None,
                Some("110101********0006"),
                NaturalPerson,
                1,
            ),
        ];
        for (cells, id, masked, kind, warnings) in rows {
            let cells = [&[("name", "张三丰")], cells].concat();
            let outcome = small_row("full-1.csv", &cells);
            let subject = &outcome.only().subject;
            let found = subject.ids.first().map(|id| (id.kind(), id.text()));
            let mask = subject.masked.as_ref().map(|masked| masked.text());
            assert_eq!(
                (found, mask, subject.kind, outcome.warnings),
                (id, masked, kind, warnings),
                "{cells:?}"
            );
        }
    }

    #[test]
    fn a_related_persons_hidden_number_is_left_out_and_counted() {
        let cells = [("name", "甲公司"), ("rep", "张三"), ("rep_id", "1101011900****0006")];
        let outcome = small_row("full-1.csv", &cells);
        assert_eq!((&outcome.only().subject.related[0].id, outcome.warnings), (&None, 1));
    }

    #[test]
    fn numbers_that_lost_their_digits_are_refused() {
        for (heading, cell) in [
            ("uscc", "3.2E+17"),
            ("id", "3E+17"),
            ("rep_id", "3.20500190001010e17"),
            ("document", "2.025E+15"),
        ] {
            let outcome = small_row("full-1.csv", &[("name", "甲公司"), (heading, cell)]);
            assert_eq!(outcome.refused(), [(1, heading, "digits_lost")], "{cell}");
        }
    }

    #[test]
    fn without_a_number_the_name_tells_the_kind() {
        let persons = [
            "张三",
            "欧阳修文",
            "买买提·艾合买提",
            "𠮷野家明",
            "Wang Fang",
            "ZHAO Xiao-min",
            "Xiaomin Zhao",
            "Lyu Xiao Min",
        ];
        let bodies = [
            "大众超市",
            "星河酒楼",
            "苏州星河科技有限公司",
            "张三便利店",
            "王记面馆",
            "红十字会",
            "苏州星河",
            "A股份",
            "老王商行",
            "Acme",
            "Apple Inc",
            "Tesla Motors",
            "John Deere",
            "Bao Li Co",
            "wang fang",
            "Xinghe",
            "Xinghe Keji",
            "Li Xinghe Keji",
            "第一小学",
            "李庄村委会",
        ];
        for (names, kind) in
            [(&persons[..], SubjectKind::NaturalPerson), (&bodies[..], SubjectKind::Organisation)]
        {
            for name in names {
                // four characters without a telling word may be either
                if *name == "苏州星河" {
                    continue;
                }
                assert_eq!(
                    small_row("full-1.csv", &[("name", name)]).only().subject.kind,
                    kind,
                    "{name}"
                );
            }
        }
    }
}

mod formats {
    use super::*;
    use arrow_array::types::Int32Type;
    use arrow_array::{
        ArrayRef, BinaryArray, Date32Array, Decimal128Array, DictionaryArray, Float32Array,
        Float64Array, Int64Array, ListArray, RecordBatch, StringArray, TimestampMillisecondArray,
    };
    use parquet::arrow::ArrowWriter;
    use parquet::file::properties::WriterProperties;
    use std::sync::Arc;

    fn parquet_of(columns: Vec<(&str, ArrayRef)>) -> Result<Outcome, SourceError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("full-1.parquet");
        let batch = RecordBatch::try_from_iter(columns).unwrap();
        let file = fs::File::create(&path).unwrap();
        let mut writer = ArrowWriter::try_new(file, batch.schema(), None).unwrap();
        writer.write(&batch).unwrap();
        writer.close().unwrap();
        read(&path, &small())
    }

    /// Columns beside the ones under test.
    fn with(columns: Vec<(&'static str, ArrayRef)>) -> Result<Outcome, SourceError> {
        let mut all: Vec<(&str, ArrayRef)> =
            vec![("name", Arc::new(StringArray::from(vec!["甲公司"])))];
        for heading in ["from", "uscc", "id"] {
            if !columns.iter().any(|(name, _)| *name == heading) {
                all.push((heading, Arc::new(StringArray::from(vec![None::<&str>]))));
            }
        }
        all.extend(columns);
        parquet_of(all)
    }

    const MIDNIGHT_IN_SHANGHAI: i64 = 1_735_747_200_000; // 2025-01-02T00:00+08:00

    #[test]
    fn parquet_instants_are_days_in_shanghai_and_local_times_are_what_they_say() {
        let instant = TimestampMillisecondArray::from(vec![MIDNIGHT_IN_SHANGHAI]);
        let outcome = with(vec![("from", Arc::new(instant.clone().with_timezone("UTC")))]).unwrap();
        assert_eq!(outcome.only().term.from, day("2025-01-02"));
        let outcome = with(vec![("from", Arc::new(instant))]).unwrap();
        assert_eq!(outcome.only().term.from, day("2025-01-01"));
        let evening = TimestampMillisecondArray::from(vec![MIDNIGHT_IN_SHANGHAI - 1]);
        let outcome = with(vec![("from", Arc::new(evening.with_timezone("UTC")))]).unwrap();
        assert_eq!(outcome.only().term.from, day("2025-01-01"), "with a time of day too");
    }

    #[test]
    fn no_parquet_type_is_read_as_nothing() {
        let to = |array: ArrayRef| with(vec![("to", array)]).unwrap().only().term.to;
        assert_eq!(to(Arc::new(Date32Array::from(vec![20_090]))), day("2025-01-02"));
        assert_eq!(to(Arc::new(Date32Array::from(vec![2_932_896]))), None, "9999-12-31");
        assert_eq!(to(Arc::new(Int64Array::from(vec![20250102]))), day("2025-01-02"));
        assert_eq!(to(Arc::new(Float64Array::from(vec![45_659.0]))), day("2025-01-02"));
        assert_eq!(to(Arc::new(BinaryArray::from(vec![&b"2025-01-02"[..]]))), day("2025-01-02"));
        let decimal = Decimal128Array::from(vec![20250102]).with_precision_and_scale(8, 0).unwrap();
        assert_eq!(to(Arc::new(decimal)), day("2025-01-02"));
        let words: DictionaryArray<Int32Type> = vec!["2025-01-02"].into_iter().collect();
        assert_eq!(to(Arc::new(words)), day("2025-01-02"));
        let list = ListArray::from_iter_primitive::<Int32Type, _, _>(vec![Some(vec![Some(1)])]);
        let error = with(vec![("to", Arc::new(list.clone()))]).err().unwrap().to_string();
        assert!(error.contains("full-1.parquet") && error.contains("\"to\""), "{error}");
        with(vec![("unmapped", Arc::new(list))]).unwrap().only();
    }

    #[test]
    fn numbers_in_parquet_keep_their_digits_or_are_refused() {
        let whole = with(vec![("id", Arc::new(Int64Array::from(vec![320_500_190_001_010_019])))]);
        assert_eq!(whole.unwrap().only().subject.ids[0].text(), "320500190001010019");
        let lost =
            with(vec![("id", Arc::new(Float64Array::from(vec![320_500_190_001_010_019.0])))]);
        assert_eq!(lost.unwrap().refused(), [(1, "id", "digits_lost")]);
        let lost = with(vec![("id", Arc::new(Float32Array::from(vec![50_000_000.0])))]).unwrap();
        assert_eq!(lost.refused(), [(1, "id", "digits_lost")]);
        assert!(lost.rejects[0].text.contains("50000000"), "as they are");
    }

    #[test]
    fn json_lines_of_another_layout_are_no_empty_feed() {
        let other = br#"{"name":"x","form":"2025-01-02","uscc":"","id":""}"#;
        let error = read_bytes("full-1.jsonl", other, &small()).err().unwrap().to_string();
        assert!(error.contains("full-1.jsonl") && error.contains("from"), "{error}");
        // what is null in the first line may be left out there
        let sparse = concat!(
            "{\"name\":\"甲公司\"}\n",
            "\n",
            "{\"name\":\"乙公司\",\"from\":\"2025-01-02\",\"uscc\":null,\"id\":320500190001010019}\n"
        );
        let outcome = read_bytes("full-1.jsonl", sparse.as_bytes(), &small()).unwrap();
        assert_eq!(outcome.entries[1].subject.ids[0].text(), "320500190001010019");
        assert_eq!(outcome.entries[1].provenance.row, 3);
    }

    #[test]
    fn json_values_that_are_no_text_refuse_the_row() {
        let lines = concat!(
            "{\"name\":\"甲公司\",\"from\":\"2025-01-02\",\"uscc\":\"\",\"id\":\"\"}\n",
            "{\"name\":{\"zh\":\"甲公司\"}}\n",
            "[1]\n",
            "{\"name\":\"甲公司\",\"id\":320500190001010019.0}\n",
        );
        let outcome = read_bytes("full-1.jsonl", lines.as_bytes(), &small()).unwrap();
        let expected = [(2, "", "syntax"), (3, "", "syntax"), (4, "id", "digits_lost")];
        assert_eq!(outcome.refused(), expected);
    }

    fn book(rows: &[Vec<&str>]) -> PathBuf {
        let path = tempfile::tempdir().unwrap().keep().join("full-1.xlsx");
        let mut book = rust_xlsxwriter::Workbook::new();
        let sheet = book.add_worksheet();
        for (row, cells) in rows.iter().enumerate() {
            for (column, cell) in cells.iter().enumerate() {
                sheet.write(row as u32, column as u16, *cell).unwrap();
            }
        }
        book.save(&path).unwrap();
        path
    }

    #[test]
    fn rows_of_a_sheet_are_numbered_as_it_shows_them_and_bounded() {
        let long = "长".repeat(32_000);
        let mut rows =
            vec![vec!["name", "from", "uscc", "id"], vec!["甲公司", "2025-01-02"], vec![]];
        rows.push(vec!["乙公司", "2025-01-02"]);
        rows.push(vec!["丙公司", "2025-01-02", "", "", ""]);
        rows.extend([[vec!["丁公司"], vec![long.as_str(); 12]].concat()]);
        let path = book(&rows);
        let outcome = read(&path, &small()).unwrap();
        fs::remove_dir_all(path.parent().unwrap()).unwrap();
        let numbers: Vec<u64> = outcome.entries.iter().map(|entry| entry.provenance.row).collect();
        assert_eq!(numbers, [1, 3, 4]);
        assert_eq!(outcome.refused(), [(5, "", "row_too_long")]);
        assert!(outcome.rejects[0].text.len() < 100_000);
        // Far to the right too.
        let far = |row: &[&'static str], last| [row, &["x"; 1_500], &[last]].concat();
        let row = far(&["甲公司", "2025-01-02", ""], "91320500MA0000015D");
        let path = book(&[far(&["name", "from", "uscc"], "id"), row]);
        let outcome = read(&path, &small()).unwrap();
        fs::remove_dir_all(path.parent().unwrap()).unwrap();
        assert_eq!(outcome.entries[0].subject.ids[0].text(), "91320500MA0000015D");
    }

    /// Two gigabytes as rows, if all were made at once.
    #[test]
    fn a_long_text_in_every_row_of_parquet_is_read_some_rows_at_once() {
        let rows = 1_100;
        let column = |text: String| -> ArrayRef {
            let (keys, values) = (vec![0; rows].into(), StringArray::from(vec![text]));
            Arc::new(DictionaryArray::<Int32Type>::new(keys, Arc::new(values)))
        };
        let columns = [("name", column("x".repeat(2 << 20))), ("from", column("20250101".into()))];
        let batch = RecordBatch::try_from_iter(columns).unwrap();
        let mut bytes = Vec::new();
        let of_long_texts = WriterProperties::builder().set_dictionary_page_size_limit(8 << 20);
        let properties = Some(of_long_texts.build());
        let mut writer = ArrowWriter::try_new(&mut bytes, batch.schema(), properties).unwrap();
        writer.write(&batch).unwrap();
        writer.close().unwrap();
        assert!(bytes.len() < 3 << 20);
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("full-1.parquet");
        fs::write(&path, bytes).unwrap();
        let mapping = small();
        let feed = Feed::open(&path, &mapping.layout).unwrap();
        let mut faults = Vec::new();
        let mut sink = |batch: Batch| {
            faults.extend(batch.rows().map(|row| row.fault));
            Ok(())
        };
        feed.read(&wanted(&mapping), &mut |_| Ok(()), &mut sink).unwrap();
        assert_eq!(faults, vec![Some(Fault::TooLong); rows]);
    }

    /// A workbook of a part, as a hostile hand would write it.
    fn package(name: &str, part: &str) -> Vec<u8> {
        use std::io::Write;
        let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
        let options = zip::write::SimpleFileOptions::default();
        zip.start_file(name, options).unwrap();
        zip.write_all(part.as_bytes()).unwrap();
        zip.finish().unwrap().into_inner()
    }

    #[test]
    fn a_workbook_that_unpacks_to_a_giant_cell_is_refused_before_it_is_read() {
        let text = format!("<sst><si><t>{}</t></si></sst>", "0".repeat(65 << 20));
        // A sheet may be where its workbook says, under any name.
        for name in ["xl/sharedStrings.xml", "xl/media/Sheet1.png"] {
            let bomb = package(name, &text);
            assert!(bomb.len() < 1 << 20);
            let error = read_bytes("full-1.xlsx", &bomb, &small()).err().unwrap().to_string();
            let name = name.to_lowercase();
            assert!(error.contains("full-1.xlsx") && error.contains(&name), "{error}");
            assert!(error.contains("holds a text of more than"), "{error}");
        }
    }

    /// What lies among sheets is not kept, and so not bounded as a whole.
    #[test]
    fn a_workbook_that_lies_among_its_sheets_is_refused() {
        for target in ["xl/Worksheets/book.xml", "xl/work&#115;heets/book.xml"] {
            let relations =
                format!("<Relationships><Relationship Target='{target}'/></Relationships>");
            let book = package("_rels/.rels", &relations);
            let error = read_bytes("full-1.xlsx", &book, &small()).err().unwrap().to_string();
            assert!(error.contains("among its sheets"), "{error}");
        }
    }

    #[test]
    fn an_old_workbook_that_asks_for_more_than_a_sheet_is_refused_before_it_is_read() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/source/aqsc-old.xls");
        let sound = fs::read(path).unwrap();
        let at = |record: &[u8]| memchr::memmem::rfind(&sound, record).unwrap();
        // Its last cell, far away; its extent, stated as all there is.
        let cell = at(&[0xfd, 0, 10, 0]) + 4;
        let extent = at(&[0, 2, 14, 0]) + 4;
        for (at, bytes) in [
            (cell, &[0xff, 0xff, 0xff, 0xff][..]),
            (extent, &[0, 0, 0, 0, 0xff, 0xff, 0, 0, 0, 0, 0xff, 0xff]),
        ] {
            let mut hostile = sound.clone();
            hostile[at..at + bytes.len()].copy_from_slice(bytes);
            let error = read_bytes("aqsc-1.xls", &hostile, &shipped("department"));
            let error = error.err().unwrap().to_string();
            assert!(error.contains("one full sheet"), "{error}");
        }
    }

    #[test]
    fn the_date_system_of_1904_is_refused() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/source/aqsc-1904.xls");
        let error = read(Path::new(path), &shipped("department")).err().unwrap().to_string();
        assert!(error.contains("counts days from 1904"), "{error}");
    }

    #[test]
    fn a_file_under_anothers_ending_says_so() {
        let rows: [(&str, &[u8], &str); 4] = [
            ("full-1.xls", b"PK\x03\x04....", ".xlsx"),
            ("full-1.xlsx", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "password"),
            ("full-1.xls", b"<html><table>", "HTML"),
            ("full-1.parquet", b"name,from\n", "cut short"),
        ];
        for (name, bytes, hint) in rows {
            let error = read_bytes(name, bytes, &small()).err().unwrap().to_string();
            assert!(error.contains(name) && error.contains(hint), "{error}");
        }
    }
}

mod mappings {
    use super::*;

    #[test]
    fn all_mistakes_of_a_file_are_told_at_once_with_their_lines() {
        let text = "code = 'x'\nname = 'y'\nnonsense = 1\n[layout]\ndelimiter = '，'\n[columns]\nname = 'n'\nfrum = 'f'\nto = 3\n[[identifier]]\ncolumn = 'i'\nkind = 'passprt'\n[[feed]]\nlist = 'l'\nfiles = '['\n[[feed]]\nlist = ''\nfiles = 'l-*'\nregion = 99\n";
        let error = Mapping::parse("bad.toml", text).unwrap_err();
        let all = error.to_string();
        for (line, word) in [
            (3, "nonsense"),
            (5, "delimiter"),
            (8, "frum"),
            (9, "to"),
            (12, "passprt"),
            (13, "files"),
            (16, "list"),
            (16, "region"),
        ] {
            let found = error.mistakes.iter().any(|mistake| {
                mistake.starts_with(&format!("bad.toml:{line}: ")) && mistake.contains(word)
            });
            assert!(found, "line {line} {word}: {all}");
        }
        let syntax = Mapping::parse("bad.toml", "code = \nname = \n").unwrap_err();
        assert_eq!(syntax.mistakes.len(), 2, "{syntax}");
    }
}

mod rejects {
    use super::*;

    #[test]
    fn no_cell_of_the_rejects_file_is_a_formula_and_no_log_line_holds_its_text() {
        let outcome = department("=cmd|calc,,,,明天,\n");
        let mut reject = outcome.rejects[0].clone();
        assert!(!format!("{reject:?}").contains("calc"));
        reject.file = "@file".to_owned();
        reject.column = "+column".to_owned();
        let mut out = Vec::new();
        let mut writer = RejectWriter::new(&mut out).unwrap();
        writer.write(&reject).unwrap();
        assert_eq!(writer.finish().unwrap(), 1);
        let text = String::from_utf8(out).unwrap();
        let record = text.lines().nth(1).unwrap();
        for cell in ["'=cmd", "'@file", "'+column"] {
            assert!(record.contains(cell), "{record}");
        }
    }
}

mod properties {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]

        /// Nothing is lost in silence: every row that is not blank is an entry or a reject.
        #[test]
        fn every_row_is_an_entry_or_a_reject(cells in prop::collection::vec("[a-z0-9甲乙\"/, \n-]{0,8}", 1..40)) {
            let mut writer = csv::Writer::from_writer(Vec::new());
            writer.write_record(["name", "from", "uscc", "id"]).unwrap();
            let mut rows = 0;
            for row in cells.chunks_exact(4) {
                writer.write_record(row).unwrap();
                rows += usize::from(row.iter().any(|cell| !cell.trim().is_empty()));
            }
            let bytes = writer.into_inner().unwrap();
            let outcome = read_bytes("full-1.csv", &bytes, &small()).unwrap();
            prop_assert_eq!(outcome.entries.len() + outcome.rejects.len(), rows);
        }

        /// The date reader takes any text.
        #[test]
        fn any_text_is_a_day_or_is_not(text in "\\PC{0,24}") {
            let _ = crate::source::date::read_end(&text);
        }
    }
}
