//! Feeds: every shipped layout, every encoding and format, bad rows and bad files.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use xincha::record::{Day, Entry, Role, State, SubjectKind};
use xincha::source::mapper::wanted;
use xincha::source::{Feed, Mapper, Mapping, Reject, SourceError};

fn shipped(code: &str) -> Mapping {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/sources");
    let all = Mapping::load_folder(&folder).unwrap_or_else(|error| panic!("{error}"));
    all.into_iter().find(|mapping| mapping.code == code).expect("a shipped mapping")
}

/// Everything of a file: entries, rejects, warnings.
fn read(path: &Path, mapping: &Mapping) -> Result<(Vec<Entry>, Vec<Reject>, u32), SourceError> {
    let feed = mapping
        .feeds
        .iter()
        .find(|feed| feed.matcher().unwrap().is_match(path.file_name().unwrap()))
        .expect("a feed for the file's name");
    let mapper = std::cell::OnceCell::new();
    let (mut entries, mut rejects, mut warnings) = (Vec::new(), Vec::new(), 0);
    Feed::open(path, &mapping.layout)?.read(
        &wanted(mapping),
        &mut |headings| {
            let made = Mapper::new(mapping, feed, path, headings)?;
            assert!(mapper.set(made).is_ok());
            Ok(())
        },
        &mut |batch| {
            for row in batch.rows() {
                match mapper.get().unwrap().map(row) {
                    Ok(mapped) => {
                        warnings += mapped.warnings;
                        entries.push(mapped.entry);
                    }
                    Err(reject) => rejects.push(*reject),
                }
            }
            Ok(())
        },
    )?;
    Ok((entries, rejects, warnings))
}

fn file(folder: &tempfile::TempDir, name: &str, bytes: &[u8]) -> PathBuf {
    let path = folder.path().join(name);
    fs::File::create(&path).unwrap().write_all(bytes).unwrap();
    path
}

/// A file of one row, which is as wide as its headings.
fn csv_of(headings: &str, row: &str) -> String {
    format!("{headings}\n{}\n", padded(headings, row))
}

/// A row with empty cells behind, up to the width of the headings.
fn padded(headings: &str, row: &str) -> String {
    let missing = headings.matches(',').count().saturating_sub(row.matches(',').count());
    format!("{row}{}", ",".repeat(missing))
}

fn one(name: &str, code: &str, headings: &str, row: &str) -> Entry {
    let folder = tempfile::tempdir().unwrap();
    let path = file(&folder, name, csv_of(headings, row).as_bytes());
    let (mut entries, rejects, warnings) =
        read(&path, &shipped(code)).unwrap_or_else(|error| panic!("{error}"));
    assert!(rejects.is_empty(), "{rejects:?}");
    assert_eq!((entries.len(), warnings), (1, 0));
    entries.remove(0)
}

fn day(text: &str) -> Option<Day> {
    Some(text.parse().unwrap())
}

fn ids(entry: &Entry) -> Vec<&str> {
    entry.subject.ids.iter().map(|id| id.text()).collect()
}

#[test]
fn the_current_penalty_layout() {
    let headings = "CF_XDR_MC,CF_XDR_LB,CF_XDR_SHXYM,CF_XDR_GSZC,CF_XDR_ZZJG,CF_XDR_SWDJ,CF_XDR_SYDW,CF_XDR_SHZZ,CF_FRDB,CF_FR_ZJLX,CF_FR_ZJHM,CF_XDR_ZJLX,CF_XDR_ZJHM,CF_WSH,CF_WFXW,CF_SY,CF_YJ,CF_CFLB,CF_NR,CF_NR_FK,CF_JDRQ,CF_YXQ,CF_GSJZQ,CF_CFJG,CF_CFJGDM,CF_SJLY,CF_SJLYDM,BZ";
    let row = "苏州星河科技有限公司,法人及非法人组织,91320500ma0000015d,/,MA000001-5,91320500MA0000015D,无,,张三,护照号,E12345678,,,苏市监罚〔2026〕1号,虚假宣传,事实,依据,罚款,罚款一万元,1,2026/3/1,2099-12-31,2027-02-28,苏州市市场监督管理局,1,2,3,";
    let entry = one("xzcf-1.csv", "xzcf", headings, row);
    assert_eq!((entry.list.as_str(), entry.subject.kind), ("xzcf", SubjectKind::Organisation));
    assert_eq!(ids(&entry), ["91320500MA0000015D", "MA0000015"]);
    assert_eq!((entry.term.from, entry.term.to), (day("2026-03-01"), None));
    assert_eq!(entry.publicity_until, day("2027-02-28"));
    assert_eq!(
        (entry.reason.as_str(), entry.document.as_str()),
        ("虚假宣传", "苏市监罚〔2026〕1号")
    );
    assert_eq!((entry.authority.as_str(), entry.region), ("苏州市市场监督管理局", 320500));
    let representative = &entry.subject.related[0];
    assert_eq!(
        (representative.role, representative.name.as_str()),
        (Role::LegalRepresentative, "张三")
    );
    assert_eq!(representative.id.as_ref().unwrap().text(), "E12345678");
    assert_eq!((entry.provenance.file.as_str(), entry.provenance.row), ("xzcf-1.csv", 1));
}

#[test]
fn the_former_penalty_layout() {
    let headings = "CF_WSH,CF_CFMC,CF_CFLB1,CF_SY,CF_YJ,CF_XDR_MC,CF_XDR_SHXYM,CF_XDR_ZDM,CF_XDR_GSDJ,CF_XDR_SWDJ,CF_XDR_SFZ,CF_FR,CF_JG,CF_JDRQ,CF_XZJG,CF_ZT,DFBM,SJC,BZ,CF_GSJZQ";
    let row = "1号,处罚,罚款,事由,依据,张三,,,,,110101190001010006,,,20200301,苏州市公安局,2,320505,20200302,,长期";
    let entry = one("xzcfold-1.csv", "xzcf_old", headings, row);
    assert_eq!((entry.list.as_str(), entry.subject.kind), ("xzcf", SubjectKind::NaturalPerson));
    assert_eq!(
        (ids(&entry), entry.region, entry.objection),
        (vec!["110101190001010006"], 320505, true)
    );
    assert_eq!((entry.term.from, entry.term.to), (day("2020-03-01"), None));
}

#[test]
fn the_permit_layout() {
    let headings = "XK_XDR_MC,XK_XDR_LB,XK_XDR_SHXYM,XK_XDR_GSZC,XK_XDR_ZZJG,XK_XDR_SWDJ,XK_FRDB,XK_FR_ZJLX,XK_FR_ZJHM,XK_XDR_ZJLX,XK_XDR_ZJHM,XK_XKWS,XK_WSH,XK_XKLB,XK_XKZS,XK_XKBH,XK_NR,XK_JDRQ,XK_YXQZ,XK_YXQ,XK_XKJG,XK_XKJGDM,XK_ZT,XK_LYDW,XK_LYDWDM,BZ";
    let row = "吴中区老王面馆,个体工商户,92320508MA1ABCDE8A,,,,王五,身份证,320500190001010019,,,,许字1号,核准,食品经营许可证,1,食品经营,2026-01-01,2026-01-02,2031-01-01,吴中区行政审批局,1,1,,,";
    let entry = one("xzxk-1.csv", "xzxk", headings, row);
    assert_eq!(
        (entry.list.as_str(), entry.subject.kind),
        ("xzxk", SubjectKind::IndividualBusiness)
    );
    assert_eq!((entry.term.from, entry.term.to), (day("2026-01-02"), day("2031-01-01")));
}

const COURT: &str = "被执行人姓名/名称,身份证号码/组织机构代码,法定代表人或者负责人姓名,执行法院,地域名称,执行依据文号,立案时间,案号,做出执行依据单位,生效法律文书确定的义务,被执行人的履行情况,失信被执行人行为具体情形,发布时间,屏蔽时间";

#[test]
fn the_court_layout() {
    let row = "李四,1101011900****0006,,苏州市中级人民法院,江苏,(2024)苏05民初1号,2024年05月06日,(2025)苏05执1号,法院,\"支付\n货款\",全部未履行,违反财产报告制度,2025年3月1日,";
    let entry = one("sxbzxr-1.csv", "sxbzxr", COURT, row);
    assert_eq!((entry.list.as_str(), entry.subject.kind), ("sxbzxr", SubjectKind::NaturalPerson));
    assert_eq!(entry.subject.masked.as_ref().unwrap().text(), "1101011900****0006");
    assert_eq!(
        (entry.term.from, entry.term.to, entry.decided),
        (day("2025-03-01"), None, day("2024-05-06"))
    );
    let row = "苏州星河科技有限公司,MA000001-5,张三,苏州市中级人民法院,江苏,,,(2025)苏05执2号,,,,有履行能力而拒不履行,2025-03-01,2027-02-28";
    let entry = one("xzxfry-1.csv", "sxbzxr", COURT, row);
    assert_eq!((entry.list.as_str(), ids(&entry)), ("xzxfry", vec!["MA0000015"]));
    assert_eq!(entry.subject.related[0].id, None);
}

#[test]
fn the_wage_layout_and_its_states() {
    let headings = "用人单位名称,统一社会信用代码,法定代表人姓名,法定代表人证件号码,列入日期,预计移出日期,列入部门,列入决定书文号,列入事由,列入依据,移出状态,移出日期,延长期限理由";
    let rows: [(&str, State, bool); 4] = [
        ("未移出,,", State::InForce, false),
        ("已移出,2026-01-01,", State::Exited(day("2026-01-01")), false),
        ("已修复,2026-01-01,", State::Repaired, false),
        ("延长,,继续拖欠", State::InForce, true),
    ];
    for (end, state, extended) in rows {
        let row = format!(
            "苏州明珠建设有限公司,91320505MA0000023G,张三,320500190001010019,43659,2028.3.1,苏州市人社局,1号,拖欠,条例,{end}"
        );
        let entry = one("tqnmggz-1.csv", "tqnmggz", headings, &row);
        assert_eq!((entry.state, entry.extended), (state, extended), "{end}");
        assert_eq!((entry.term.from, entry.term.to), (day("2019-07-13"), day("2028-03-01")));
        assert_eq!(entry.subject.related[0].id.as_ref().unwrap().text(), "320500190001010019");
    }
}

#[test]
fn the_procurement_layout() {
    let headings = "供应商名称,统一社会信用代码/组织机构代码,供应商地址,严重违法失信行为的具体情形,处罚依据,处罚结果,记录日期,处罚结束日期,执法单位";
    let row = "苏州星河科技有限公司,９１３２０５００ＭＡ０００００１５Ｄ,苏州,提供虚假材料,政府采购法,禁止参加,2025-07-01,2035-06-30,江苏省财政厅";
    let entry = one("zfcg_yzwf-1.csv", "zfcg_yzwf", headings, row);
    assert_eq!((entry.list.as_str(), ids(&entry)), ("zfcg_yzwf", vec!["91320500MA0000015D"]));
    assert_eq!(entry.authority, "江苏省财政厅");
}

const DEPARTMENT: &str = "当事人姓名/单位名称,身份证号/社会信用代码/组织机构代码/工商注册号,列入名单事由,发生时间,列入名单时间,有效期至,曾用名,法定代表人,法定代表人证件号码,文书号,状态,移出时间,认定部门";

#[test]
fn the_department_layout_mixes_kinds_in_one_column() {
    let rows = [
        ("91320500MA0000015D", SubjectKind::Organisation),
        ("MA000001-5", SubjectKind::Organisation),
        ("320500000000001", SubjectKind::Organisation),
        ("92320508MA1ABCDE8A", SubjectKind::IndividualBusiness),
        ("110101190001010006", SubjectKind::NaturalPerson),
        ("苏E12345", SubjectKind::Vehicle),
    ];
    for (id, kind) in rows {
        let row =
            format!("某某,{id},事由,2025/1/1,2025-01-02,永久,旧名一、旧名二,,,文1,异议,,应急局");
        let entry = one("aqsc-1.csv", "department", DEPARTMENT, &row);
        assert_eq!(
            (entry.list.as_str(), entry.subject.kind, entry.objection),
            ("aqsc", kind, true),
            "{id}"
        );
        assert_eq!(entry.subject.other_names.len(), 2);
        assert_eq!((entry.term.to, entry.decided), (None, day("2025-01-01")));
    }
    let former = "旧名一（至2024-01-01）、旧名二(集团)；旧名（苏州）（2019年7月13日至2024/3/31）；别名（2019-07-13至今）；（至2024-01-01）";
    let row =
        format!("某某,91320500MA0000015D,事由,2025/1/1,2025-01-02,永久,{former},,,文1,,,应急局");
    let names = one("aqsc-1.csv", "department", DEPARTMENT, &row).subject.other_names;
    let names: Vec<_> = names.iter().map(|former| (&*former.name, former.until)).collect();
    let (first, third) = (day("2024-01-01"), day("2024-03-31"));
    assert_eq!(
        names,
        [
            ("旧名一", first),
            ("旧名二(集团)", None),
            ("旧名（苏州）", third),
            ("别名", None),
            ("（至2024-01-01）", None)
        ]
    );
    // the plain form of the domain, with its own heading for the reason and nothing optional
    let headings = "当事人姓名/单位名称,身份证号/社会信用代码/组织机构代码/工商注册号,列入红/黑名单事由,发生时间,列入名单时间";
    let entry = one(
        "zyz-1.csv",
        "department",
        headings,
        "王芳,320500190001010019,无偿献血,2025-01-01,2025-01-02",
    );
    assert_eq!(
        (entry.list.as_str(), entry.reason.as_str(), entry.authority.as_str()),
        ("zyz", "无偿献血", "团市委")
    );
}

#[test]
fn the_red_list_layout() {
    let headings = "纳税人名称,纳税人识别号,评价年度,主管税务机关,有效期自,有效期至";
    let row = "苏州明珠建设有限公司,91320505MA0000023G,2025,苏州市税务局,2026-04-01,2027-03-31";
    let entry = one("nsxy_a-1.csv", "red_tax", headings, row);
    assert_eq!((entry.list.as_str(), ids(&entry)), ("nsxy_a", vec!["91320505MA0000023G"]));
    // an older taxpayer number that is none of the USCC's form keeps its kind
    let row = "苏州明珠建设有限公司,320505MA0000023,2025,苏州市税务局,2026-04-01,2027-03-31";
    assert_eq!(ids(&one("nsxy_a-1.csv", "red_tax", headings, row)), ["320505MA0000023"]);
}

/// One table in every encoding and format gives the same entries.
#[test]
fn encodings_and_formats_agree() {
    let rows: [[&str; 5]; 3] = [
        [
            "苏州星河科技有限公司",
            "91320500MA0000015D",
            "逃税,\n情节严重",
            "2025-01-01",
            "2025-01-02",
        ],
        ["张三", "110101190001010006", "说“谎”", "2025/1/1", "2025年1月2日"],
        ["李四", "320500190001010019", "其他", "无", "45659"],
    ];
    let headings: Vec<&str> = DEPARTMENT.split(',').take(5).collect();
    let folder = tempfile::tempdir().unwrap();
    let mut plain = Vec::new();
    {
        let mut writer = csv::Writer::from_writer(&mut plain);
        writer.write_record(&headings).unwrap();
        rows.iter().for_each(|row| writer.write_record(row).unwrap());
        writer.flush().unwrap();
    }
    let text = String::from_utf8(plain.clone()).unwrap();
    file(&folder, "aqsc-utf8.csv", &plain);
    file(&folder, "aqsc-bom.csv", &[b"\xef\xbb\xbf", &plain[..]].concat());
    file(&folder, "aqsc-gb.csv", &encoding_rs::GB18030.encode(&text).0);
    file(
        &folder,
        "aqsc-crlf.txt",
        text.replace("\n", "\r\n").replace(",\r\n情", ",\n情").as_bytes(),
    );
    let lines: Vec<String> = rows
        .iter()
        .map(|row| {
            let object: serde_json::Map<String, serde_json::Value> = headings
                .iter()
                .zip(row)
                .map(|(key, cell)| ((*key).to_owned(), (*cell).into()))
                .collect();
            serde_json::to_string(&object).unwrap()
        })
        .collect();
    file(&folder, "aqsc-lines.jsonl", lines.join("\n").as_bytes());
    let mut book = rust_xlsxwriter::Workbook::new();
    let sheet = book.add_worksheet();
    for (column, heading) in headings.iter().enumerate() {
        sheet.write(0, column as u16, *heading).unwrap();
        for (row, cells) in rows.iter().enumerate() {
            sheet.write(row as u32 + 1, column as u16, cells[column]).unwrap();
        }
    }
    // the last row's listing day as a real date, and a blank row between
    let date = rust_xlsxwriter::ExcelDateTime::from_ymd(2025, 1, 2).unwrap();
    let format = rust_xlsxwriter::Format::new().set_num_format("yyyy-mm-dd");
    sheet.write_with_format(3, 4, &date, &format).unwrap();
    book.save(folder.path().join("aqsc-book.xlsx")).unwrap();
    write_parquet(&folder.path().join("aqsc-table.parquet"), &headings, &rows);

    let mapping = shipped("department");
    let mut all: Vec<(String, Vec<Entry>)> = Vec::new();
    for entry in fs::read_dir(folder.path()).unwrap() {
        let path = entry.unwrap().path();
        let (mut entries, rejects, _) = read(&path, &mapping).unwrap();
        assert!(rejects.is_empty(), "{}: {rejects:?}", path.display());
        entries.iter_mut().for_each(|entry| entry.provenance.file.clear());
        all.push((path.display().to_string(), entries));
    }
    assert_eq!((all.len(), all[0].1.len()), (7, 3));
    assert_eq!(all[0].1[0].reason, "逃税,\n情节严重");
    assert_eq!(all[0].1[2].term.from, day("2025-01-02"));
    for (path, entries) in &all {
        assert_eq!(entries, &all[0].1, "{path} against {}", all[0].0);
    }
}

fn write_parquet(path: &Path, headings: &[&str], rows: &[[&str; 5]]) {
    use arrow_array::{ArrayRef, RecordBatch, StringArray};
    use std::sync::Arc;
    let columns: Vec<(&str, ArrayRef)> = headings
        .iter()
        .enumerate()
        .map(|(at, heading)| {
            let cells: Vec<&str> = rows.iter().map(|row| row[at]).collect();
            (*heading, Arc::new(StringArray::from(cells)) as ArrayRef)
        })
        .collect();
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let file = fs::File::create(path).unwrap();
    let mut writer = parquet::arrow::ArrowWriter::try_new(file, batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
}

/// The old Excel format, from a small book made once with xlwt.
#[test]
fn the_old_excel_format() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/source/aqsc-old.xls");
    let (entries, rejects, _) = read(&path, &shipped("department")).unwrap();
    assert!(rejects.is_empty());
    assert_eq!(ids(&entries[0]), ["91320500MA0000015D"]);
    assert_eq!((entries.len(), entries[1].term.from), (2, day("2025-01-02")));
}

#[test]
fn unusable_rows_are_rejected_with_row_column_reason_and_text() {
    let rows: [(&str, &str, &str); 9] = [
        (",91320500MA0000015D,事由,,2025-01-01", "当事人姓名/单位名称", "name_missing"),
        ("甲,91320500MA0000015D,事由,,明天", "列入名单时间", "date_unreadable"),
        ("甲,91320500MA0000015D,事由,,2025-02-30", "列入名单时间", "date_unreadable"),
        ("甲,91320500MA0000015D,事由,,2025-01-02,2025-01-01", "有效期至", "term_reversed"),
        ("甲,91320500MA0000015D,事由,,2025-01-01,,,,,,没听说过", "状态", "value_unknown"),
        (
            "甲,3.2E+17,事由,,2025-01-01",
            "身份证号/社会信用代码/组织机构代码/工商注册号",
            "digits_lost",
        ),
        ("甲,1,2,3,2025-01-01,5,6,7,8,9,10,11,12,13,14", "", "too_many_cells"),
        ("甲\u{fffd},91320500MA0000015D,事由,,2025-01-01", "", "encoding_broken"),
        ("{long},91320500MA0000015D,事由,,2025-01-01", "当事人姓名/单位名称", "value_too_long"),
    ];
    let folder = tempfile::tempdir().unwrap();
    for (row, column, reason) in rows {
        let row = padded(DEPARTMENT, &row.replace("{long}", &"长".repeat(400)));
        let good = padded(DEPARTMENT, "乙,,事由,,2025-01-01");
        let path = file(
            &folder,
            "aqsc-1.csv",
            format!("{DEPARTMENT}\n{good}\n{row}\n{good}\n").as_bytes(),
        );
        let (entries, rejects, _) = read(&path, &shipped("department")).unwrap();
        assert_eq!((entries.len(), rejects.len()), (2, 1), "{row}");
        let reject = &rejects[0];
        assert_eq!(
            (reject.row, reject.column.as_str(), reject.reason.code()),
            (2, column, reason),
            "{row}"
        );
        assert_eq!((reject.source.as_str(), reject.file.as_str()), ("department", "aqsc-1.csv"));
        assert!(!reject.text.is_empty());
    }
}

#[test]
fn what_is_only_informative_warns_and_placeholders_are_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let row = "甲公司,00000000000000000X,事由,某日,2025-01-01";
    let path = file(&folder, "aqsc-1.csv", csv_of(DEPARTMENT, row).as_bytes());
    let (entries, rejects, warnings) = read(&path, &shipped("department")).unwrap();
    assert!(rejects.is_empty() && entries[0].subject.ids.is_empty());
    assert_eq!((warnings, entries[0].decided), (1, None));
}

#[test]
fn files_that_cannot_be_read_say_why() {
    let folder = tempfile::tempdir().unwrap();
    let long = format!("{DEPARTMENT}\n甲,\"{}", "长".repeat(600_000));
    let rows: [(&str, &[u8], &str); 7] = [
        ("aqsc-1.csv", b"a,b,c\n1,2,3\n", "is missing"),
        ("aqsc-1.csv", b"", "is missing"),
        ("aqsc-1.csv", long.as_bytes(), "unbalanced quote"),
        ("aqsc-1.xlsx", b"PK\x03\x04 cut", "not a sound .xlsx"),
        ("aqsc-1.xls", b"nothing of the kind", "not a sound .xls"),
        ("aqsc-1.parquet", b"PAR1", "not a sound Parquet"),
        ("aqsc-1.jsonl", &[b'{'; 1 << 21], "row 1 is longer"),
    ];
    for (name, bytes, expected) in rows {
        let path = file(&folder, name, bytes);
        let error = read(&path, &shipped("department")).expect_err(name).to_string();
        assert!(error.contains(expected) && error.contains(name), "{error}");
    }
    let unknown = Feed::open(&file(&folder, "aqsc-1.pdf", b""), &Default::default()).unwrap_err();
    assert!(unknown.to_string().contains("unknown format"));
}

#[test]
fn mistakes_in_mappings_are_named() {
    let sound = "code='x'\nname='y'\n[columns]\nname='n'\n[[feed]]\nlist='l'\nfiles='l-*'\n";
    Mapping::parse("sound.toml", sound).unwrap();
    let rows = [
        ("nonsense = 1\n", "bad.toml:1"),
        ("code='x'\nname='y'\n[columns]\nname='n'\nfrum='f'\n", "frum"),
        ("code='x'\nname='y'\nfeed=[]\n[columns]\nname='n'\n", "no `[[feed]]`"),
        ("code='x'\nname='y'\n[columns]\nname='n'\n[[feed]]\nlist='l'\nfiles='['\n", "files"),
        (
            "code='x'\nname='y'\n[columns]\nname='n'\nstate='s'\n[[feed]]\nlist='l'\nfiles='l'\n",
            "values.state",
        ),
    ];
    for (text, expected) in rows {
        let error = Mapping::parse("bad.toml", text).unwrap_err().to_string();
        assert!(error.contains(expected) && error.starts_with("bad.toml"), "{error}");
    }
}

mod properties {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

        /// Any bytes behind a heading give entries, rejects or an error, and no panic.
        #[test]
        fn any_bytes_are_survived(
            bytes in prop::collection::vec(any::<u8>(), 0..400),
            suffix in prop::sample::select(&["csv", "jsonl", "xlsx", "xls", "parquet"][..]),
        ) {
            let folder = tempfile::tempdir().unwrap();
            let all = [DEPARTMENT.as_bytes(), b"\n", &bytes[..]].concat();
            let bytes = if suffix == "csv" { &all } else { &bytes };
            let path = file(&folder, &format!("aqsc-1.{suffix}"), bytes);
            let _ = read(&path, &shipped("department"));
        }
    }
}
