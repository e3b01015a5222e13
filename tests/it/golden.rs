//! Golden bytes both ways: a small snapshot of this format is committed. Building its entries gives
//! those bytes, and those bytes answer. `UPDATE_GOLDEN=1` writes it anew, with a new format number.

use crate::town::{self, PROCUREMENT, listed, noon};
use std::path::{Path, PathBuf};
use xincha::index::{Index, Overlay};
use xincha::record::{Entry, MaskedIdentifier, SubjectKind};
use xincha::screen::find::Scratch;
use xincha::screen::{self, Basis, Decision, Ground, Question, Verdict};
use xincha::snapshot::Snapshot;

fn golden(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(file)
}

fn path() -> PathBuf {
    golden("format-7.xcs")
}

fn entries() -> Vec<Entry> {
    let mut person = listed("court", "李四", &[]);
    person.subject.kind = SubjectKind::NaturalPerson;
    person.subject.masked = MaskedIdentifier::parse("1101011900****0006");
    let mut vehicle = listed("watch", "苏E12345", &["苏E12345"]);
    vehicle.subject.kind = SubjectKind::Vehicle;
    vec![
        listed("court", "苏州星河科技有限公司", &["91320500MA0000015D"]),
        listed("red", "苏州星河科技有限公司", &["MA000001-5"]),
        listed("ban", "苏州明珠建设有限公司", &["91320505MA0000023G", "320500000000001"]),
        person,
        vehicle,
    ]
}

#[test]
fn building_gives_the_golden_bytes() {
    let built = std::fs::read(town::build(&entries()).path).unwrap();
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(path(), &built).unwrap();
    }
    let golden = std::fs::read(path()).unwrap();
    assert!(
        built == golden,
        "the bytes of a snapshot changed: raise the format, keep the old fixture"
    );
}

#[test]
fn an_older_format_is_named() {
    for format in [1, 2, 3, 4, 5, 6] {
        let path = golden(&format!("format-{format}.xcs"));
        let error = Snapshot::open(&path).err().expect("refused").to_string();
        assert!(
            error.contains(&format!("format {format}, this program reads format 7")),
            "{error}"
        );
    }
}

#[test]
fn the_golden_bytes_answer() {
    let index = Index::open(&Snapshot::open(&path()).unwrap()).unwrap();
    index.validate().unwrap();
    let overlay = Overlay::of(&index);
    let ground = Ground::new(index, town::catalogue());
    let matter = ground.catalogue.matter_no(PROCUREMENT).unwrap();
    let rows = [
        ("", "91320500MA0000015D", Verdict::Prohibit),
        ("", "320500000000001", Verdict::Prohibit),
        ("李四", "110101190001010006", Verdict::Review),
        ("", "苏E12345", Verdict::Remind),
        ("苏州清白商贸有限公司", "91320507MA00001031", Verdict::Clear),
    ];
    for (name, id, verdict) in rows {
        let mut question =
            Question { name: Some(name).filter(|name| !name.is_empty()), ..Question::default() };
        question.identified_by(town::id(id));
        let mut decision = Decision::default();
        screen::check(
            &Basis::new(&ground, &overlay),
            matter,
            noon(),
            &[question],
            &mut Scratch::searching(),
            &mut decision,
        )
        .unwrap();
        assert_eq!(decision.verdict, verdict, "{id}");
    }
}
