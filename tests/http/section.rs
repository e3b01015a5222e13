//! All bidders of a section.

use super::*;

fn screen(client: &mut Client, body: &Value) -> Value {
    conforms(body, "TenderRequest");
    let reply = client.request("POST", "/v1/screen", "", body.to_string().as_bytes());
    assert_eq!(reply.status, 200, "{}", String::from_utf8_lossy(&reply.body));
    let answer = reply.json();
    conforms(&answer, "TenderAnswer");
    answer
}

fn section(bidders: &Value) -> Value {
    json!({"matter": MATTER, "section": "E3205-001", "bidders": bidders})
}

/// A number that nobody has who is listed.
const STRANGER: &str = "110101190001010022";

#[test]
fn the_example_is_answered() {
    let server = start(config());
    let content = &openapi()["paths"]["/v1/screen"]["post"]["requestBody"]["content"];
    let answer = screen(&mut server.connect(), &content["application/json"]["example"]);
    assert_eq!(answer["relations"][0]["kind"], "same_manager");
    assert_eq!(answer["relations"][0]["certainty"], "established");
    assert_eq!(answer["relations"][0]["bidders"], json!(["1", "2"]));
}

#[test]
fn each_bidder_is_decided_as_a_check_of_it_and_its_persons_apart() {
    let server = start(config());
    let mut client = server.connect();
    let (black, red, person) = (ground::BLACK, ground::RED_AND_BLACK, ground::PERSON);
    let listed = json!({"role": "legal_representative", "name": person.0, "id": person.1});
    let bidders = json!([
        {"ref": "a", "name": black.0, "id": black.1},
        {"ref": "b", "name": "无锡某某有限公司", "id": "91320200MA00000316",
         "persons": [{"role": "controller", "name": "某某", "id": STRANGER}, listed]},
        {"ref": "c", "name": "常州某某有限公司", "members": [{"name": red.0, "id": red.1}]},
        {"ref": "d", "name": "镇江某某有限公司"},
    ]);
    let answer = screen(&mut client, &section(&bidders));
    let check = |subject: Value| {
        let reply =
            client.request("POST", "/v1/check", "", check_with(&json!([subject])).as_bytes());
        reply.json()["subjects"][0].clone()
    };
    let mut check = check;
    let same = |told: &Value, checked: &Value| {
        let mut told = told.clone();
        told.as_object_mut().unwrap().retain(|field, _| !["as", "place"].contains(&field.as_str()));
        let mut checked = checked.clone();
        checked.as_object_mut().unwrap().remove("ref");
        assert_eq!(told, checked);
    };
    let bidder = |at: usize| &answer["bidders"][at];
    let itself = check(json!({"ref": "x", "name": black.0, "id": black.1}));
    same(&bidder(0)["direct"][0], &itself);
    assert_eq!(bidder(0)["verdict"], itself["verdict"]);
    let of_person =
        check(json!({"ref": "x", "kind": "natural_person", "name": person.0, "id": person.1}));
    same(&bidder(1)["related"][1], &of_person);
    assert_eq!(bidder(1)["related"][1]["place"], 1);
    assert_ne!(of_person["verdict"], "clear");
    assert_eq!(bidder(1)["verdict"], "review", "it is not itself listed");
    let member = check(json!({"ref": "x", "name": red.0, "id": red.1}));
    same(&bidder(2)["direct"][1], &member);
    assert_eq!(
        (&bidder(2)["direct"][1]["as"], &bidder(2)["verdict"]),
        (&json!("member"), &member["verdict"])
    );
    assert_eq!(bidder(3)["verdict"], "clear");
    assert_eq!(answer["relations"], json!([]));
    assert_eq!((&answer["section"], &answer["verdict"]), (&json!("E3205-001"), &itself["verdict"]));
}

#[test]
fn what_bidders_have_in_common_is_told_of_both() {
    let server = start(config());
    let phones = json!({"phones": ["0512-6512 3456"]});
    let person = |role: &str, id: &str| json!({"role": role, "name": "某某", "id": id});
    let bidders = json!([
        {"ref": "a", "name": "无锡某某有限公司", "persons": [person("legal_representative", STRANGER)], "contacts": phones},
        {"ref": "b", "name": "常州某某有限公司", "persons": [person("person_in_charge", STRANGER)]},
        {"ref": "c", "name": "镇江某某有限公司", "contacts": {"phones": ["051265123456"]}},
    ]);
    let answer = screen(&mut server.connect(), &section(&bidders));
    let told: Vec<String> = answer["relations"]
        .as_array()
        .unwrap()
        .iter()
        .map(|relation| {
            format!("{} {} {}", relation["bidders"], relation["kind"], relation["certainty"])
        })
        .collect();
    let expected =
        [r#"["a","b"] "same_manager" "established""#, r#"["a","c"] "same_phone" "suspected""#];
    assert_eq!(told, expected);
    assert!(answer["relations"][0]["article"].as_str().unwrap().contains("第三十四条"));
    let counts: Vec<usize> =
        (0..3).map(|at| answer["bidders"][at]["relations"].as_array().unwrap().len()).collect();
    assert_eq!(counts, [2, 1, 1]);
    assert!(!answer.to_string().contains("65123456") && !answer.to_string().contains(STRANGER));
}

#[test]
fn a_mistake_is_told_where_it_stands() {
    let server = start(config());
    let mut client = server.connect();
    let one = |of: Value| {
        let mut bidder = json!({"ref": "a", "name": "无锡某某有限公司"});
        bidder.as_object_mut().unwrap().extend(of.as_object().unwrap().clone());
        section(&json!([bidder]))
    };
    let many = vec![json!({"name": "某某"}); 51];
    for (body, code, pointer) in [
        (section(&json!([])), "empty_subjects", "/bidders"),
        (
            section(&json!(vec![json!({"ref": "a", "name": "某"}); 201])),
            "too_many_subjects",
            "/bidders",
        ),
        (
            section(&json!([{"ref": "a", "name": "某"}, {"ref": "a", "name": "某"}])),
            "duplicate_ref",
            "/bidders/1/ref",
        ),
        (one(json!({"ref": ""})), "empty_value", "/bidders/0/ref"),
        (one(json!({"id": "--"})), "invalid_identifier", "/bidders/0/id"),
        (one(json!({"name": null})), "subject_unidentified", "/bidders/0"),
        (
            one(json!({"members": [{"name": "某"}, {"id": "-"}]})),
            "invalid_identifier",
            "/bidders/0/members/1/id",
        ),
        (
            one(
                json!({"persons": [{"role": "controller", "ids": [{"kind": "shoe", "value": "1"}]}]}),
            ),
            "unknown_identifier_kind",
            "/bidders/0/persons/0/ids/0/kind",
        ),
        (
            one(json!({"persons": [{"role": "friend", "name": "某"}]})),
            "unknown_role",
            "/bidders/0/persons/0/role",
        ),
        (one(json!({"members": many})), "too_many_subjects", "/bidders/0/members"),
        (
            one(json!({"contacts": {"phones": vec!["1"; 51]}})),
            "too_many_values",
            "/bidders/0/contacts/phones",
        ),
        (
            one(json!({"contacts": {"emails": ["x".repeat(601)]}})),
            "value_too_long",
            "/bidders/0/contacts/emails/0",
        ),
        (
            json!({"matter": "nothing", "bidders": [{"ref": "a", "name": "某"}]}),
            "unknown_matter",
            "/matter",
        ),
    ] {
        let reply = client.request("POST", "/v1/screen", "", body.to_string().as_bytes());
        let problem = reply.json();
        conforms(&problem, "Problem");
        assert_eq!(
            (&problem["code"], &problem["pointer"]),
            (&json!(code), &json!(pointer)),
            "{problem}"
        );
    }
}
