//! Lists against lists.

use super::changes::{change, start as start_recording};
use super::*;

fn cross(client: &mut Client, body: &Value) -> Value {
    conforms(body, "CrossRequest");
    let reply = client.request("POST", "/v1/cross", "", body.to_string().as_bytes());
    assert_eq!(reply.status, 200, "{}", String::from_utf8_lossy(&reply.body));
    let answer = reply.json();
    conforms(&answer, "CrossAnswer");
    answer
}

#[test]
fn red_against_black_is_answered_with_what_is_to_be_withdrawn() {
    let server = start(config());
    let mut client = server.connect();
    let content = &openapi()["paths"]["/v1/cross"]["post"]["requestBody"]["content"];
    let example = &content["application/json"]["example"];
    let answer = cross(&mut client, example);
    assert_eq!((&answer["day"], &answer["subjects"]), (&example["day"], &json!(1)));
    let finding = &answer["findings"][0];
    assert_eq!(finding["name"], ground::RED_AND_BLACK.0);
    assert_eq!(finding["identifiers"][0]["value"], ground::RED_AND_BLACK.1);
    assert_eq!(finding["left"][0]["list"]["code"], "nsxy_a");
    assert_eq!(finding["right"][0]["list"]["code"], "sxbzxr");
    let withdrawn = &finding["to_withdraw"][0];
    assert_eq!(withdrawn["entry"], finding["left"][0]["entry"]);
    assert_eq!(withdrawn["because"]["entry"], finding["right"][0]["entry"]);
    let counts = answer["lists"].as_array().unwrap().iter();
    let counts: Vec<_> = counts.map(|list| (&list["code"], &list["subjects"])).collect();
    assert_eq!(counts, [(&json!("sxbzxr"), &json!(1)), (&json!("nsxy_a"), &json!(1))]);
    let none = cross(&mut client, &json!({"expression": "red & black", "limit": 0}));
    assert_eq!((&none["subjects"], &none["findings"]), (&json!(1), &json!([])));
    let before = cross(&mut client, &json!({"expression": "all", "day": "1995-01-01"}));
    assert_eq!(before["subjects"], 0, "nothing counted then");
}

#[test]
fn lists_that_cannot_be_relied_on_are_named() {
    let (_folder, view) = ground::view(Instant(real_now().0 - 400 * 86_400));
    let server = start_with(config(), Some(view));
    let mut client = server.connect();
    let stale = |answer: Value| {
        let stale = answer["data"]["stale"].as_array().unwrap().clone();
        stale.iter().map(|it| it["list"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let red = stale(cross(&mut client, &json!({"expression": "red - list:sxbzxr"})));
    assert!(red.contains(&"sxbzxr".to_owned()) && red.contains(&"nsxy_a".to_owned()), "{red:?}");
    assert_eq!(stale(cross(&mut client, &json!({"expression": "list:zfcg"}))), ["zfcg"]);
    assert!(stale(cross(&mut client, &json!({"matrix": true}))).len() > 2);
    let fresh = start(config());
    let fresh = cross(&mut fresh.connect(), &json!({"expression": "list:sxbzxr"}));
    assert_eq!(fresh["data"]["stale"], json!([]));
}

#[test]
fn persons_are_masked() {
    let server = start(config());
    let mut client = server.connect();
    let answer = cross(&mut client, &json!({"expression": "all", "limit": 100}));
    let text = answer.to_string();
    assert!(text.contains("natural_person"));
    assert!(!text.contains(ground::PERSON.0) && !text.contains(ground::PERSON.1), "{text}");
}

#[test]
fn all_lists_are_told_against_all_and_a_change_is_seen_by_the_next_one() {
    let (server, recording) = start_recording();
    let mut client = server.connect();
    let on_both = |answer: &Value, a: &str, b: &str| {
        let lists = answer["matrix"]["lists"].as_array().unwrap();
        let at = |code: &str| lists.iter().position(|list| list["code"] == code).unwrap();
        answer["matrix"]["on_both"][at(a)][at(b)].clone()
    };
    let before = cross(&mut client, &json!({"matrix": true}));
    assert_eq!(on_both(&before, "nsxy_a", "sxbzxr"), 1);
    assert_eq!(on_both(&before, "nsxy_a", "zfcg"), 0);
    let subject = json!({"name": "又名", "id": ground::RED_AND_BLACK.1});
    let list = json!({"key": "a", "change": "list", "list": "zfcg", "entry": "e", "record": {"subject": subject}});
    let recorded = change(&mut client, &json!({"changes": [list]})).json();
    assert_eq!(recorded["refused"], 0, "{recorded}");
    let after = cross(&mut client, &json!({"matrix": true}));
    assert_eq!(on_both(&after, "nsxy_a", "sxbzxr"), 1);
    assert_eq!(on_both(&after, "nsxy_a", "zfcg"), 1, "joined by its identifier");
    assert_eq!(on_both(&after, "zfcg", "nsxy_a"), 1);
    drop(recording);
}

#[test]
fn what_cannot_be_asked_is_told_with_its_place() {
    let server = start(config());
    let mut client = server.connect();
    let mut problem = |body: &Value| {
        let reply = client.request("POST", "/v1/cross", "", body.to_string().as_bytes());
        let problem = reply.json();
        conforms(&problem, "Problem");
        problem
    };
    for (body, code, pointer) in [
        (json!({}), "missing_field", "/expression"),
        (json!({"expression": "red &"}), "invalid_expression", "/expression"),
        (json!({"expression": "red", "day": "yesterday"}), "invalid_day", "/day"),
        (json!({"expression": "red", "limit": 1_001}), "out_of_range", "/limit"),
        (json!({"expression": "r".repeat(2_001)}), "value_too_long", "/expression"),
    ] {
        let problem = problem(&body);
        assert_eq!((&problem["code"], &problem["pointer"]), (&json!(code), &json!(pointer)));
    }
    let told = problem(&json!({"expression": "red & list:nothing"}));
    assert!(told["detail"].as_str().unwrap().contains("character 7"), "{told}");
    assert!(told["detail_zh"].as_str().unwrap().contains("第 7 字"), "{told}");
}
