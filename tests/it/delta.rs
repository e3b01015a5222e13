//! Delta feeds as changes: what each row makes of the entry that it meets, and that reading it again
//! makes nothing more.

use crate::town::{self, Town, day, listed, noon};
use xincha::index::Unfit;
use xincha::ingest::{Delta, DeltaOrder};
use xincha::record::{Act, Change, Entry, Field, Sender, State};
use xincha::source::Mapping;

const MAPPING: &str = "code = 'd'\nname = 'd'\n[columns]\nname = '名称'\nentry_id = '编号'\nfrom = '列入'\nto = '截止'\nreason = '事由'\nstate = '状态'\nstate_on = '移出'\n[[identifier]]\ncolumn = '代码'\n[values.state]\n'移出' = 'exited'\n'修复' = 'repaired'\n'撤销' = 'revoked'\n'异议' = 'objection'\n[[feed]]\nlist = 'court'\nfiles = 'court-full-*'\nauthority = '苏州市中级人民法院'\nregion = 320500\n[[feed]]\nlist = 'court'\nfiles = 'court-delta-*'\nmode = 'delta'\nauthority = '苏州市中级人民法院'\nregion = 320500\n";

fn read(town: &Town, folder: &std::path::Path, previous: Option<&std::path::Path>) -> Delta {
    let mapping = Mapping::parse("d.toml", MAPPING).unwrap();
    let basis = town.basis();
    let listed = basis.listed();
    Delta::read(&DeltaOrder {
        mapping: &mapping,
        folder,
        previous,
        current: &|list, id| (listed.record(list, id), listed.standing_of(list, id).cloned()),
        today: noon().day(),
    })
    .unwrap()
}

fn apply(town: &mut Town, change: &Change) -> Result<u64, Unfit> {
    let ground = &town.ground;
    town.overlay.apply(&ground.index, change, &|code| ground.list_number(code).unwrap())
}

/// An entry on the list already, as a feed delivered it.
fn known(id: &str) -> Entry {
    let mut entry = listed("court", "苏州星河科技有限公司", &["91320500MA0000015D"]);
    entry.id = id.to_owned();
    entry.reason = "拒不履行".to_owned();
    entry.term.from = Some(day("2025-01-01"));
    entry.term.to = Some(day("2027-01-01"));
    entry
}

#[test]
fn each_row_changes_what_it_says_and_nothing_twice() {
    let mut over = known("over");
    over.state = State::Exited(Some(day("2026-01-01")));
    let entries: Vec<Entry> = ["same", "longer", "exit", "repair", "revoke", "noted"]
        .map(known)
        .into_iter()
        .chain([over])
        .collect();
    let mut town = town::build(&entries);
    let folder = tempfile::tempdir().unwrap();
    let row = |id: &str, to: &str, state: &str, on: &str| {
        format!(
            "{id},苏州星河科技有限公司,91320500MA0000015D,2025-01-01,{to},拒不履行,{state},{on}\n"
        )
    };
    let rows = [
        (row("same", "2027-01-01", "", ""), "[]"),
        (row("longer", "2028-01-01", "", ""), r#"["amend"]"#),
        (row("exit", "2027-01-01", "移出", "2026-10-01"), r#"["exit"]"#),
        (row("repair", "2027-01-01", "修复", ""), r#"["repair"]"#),
        (row("revoke", "2027-01-01", "撤销", ""), r#"["revoke"]"#),
        (row("noted", "2027-01-01", "异议", ""), r#"["note_objection"]"#),
        (row("over", "2027-01-01", "", ""), "[]"),
        (row("new", "2027-01-01", "", ""), r#"["list"]"#),
        (row("gone", "2027-01-01", "撤销", ""), r#"["list", "revoke"]"#),
    ];
    let heading = "编号,名称,代码,列入,截止,事由,状态,移出\n";
    let text: String = std::iter::once(heading).chain(rows.iter().map(|(row, _)| &**row)).collect();
    std::fs::write(folder.path().join("court-delta-1.csv"), text + "short\n").unwrap();
    // The full feed beside it says nothing here.
    std::fs::write(folder.path().join("court-full-1.csv"), heading).unwrap();
    let delta = read(&town, folder.path(), None);
    assert_eq!((delta.rows, delta.rejects), (10, 1));
    assert_eq!(delta.ends.get("court"), Some(&4));
    for (row, acts) in &rows {
        let id = row.split(',').next().unwrap();
        let of: Vec<&str> =
            delta.changes.iter().filter(|c| c.entry == id).map(|c| c.act.code()).collect();
        assert_eq!(format!("{of:?}"), *acts, "{id}");
    }
    let keys: std::collections::BTreeSet<&str> =
        delta.changes.iter().map(|change| &*change.key).collect();
    assert_eq!(keys.len(), delta.changes.len(), "every change has a key of its own");
    for change in &delta.changes {
        assert!(apply(&mut town, change).is_ok(), "{}: {}", change.entry, change.act.code());
    }
    assert!(matches!(apply(&mut town, &delta.changes[0]), Err(Unfit::Repeated(1))));
    assert!(read(&town, folder.path(), None).changes.is_empty(), "it is so already");
    assert!(read(&town, folder.path(), Some(folder.path())).rows == 0, "the file is known");
    let new = town.basis().listed().record("court", "new").unwrap();
    assert!(new.counts_on(noon().day()) && new.term.to == Some(day("2027-01-01")));
    let gone = town.basis().listed().record("court", "gone").unwrap();
    assert_eq!(gone.state, State::Revoked);
    assert!(!delta.changes.iter().any(|c| matches!(&c.act, Act::Amend(f) if f.is_empty())));
}

/// What the rows of a file say of one entry, recorded.
fn say(town: &mut Town, rows: &[(&str, &str, &str)]) -> Vec<&'static str> {
    let folder = tempfile::tempdir().unwrap();
    let row = |&(code, to, state): &(&str, &str, &str)| {
        format!("e,苏州星河科技有限公司,{code},2025-01-01,{to},拒不履行,{state},\n")
    };
    let heading = "编号,名称,代码,列入,截止,事由,状态,移出\n".to_owned();
    let text: String = std::iter::once(heading).chain(rows.iter().map(row)).collect();
    std::fs::write(folder.path().join("court-delta-1.csv"), text).unwrap();
    let changes = read(town, folder.path(), None).changes;
    changes.iter().for_each(|change| assert!(apply(town, change).is_ok(), "{}", change.act.code()));
    changes.iter().map(|change| change.act.code()).collect()
}

#[test]
fn of_the_rows_of_an_entry_the_last_counts() {
    const CODE: &str = "91320500MA0000015D";
    let mut town = town::build(&[known("e")]);
    let (same, noted) = ((CODE, "2027-01-01", ""), (CODE, "2027-01-01", "异议"));
    assert!(say(&mut town, &[noted, same]).is_empty());
    let (longer, longest) = ((CODE, "2028-01-01", ""), (CODE, "2029-01-01", ""));
    assert_eq!(say(&mut town, &[longer, longest]), ["amend"]);
    assert!(say(&mut town, &[longer, longest]).is_empty(), "it is so already");
    let entry = town.basis().listed().record("court", "e").unwrap();
    assert_eq!(entry.term.to, Some(day("2029-01-01")));
}

#[test]
fn a_row_told_once_more_undoes_no_change() {
    const WRONG: &str = "91320500MA0000015D";
    let mut town = town::build(&[known("e")]);
    let record = |act: Act, town: &mut Town| {
        let key = act.code().to_owned();
        let (list, entry) = ("court".to_owned(), "e".to_owned());
        apply(town, &Change { key, list, entry, act, sender: Sender::default() }).unwrap();
    };
    let right = listed("court", "苏州明珠建设有限公司", &["91320505MA0000023G"]).subject;
    record(Act::Amend(vec![Field::Subject(Box::new(right.clone()))]), &mut town);
    record(Act::Extend { to: Some(day("2028-01-01")) }, &mut town);
    record(Act::NoteObjection, &mut town);
    assert!(say(&mut town, &[(WRONG, "2027-01-01", "")]).is_empty());
    assert_eq!(say(&mut town, &[(WRONG, "2030-01-01", "")]), ["amend"], "the feed has moved on");
    let entry = town.basis().listed().record("court", "e").unwrap();
    assert_eq!((entry.subject.name, entry.term.to), (right.name, Some(day("2030-01-01"))));
    record(Act::Revoke, &mut town);
    assert!(say(&mut town, &[(WRONG, "2031-01-01", "")]).is_empty());
}
