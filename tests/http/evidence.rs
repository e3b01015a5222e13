//! Answers as pages to print and file.

use super::*;
use std::path::Path;
use std::process::Command;

const PERSON: &str = "赵甲乙";
const PERSON_ID: &str = "110101190001010022";

fn ask(client: &mut Client, request: &Value) -> Reply {
    client.request("POST", "/v1/evidence", "", request.to_string().as_bytes())
}

fn page(client: &mut Client, request: &Value) -> String {
    page_of(ask(client, request))
}

/// The page that was answered.
pub(super) fn page_of(reply: Reply) -> String {
    assert_eq!(reply.status, 200, "{}", String::from_utf8_lossy(&reply.body));
    assert_eq!(reply.header("content-type"), Some("text/html; charset=utf-8"));
    assert_eq!(reply.header("cache-control"), Some("no-store"));
    assert!(reply.header("content-security-policy").unwrap().contains("default-src 'none'"));
    String::from_utf8(reply.body).unwrap()
}

fn check(subjects: &Value) -> Value {
    json!({"matter": MATTER, "case": "C-7", "operator": "u1024", "subjects": subjects})
}

/// A section of so many bidders, each listed, with a person.
fn section(bidders: usize) -> Value {
    let bidder = |at: usize| {
        json!({
            "ref": format!("B{at}"),
            "name": "苏州星河科技有限公司",
            "id": "91320500MA0000015D",
            "persons": [{"role": "legal_representative", "name": PERSON, "id": PERSON_ID}],
        })
    };
    json!({"matter": MATTER, "section": "E-1", "bidders": (1..=bidders).map(bidder).collect::<Vec<_>>()})
}

#[test]
fn a_check_is_told_with_its_data_its_hits_and_their_basis() {
    let server = start(config());
    let mut client = server.connect();
    let asked = json!([
        {"ref": "甲", "name": "苏州星河科技有限公司", "id": "91320500MA0000015D"},
        {"ref": "乙", "name": "苏州无名有限公司", "id": "91350100M000100Y43"},
    ]);
    let request = check(&asked);
    conforms(&request, "CheckRequest");
    let page = page(&mut client, &request);
    let answer = client.check(&request.to_string()).json();
    let hit = &answer["subjects"][0]["hits"][0];
    let measure = &answer["subjects"][0]["measures"][0];
    let data = &answer["data"];
    for told in [
        &hit["entry"],
        &hit["list"]["name"],
        &hit["name"],
        &measure["name"],
        &measure["basis"],
        &data["snapshot"],
        &data["catalogue"],
    ] {
        let told = told.as_str().unwrap();
        assert!(page.contains(told), "{told}");
    }
    for told in [
        "禁止 prohibit",
        "无记录 clear",
        "C-7",
        "u1024",
        "91350100M000100Y43",
        "建设工程项目招标投标",
        "<svg",
    ] {
        assert!(page.contains(told), "{told}");
    }
    assert!(page.contains("未列入所查名单"));
    let elsewhere = page.replace("http://www.w3.org/2000/svg", "");
    assert!(!page.contains("<script") && !elsewhere.contains("://"), "it needs nothing else");
}

#[test]
fn persons_are_masked_and_bodies_are_not() {
    let server = start(config());
    let mut client = server.connect();
    let rows = [
        (json!({"name": PERSON, "id": PERSON_ID}), Some("110101********0022")),
        (
            json!({"name": PERSON, "ids": [{"kind": "passport", "value": "E12345678"}]}),
            Some("E1*****78"),
        ),
        (
            json!({"name": PERSON, "ids": [{"kind": "other", "value": "AB12345678"}]}),
            Some("AB******78"),
        ),
        (json!({"name": PERSON, "kind": "natural_person"}), None),
        (json!({"name": PERSON, "role": "legal_representative"}), None),
        (json!({"name": PERSON}), None),
        (json!({"name": PERSON, "id": "110101190001010022 "}), Some("110101********0022")),
        (json!({"name": PERSON, "id": "110101********0022"}), Some("110101********0022")),
        // Of a form that bodies' numbers have too, with a slip, stated to be another's, cut short.
        (json!({"name": PERSON, "id": "K12345678"}), Some("K1*****78")),
        (json!({"name": PERSON, "id": "123456789"}), Some("12*****89")),
        (json!({"name": PERSON, "id": "11010119000101O022"}), Some("110101********O022")),
        (
            json!({"name": PERSON, "ids": [{"kind": "uscc", "value": PERSON_ID}]}),
            Some("110101********0022"),
        ),
        (
            json!({"name": PERSON, "kind": "organisation", "id": PERSON_ID}),
            Some("110101********0022"),
        ),
        (json!({"name": PERSON, "id": "1101011900010"}), Some("11*********10")),
        (json!({"name": PERSON, "id": format!("{PERSON_ID}01")}), Some("110101**********2201")),
        (
            json!({"name": PERSON, "kind": "vehicle", "ids": [{"kind": "vehicle_plate", "value": "苏E12345"}]}),
            None,
        ),
        (json!({"name": PERSON, "id": "11010119000101002*"}), Some("110101********002*")),
    ];
    for (mut subject, shown) in rows {
        subject["ref"] = json!("1");
        let page = page(&mut client, &check(&json!([subject])));
        assert!(page.contains("赵**"), "{subject}");
        let given = [
            PERSON,
            PERSON_ID,
            "E12345678",
            "AB12345678",
            "K12345678",
            "123456789",
            "11010119000101",
            "1101011900010",
        ];
        for told in given {
            assert!(!page.contains(told), "{told} of {subject}");
        }
        assert!(shown.is_none_or(|shown| page.contains(shown)), "{subject}");
    }
    let bodies = [
        json!({"name": "星河", "id": "91320500MA0000015D"}),
        json!({"name": "星河", "kind": "organisation"}),
        json!({"name": "苏州星河厂"}),
    ];
    for mut subject in bodies {
        subject["ref"] = json!("1");
        let name = subject["name"].as_str().unwrap().to_owned();
        assert!(page(&mut client, &check(&json!([subject]))).contains(&name), "{subject}");
    }
    // Who represents a body that is named after nobody else.
    let representative =
        json!([{"ref": "1", "name": ground::REPRESENTATIVE.0, "id": ground::REPRESENTATIVE.1}]);
    let of_body = page(&mut client, &check(&representative));
    assert!(
        of_body.contains("法定代表人") && !of_body.contains(ground::REPRESENTATIVE.1),
        "{of_body}"
    );
    let listed = json!([{"ref": "1", "name": ground::PERSON.0, "id": ground::PERSON.1}]);
    let page = page(&mut client, &check(&listed));
    assert!(page.contains("号码一致"), "it is a hit");
    assert!(!page.contains(ground::PERSON.0) && !page.contains(ground::PERSON.1));
}

#[test]
fn numbers_alone_are_all_told_and_nobody_is_clear_where_lists_are_missing() {
    let server = start(config());
    let mut client = server.connect();
    let mut request =
        json!({"matter": MATTER, "identifiers": [ground::CLEAR.1, ground::BLACK.1, PERSON_ID]});
    let told = page(&mut client, &request);
    assert!(told.contains(ground::CLEAR.1) && told.contains(ground::BLACK.1));
    assert!(told.contains("110101********0022") && !told.contains(PERSON_ID));
    assert_eq!(told.matches("未列入所查名单").count(), 2);
    request["matter"] = json!(ground::STALE_MATTER);
    let told = page(&mut client, &request);
    assert!(!told.contains("未列入所查名单") && told.contains("无法确定。"), "three answers");
}

#[test]
fn what_was_asked_is_text_whatever_it_holds() {
    let server = start(config());
    let bad = "<img src=x onerror=alert(1)>&\"'";
    let mut request = check(&json!([{"ref": bad, "name": format!("{bad}有限公司")}]));
    request["case"] = json!(bad);
    let page = page(&mut server.connect(), &request);
    assert!(!page.contains("<img") && page.contains("&lt;img src=x"), "{page}");
}

#[test]
fn what_cannot_be_decided_is_a_problem_as_elsewhere() {
    let server = start(config());
    let mut client = server.connect();
    ask(&mut client, &json!({"matter": MATTER})).problem(Code::MissingField);
    ask(&mut client, &json!({"matter": "no", "bidders": []})).problem(Code::EmptySubjects);
    let mut wrong = section(1);
    wrong["bidders"][0]["persons"][0]["role"] = json!("cook");
    let problem = ask(&mut client, &wrong).problem(Code::UnknownRole);
    assert_eq!(problem["pointer"], "/bidders/0/persons/0/role");
    client.request("POST", "/v1/evidence", "", b"no").problem(Code::InvalidJson);
}

/// What is on paper: sizes and places in points.
#[derive(Default)]
struct Printed {
    /// Widths and heights.
    pages: Vec<(f64, f64)>,
    /// Each with its left, top, right and bottom.
    words: Vec<(String, [f64; 4])>,
}

fn read(pdf: &Path) -> Printed {
    let told = Command::new("pdftotext").arg("-bbox").arg(pdf).arg("-").output();
    let told = String::from_utf8(told.expect("pdftotext of poppler-utils").stdout).unwrap();
    let number = |line: &str, name: &str| -> f64 {
        let rest = line.split_once(&format!("{name}=\"")).unwrap().1;
        rest.split_once('"').unwrap().0.parse().unwrap()
    };
    let mut printed = Printed::default();
    for line in told.lines().map(str::trim) {
        if line.starts_with("<page ") {
            printed.pages.push((number(line, "width"), number(line, "height")));
        } else if line.starts_with("<word ") {
            let word = line.split_once('>').unwrap().1.trim_end_matches("</word>").to_owned();
            printed
                .words
                .push((word, ["xMin", "yMin", "xMax", "yMax"].map(|name| number(line, name))));
        }
    }
    printed
}

#[test]
fn a_browser_prints_it_on_a4_with_nothing_cut_off() {
    let server = start(config());
    let mut request = section(9);
    request["case"] = json!("1".repeat(200));
    request["bidders"][3]["ref"] = json!("x".repeat(200));
    conforms(&request, "TenderRequest");
    let text = printed(&page(&mut server.connect(), &request), 3);
    for told in [
        "B9",
        "prohibit",
        "same",
        "91320500MA0000015D",
        "110101********0022",
        "赵**",
        "禁止参加政府采购活动",
    ] {
        assert!(text.contains(told), "{told}");
    }
    assert!(!text.contains(PERSON_ID), "{text}");
}

/// What a browser prints of a page, on so many sheets of A4 at least, with nothing cut off.
pub(super) fn printed(page: &str, sheets_min: usize) -> String {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    std::fs::write(path("page.html"), page).unwrap();
    let printed = Command::new("chromium")
        .args(["--headless=new", "--no-sandbox", "--disable-gpu", "--no-pdf-header-footer"])
        .arg(format!("--user-data-dir={}", path("profile").display()))
        .arg(format!("--print-to-pdf={}", path("page.pdf").display()))
        .arg(format!("file://{}", path("page.html").display()))
        .output()
        .expect("chromium: tests/run installs it");
    assert!(printed.status.success(), "{}", String::from_utf8_lossy(&printed.stderr));
    let Printed { pages, words } = read(&path("page.pdf"));
    assert!(pages.len() >= sheets_min, "{} pages", pages.len());
    // A4 in points, as near as printers measure.
    for (width, height) in &pages {
        assert!((width - 595.3).abs() < 1.0 && (height - 841.9).abs() < 1.0, "{width} × {height}");
    }
    let margin = 15.0 * 72.0 / 25.4 - 1.0;
    for (word, [left, top, right, bottom]) in &words {
        assert!(*left >= margin && *right <= 595.3 - margin, "{word} {left} {right}");
        assert!(*top >= 20.0 && *bottom <= 841.9 - 15.0, "{word} {top} {bottom}");
    }
    let text: String = words.iter().map(|(word, _)| word.as_str()).collect();
    assert!(text.contains(&format!("{0}/{0}", pages.len())), "{text}");
    text
}
