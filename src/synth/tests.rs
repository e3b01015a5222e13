use super::feed::{FEEDS, Format, Layout};
use super::*;
use crate::record::{Entry, Identifier, IdentifierKind, State, SubjectKind};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::Path;
use std::{fs, io};

fn plan(entries: usize, seed: u64) -> Plan {
    Plan { entries, seed, ..Plan::default() }
}

fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    fs::read_dir(folder)
        .unwrap()
        .map(|file| file.unwrap())
        .map(|file| (file.file_name().into_string().unwrap(), fs::read(file.path()).unwrap()))
        .collect()
}

fn written(plan: &Plan) -> (BTreeMap<String, Vec<u8>>, Summary) {
    let folder = tempfile::tempdir().unwrap();
    let summary = write(plan, folder.path(), &|_| {}).unwrap();
    (files(folder.path()), summary)
}

/// The texts of one column of a file, however it is written.
fn column(name: &str, bytes: &[u8], format: Format, heading: &str) -> Vec<String> {
    match format {
        Format::Csv | Format::CsvBom | Format::CsvGb18030 => {
            let encoding = match format {
                Format::CsvGb18030 => encoding_rs::GB18030,
                _ => encoding_rs::UTF_8,
            };
            let (text, faulty) = encoding.decode_with_bom_removal(bytes);
            assert!(!faulty, "{name}");
            assert_eq!(bytes.starts_with(b"\xef\xbb\xbf"), format == Format::CsvBom, "{name}");
            let mut reader = csv::Reader::from_reader(text.as_bytes());
            let at = reader.headers().unwrap().iter().position(|h| h == heading).unwrap();
            reader.records().map(|row| row.unwrap()[at].to_owned()).collect()
        }
        Format::JsonLines => std::str::from_utf8(bytes)
            .unwrap()
            .lines()
            .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap())
            .map(|line| line[heading].as_str().unwrap_or_default().to_owned())
            .collect(),
        Format::Xlsx => {
            use calamine::Reader as _;
            let mut book = calamine::Xlsx::new(io::Cursor::new(bytes)).unwrap();
            let sheet = book.worksheet_range_at(0).unwrap().unwrap();
            let at = sheet.rows().next().unwrap().iter().position(|h| *h == heading).unwrap();
            sheet.rows().skip(1).map(|row| row[at].to_string()).collect()
        }
        Format::ParquetZstd | Format::ParquetSnappy => {
            use arrow_array::Array as _;
            let bytes = bytes::Bytes::copy_from_slice(bytes);
            let reader =
                parquet::arrow::arrow_reader::ParquetRecordBatchReader::try_new(bytes, 1024)
                    .unwrap();
            let mut texts = Vec::new();
            for batch in reader {
                let batch = batch.unwrap();
                let values = batch.column_by_name(heading).unwrap().clone();
                let values = values.as_any().downcast_ref::<arrow_array::StringArray>().unwrap();
                texts.extend(values.iter().map(|value| value.unwrap_or_default().to_owned()));
            }
            texts
        }
    }
}

#[test]
fn a_plan_gives_the_same_bytes_and_another_seed_others() {
    let (first, summary) = written(&plan(1_200, 7));
    assert_eq!(first, written(&plan(1_200, 7)).0);
    assert_eq!(summary.rows, 1_200);
    assert_eq!(summary.files.len(), FEEDS.len());
    let other = written(&plan(1_200, 8)).0;
    for (name, bytes) in &first {
        assert_ne!(Some(bytes), other.get(name), "{name}");
    }
}

#[test]
fn every_layout_and_format_holds_the_names_of_its_entries() {
    for formats in [Formats::Varied, Formats::Csv] {
        let plan = Plan { formats, ..plan(6_000, 3) };
        let (files, _) = written(&plan);
        let city = city(&plan);
        let (mut layouts, mut kinds) = (HashSet::new(), HashSet::new());
        for feed in FEEDS {
            let format = feed.format_in(formats);
            layouts.insert(format!("{:?}", feed.layout));
            kinds.insert(format.description());
            let name = format!("{}-0001.{}", feed.code, format.extension());
            let heading = match feed.layout {
                Layout::Penalty | Layout::PenaltyOld => "CF_XDR_MC",
                Layout::Licence => "XK_XDR_MC",
                other => row::headings(other)[0],
            };
            let names = column(&name, &files[&name], format, heading);
            let range = city.rows_of(feed);
            assert_eq!(names.len() as u64, range.end - range.start, "{name}");
            for (at, (number, written)) in range.zip(names).enumerate() {
                let listing = city.listing(number);
                assert_eq!(listing.entry.provenance.file, name);
                assert_eq!(listing.entry.provenance.row, at as u64 + 1);
                if !listing.traps.has(Trap::NoName) {
                    assert_eq!(listing.entry.subject.name, written, "{name} row {}", at + 1);
                }
            }
        }
        assert_eq!(layouts.len(), 8);
        assert_eq!(kinds.len(), if formats == Formats::Varied { 7 } else { 1 });
        assert_eq!(files["truth.jsonl"].iter().filter(|&&b| b == b'\n').count(), 6_000);
    }
}

#[test]
fn an_entry_follows_from_seed_and_number_alone() {
    let plan = plan(5_000, 2);
    let all: Vec<_> = city(&plan).iter().collect();
    assert_eq!(all.len(), 5_000);
    let city = city(&plan);
    for number in (0..5_000).rev().step_by(7) {
        assert_eq!(all[number as usize], city.listing(number));
    }
}

#[test]
fn identifiers_are_sound_unless_a_trap_says_otherwise() {
    let mut owner: HashMap<String, u64> = HashMap::new();
    let (mut persons, mut zero) = (0, 0);
    let city = city(&plan(60_000, 5));
    for listing in city.iter() {
        let subject = &listing.entry.subject;
        for id in listing.real_ids.iter().chain(&subject.ids).chain(related(&listing.entry)) {
            let of_subject = listing.real_ids.contains(id) || subject.ids.contains(id);
            let quality = id.quality();
            assert!(!quality.birth_date && !quality.region, "{}", id.text());
            if of_subject && !listing.traps.has(Trap::CheckFails) {
                assert!(quality.is_good(), "{}", id.text());
            }
            assert_eq!(recognised_kind(id), id.kind(), "{}", id.text());
            match id.kind() {
                IdentifierKind::ResidentId if id.text().len() == 15 => {
                    assert_eq!(&id.text()[6..8], "00")
                }
                IdentifierKind::ResidentId
                | IdentifierKind::ResidencePermit
                | IdentifierKind::ForeignPermanentResident => {
                    persons += 1;
                    assert_eq!(&id.text()[6..10], "1900", "{}", id.text());
                }
                IdentifierKind::Passport => assert!(id.text().starts_with("EI")),
                IdentifierKind::HomeReturnPermit => assert_eq!(&id.text()[1..3], "99"),
                IdentifierKind::TaiwanPermit => assert_eq!(&id.text()[..2], "99"),
                _ => {}
            }
        }
        zero += u64::from(listing.traps.has(Trap::CheckZero));
        if let Some(masked) = &subject.masked {
            assert_eq!(masked.fits(&listing.real_ids[0]), Some(true));
        }
        let root = if listing.traps.has(Trap::Repeated) { None } else { Some(listing.number) };
        for id in &listing.real_ids {
            let before = match root {
                Some(root) => owner.insert(id.text().to_owned(), root),
                None => None,
            };
            assert_eq!(before, None, "{} is two subjects'", id.text());
        }
    }
    assert!(persons > 15_000);
    assert!(zero > 800, "a thirty-first of the USCCs end in 0: {zero}");
}

/// The kind that a reader recognises, where the form leaves no doubt.
fn recognised_kind(id: &Identifier) -> IdentifierKind {
    match Identifier::recognise(id.text()).unwrap().kind() {
        // 15 digits may fit two kinds
        IdentifierKind::Other => id.kind(),
        _ if id.text().len() == 15 => id.kind(),
        kind => kind,
    }
}

fn related(entry: &Entry) -> impl Iterator<Item = &Identifier> {
    entry.subject.related.iter().filter_map(|related| related.id.as_ref())
}

#[test]
fn every_trap_occurs_at_its_rate() {
    let city = city(&plan(100_000, 1));
    let mut counts = [0_u64; Trap::ALL.len()];
    let (mut organisations, mut standing, mut named, mut companies) = (0, 0, 0, 0);
    for listing in city.iter() {
        let feed = FEEDS.iter().find(|feed| feed.code == listing.entry.provenance.source).unwrap();
        let company = listing.entry.subject.kind == SubjectKind::Organisation;
        let organisation = company || listing.entry.subject.kind == SubjectKind::IndividualBusiness;
        organisations += u64::from(organisation);
        companies += u64::from(company);
        let states = matches!(feed.layout, Layout::Department | Layout::Wages);
        standing += u64::from(states && listing.entry.term.covers(city.plan().today));
        named += u64::from(organisation && feed.layout == Layout::Department);
        for trap in listing.traps.iter() {
            counts[trap as usize] += 1;
        }
    }
    let rows = city.len();
    assert!((65_000..75_000).contains(&organisations), "{organisations} organisations");
    for (trap, base, rate) in [
        (Trap::Expired, rows, rates::EXPIRED),
        (Trap::Future, rows, rates::FUTURE),
        (Trap::EndsToday, rows, rates::ENDS_TODAY),
        (Trap::Permanent, rows, 700),
        (Trap::NoName, rows, rates::NO_NAME),
        (Trap::BrokenDate, rows, rates::BROKEN_DATE),
        (Trap::Repeated, rows, rates::REPEATS),
        (Trap::LowerCase, organisations, rates::LOWER_CASE),
        (Trap::FullWidth, rows, rates::FULL_WIDTH),
        (Trap::Placeholder, organisations, rates::PLACEHOLDER),
        (Trap::RegistrationOnly, organisations, rates::REGISTRATION_ONLY),
        (Trap::CheckZero, organisations, 10_000 / 31),
        (Trap::CheckFails, rows, rates::CHECK_FAILS),
        (Trap::Branch, companies, rates::BRANCHES),
        (Trap::SameName, rows, rates::SAME_NAME),
        (Trap::Repaired, standing, rates::REPAIRED),
        (Trap::Exited, standing, rates::EXITED),
        (Trap::FormerName, named, rates::FORMER_NAMES),
        (Trap::RepresentativeListed, organisations, rates::REPRESENTATIVE_LISTED),
    ] {
        let expected = base as f64 * f64::from(rate) / 10_000.0;
        let got = counts[trap as usize] as f64;
        assert!(
            (0.6..1.4).contains(&(got / expected)),
            "{}: {got}, {expected} expected",
            trap.code()
        );
    }
    for (trap, code) in Trap::ALL {
        assert!(counts[trap as usize] > 5, "{code}: {}", counts[trap as usize]);
        assert_eq!(trap.code(), code);
    }
}

#[test]
fn most_entries_are_in_force_for_years() {
    let city = city(&Plan::default());
    let counts_on = |day: &str| {
        let day = day.parse().unwrap();
        city.iter().filter(|listing| listing.entry.counts_on(day)).count() as f64
            / city.len() as f64
    };
    assert!((0.72..0.85).contains(&counts_on("2026-11-01")), "{}", counts_on("2026-11-01"));
    assert!(counts_on("2030-12-31") > 0.7);
    for listing in city.iter() {
        let on = match listing.entry.state {
            State::Exited(on) => on,
            _ => None,
        };
        assert!(on.is_none_or(|on| Some(on) > listing.entry.term.from && on <= city.plan().today));
    }
}

#[test]
fn the_cast_is_in_every_city_and_nowhere_else() {
    use super::cast::*;
    for entries in [0, 1_200, 20_000] {
        let city = city(&plan(entries, 4));
        let mut places: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        for listing in city.iter() {
            for member in [XINGHE, XINGHE_BRANCH, MINGZHU, ZHANG_SAN, LI_SI, QIHANG, QINGBAI] {
                if listing.real_ids.iter().any(|id| id.text() == member.id) {
                    assert_eq!(listing.real_name(), member.name);
                    places.entry(member.name).or_default().push(listing.entry.list.clone());
                }
            }
        }
        assert_eq!(
            places.into_values().collect::<Vec<_>>(),
            [
                vec!["xzxfry"],
                vec!["scjg_yzsx"],
                vec!["tqnmggz", "nsxy_a"],
                vec!["sxbzxr", "zfcg_yzwf"]
            ],
            "李四, 启航, 明珠, 星河"
        );
    }
    for member in [XINGHE, XINGHE_BRANCH, MINGZHU, ZHANG_SAN, LI_SI, QIHANG, QINGBAI] {
        let id = Identifier::recognise(member.id).unwrap();
        assert!(id.quality().is_good(), "{}", member.name);
    }
}

#[test]
fn clean_questions_are_on_no_entry_and_listed_ones_are() {
    let city = city(&plan(20_000, 6));
    let listed: HashSet<String> = city
        .iter()
        .flat_map(|listing| listing.real_ids.into_iter().map(|id| id.text().to_owned()))
        .collect();
    let mut hits = 0;
    for i in 0..20_000 {
        let question = question(&city, i);
        let found = question.subject.ids.iter().any(|id| listed.contains(id.text()));
        assert_eq!(found, question.listed.is_some());
        hits += u64::from(found);
        if !found {
            assert!(question.subject.ids[0].quality().is_good());
        }
    }
    assert!((450..750).contains(&hits), "{hits}");
}

#[test]
fn names_are_mostly_distinct() {
    let city = city(&plan(60_000, 1));
    let mut names = HashSet::new();
    let (mut companies, mut again) = (0_u64, 0_u64);
    for listing in city.iter() {
        let traps = listing.traps;
        let own = !traps.has(Trap::Repeated) && !traps.has(Trap::SameName);
        if own && listing.entry.subject.kind == SubjectKind::Organisation {
            companies += 1;
            again += u64::from(!names.insert(listing.real_name().to_owned()));
        }
    }
    assert!(again * 100 < companies, "{again} of {companies}");
}

/// With `UPDATE_SAMPLE=1` in the environment the sample is written anew instead.
#[test]
fn the_committed_sample_is_what_its_plan_gives() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/sample/feeds");
    if std::env::var_os("UPDATE_SAMPLE").is_some() {
        write(&Plan::default(), &folder, &|_| {}).unwrap();
    }
    let (fresh, _) = written(&Plan::default());
    let committed = files(&folder);
    assert_eq!(fresh.keys().collect::<Vec<_>>(), committed.keys().collect::<Vec<_>>());
    for (name, bytes) in fresh {
        assert!(committed[&name] == bytes, "{name} differs: run this test with UPDATE_SAMPLE=1");
    }
    let feeds = committed.iter().filter(|(name, _)| *name != "truth.jsonl");
    assert!(feeds.map(|(_, bytes)| bytes.len()).sum::<usize>() < 600_000);
}
