//! What is asked leaves nothing behind: not in the log, not in metrics, not in a file.

use crate::command::{Home, Service, ask};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const MATTER: &str = "11320500000000019Y3000123456001";
/// A person and a company on no list, who are asked about and nothing else.
const ASKED: [&str; 4] =
    ["欧阳不在册", "110101199003077777", "苏州从未列入商贸有限公司", "91320500MA9PRIVATE"];
/// A company that a change lists: the ledger keeps it.
const LISTED: [&str; 2] = ["苏州变更列入商贸有限公司", "91320500MA9CHANGED"];

/// `GET` as it comes.
pub fn get(address: &str, path: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer.split_once("\r\n\r\n").unwrap().1.to_owned()
}

/// Names of metrics in an exposition.
pub fn names(exposed: &str) -> BTreeSet<&str> {
    let types = exposed.lines().filter_map(|line| line.strip_prefix("# TYPE "));
    types.map(|line| line.split(' ').next().unwrap()).collect()
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let (folders, mut files): (Vec<_>, Vec<_>) = entries.partition(|path| path.is_dir());
    files.extend(folders.iter().flat_map(|folder| self::files(folder)));
    files
}

fn holds(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

#[test]
fn nothing_of_what_is_asked_is_in_the_log_in_metrics_or_in_a_file() {
    let home = Home::new();
    let settings = fs::read_to_string(home.config()).unwrap();
    let log = "[log]\nformat = \"json\"\nlevel = \"debug,xincha=trace\"\n";
    fs::write(home.config(), settings + log).unwrap();
    let temporary = home.folder.path().join("tmp");
    fs::create_dir(&temporary).unwrap();
    let mut command = home.command(&[]);
    command.env("TMPDIR", &temporary).env_remove("XINCHA_LOG");
    let mut service =
        Service(command.stderr(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap());
    let mut lines = BufReader::new(service.0.stderr.take().unwrap()).lines().map(Result::unwrap);
    let mut log = Vec::new();
    let address = loop {
        let line = lines.next().expect("an address in the log");
        let event: Value = serde_json::from_str(&line).expect("one object a line");
        assert!(event["level"].is_string() && event["timestamp"].is_string(), "{line}");
        log.push(line);
        let said = event["message"].as_str().unwrap_or_default();
        if let Some((_, address)) = said.split_once("http://") {
            break address.to_owned();
        }
    };
    let rest = std::thread::spawn(move || lines.collect::<Vec<_>>());

    let [person, id, company, code] = ASKED;
    let subjects =
        json!([{"ref": "a", "name": company, "id": code}, {"ref": "b", "name": person, "id": id}]);
    let check = json!({"matter": MATTER, "subjects": subjects});
    let change = json!({"changes": [{
        "key": "privacy", "change": "list", "list": "sxbzxr", "entry": "privacy",
        "record": {"subject": {"name": LISTED[0], "id": LISTED[1]}},
    }]});
    let bidder = json!({"ref": "a", "name": company, "id": code, "persons": [
        {"role": "legal_representative", "name": person, "id": id}]});
    let section = json!({"matter": MATTER, "section": "E", "bidders": [bidder]});
    let query = json!({"schema": "Company", "properties": {"name": [company]}});
    let rows: [(&str, String, u16); 14] = [
        ("/v1/check", check.to_string(), 200),
        ("/v1/check", json!({"matter": MATTER, "identifiers": [id, code]}).to_string(), 200),
        ("/v1/check", json!({"matter": company, "subjects": subjects}).to_string(), 422),
        ("/v1/check", json!({"matter": MATTER, "subjects": subjects, person: id}).to_string(), 400),
        ("/v1/check", format!("{{\"matter\": \"{id}"), 400),
        ("/v1/search", json!({"name": company}).to_string(), 200),
        ("/v1/search", json!({"name": company, company: 1}).to_string(), 400),
        ("/v1/suggest", json!({"text": person}).to_string(), 400),
        ("/v1/screen", section.to_string(), 200),
        ("/match/default", json!({"queries": {"q": query}}).to_string(), 200),
        ("/v1/changes", change.to_string(), 200),
        ("/v1/changes", json!({"changes": [{"key": person, "change": company}]}).to_string(), 400),
        ("/v1/cross", json!({"expression": company}).to_string(), 422),
        ("/v1/data/refresh", json!({"source": company}).to_string(), 422),
    ];
    for (path, body, expected) in rows {
        let (status, answer) = ask(&address, "POST", path, &body);
        assert_eq!(status, expected, "{path} {body}: {answer}");
    }
    for path in [format!("/v1/jobs/{id}"), format!("/{code}"), format!("/v1/lists?name={id}")] {
        get(&address, &path);
    }
    let metrics = get(&address, "/metrics");
    let pid = service.0.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
    assert!(service.0.wait().unwrap().success());
    log.extend(rest.join().unwrap());
    let log = log.join("\n");
    let mut out = String::new();
    service.0.stdout.take().unwrap().read_to_string(&mut out).unwrap();
    for said in ASKED.iter().chain(&LISTED) {
        for (place, text) in [("the log", &log), ("metrics", &metrics), ("stdout", &out)] {
            assert!(!text.contains(said), "{place} holds {said}: {text}");
        }
    }
    assert_eq!(files(&temporary), Vec::<PathBuf>::new(), "nothing is left over");
    for file in files(home.folder.path()) {
        let bytes = fs::read(&file).unwrap();
        let is_ledger = file.ends_with("ledger.redb");
        let absent = ASKED.iter().chain(LISTED.iter().filter(|_| !is_ledger));
        for said in absent {
            assert!(!holds(&bytes, said), "{} holds {said}", file.display());
        }
    }
}

#[test]
fn the_table_of_metrics_names_those_that_are_exposed() {
    let home = Home::new();
    // Some are exposed only where there is what they count.
    let config = fs::read_to_string(home.config()).unwrap();
    let traces = "[traces]\nendpoint = \"http://127.0.0.1:1\"\n";
    fs::write(home.config(), format!("{config}\n{traces}")).unwrap();
    let (_service, address, _log) = crate::command::served(&home);
    let exposed = get(&address, "/metrics");
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/http/exposition.rs");
    let source = fs::read_to_string(path).unwrap();
    let rows = source.lines().filter_map(|line| line.strip_prefix("//! | `"));
    let told: BTreeSet<&str> =
        rows.flat_map(|row| row.split('`')).filter(|word| is_name(word)).collect();
    assert_eq!(told, names(&exposed));
}

/// A word that is the name of a metric and no label.
fn is_name(word: &str) -> bool {
    word.starts_with("xincha_") || word.starts_with("process_")
}
