//! Names that begin so, for a search box.

use super::changes::{change, start as start_recording};
use super::*;

fn suggest(client: &mut Client, body: &Value) -> Value {
    let reply = client.request("POST", "/v1/suggest", "", body.to_string().as_bytes());
    assert_eq!(reply.status, 200, "{}", String::from_utf8_lossy(&reply.body));
    let answer = reply.json();
    conforms(&answer, "SuggestAnswer");
    assert_eq!(answer["incomplete"], false);
    answer
}

fn names(client: &mut Client, body: &Value) -> Vec<String> {
    let answer = suggest(client, body);
    let names = answer["names"].as_array().unwrap().iter();
    names.map(|name| name["name"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn names_of_bodies_are_completed_in_any_script_and_those_of_persons_never() {
    let server = start(config());
    let mut client = server.connect();
    let content = &openapi()["paths"]["/v1/suggest"]["post"]["requestBody"]["content"];
    let example = &content["application/json"]["example"];
    conforms(example, "SuggestRequest");
    let answer = suggest(&mut client, example);
    assert_eq!(
        answer["names"],
        json!([{"name": ground::BLACK.0, "former_name": false, "entries": 2}])
    );
    assert_eq!(answer["data"], json!({"snapshot": "20261122T0200Z-4f1c", "change": 1234}));
    // In the order of their characters' numbers: 星 comes before 朝.
    assert_eq!(
        names(&mut client, &json!({"prefix": "苏"})),
        [ground::BLACK.0, ground::RED_AND_BLACK.0]
    );
    assert_eq!(names(&mut client, &json!({"prefix": "苏", "limit": 1})), [ground::BLACK.0]);
    let red = json!({"prefix": "苏", "list": "nsxy_a"});
    assert_eq!(names(&mut client, &red), [ground::RED_AND_BLACK.0]);
    let entries = &suggest(&mut client, &red)["names"][0]["entries"];
    assert_eq!(entries, 1, "the other list is not asked for");
    assert_eq!(names(&mut client, &json!({"prefix": "苏州星河科技有限責任"})), [ground::BLACK.0]);
    for prefix in ["戴", ground::PERSON.0, ground::REPRESENTATIVE.0, "星河", "州"] {
        assert_eq!(names(&mut client, &json!({"prefix": prefix})), [""; 0], "{prefix}");
    }
}

#[test]
fn a_change_is_seen_by_the_next_one() {
    let (server, recording) = start_recording();
    let mut client = server.connect();
    let former = json!([{"name": "苏州 星光（集团）有限公司", "until": "2020-01-01"}, "苏小小"]);
    let subject = json!({"name": "苏州星湖酒店有限公司", "former_names": former});
    let list = json!({"key": "a", "change": "list", "list": "zfcg", "entry": "e", "record": {"subject": subject}});
    let person = json!({"name": "苏州星人王小明", "kind": "natural_person"});
    let other = json!({"key": "b", "change": "list", "list": "zfcg", "entry": "p", "record": {"subject": person}});
    let answer = change(&mut client, &json!({"changes": [list, other]})).json();
    assert_eq!((&answer["refused"], &answer["change"]), (&json!(0), &json!(1236)), "{answer}");
    let answer = suggest(&mut client, &json!({"prefix": "苏州星"}));
    assert_eq!(answer["data"]["change"], 1236);
    assert_eq!(
        answer["names"],
        json!([
            {"name": "苏州 星光（集团）有限公司", "former_name": true, "entries": 1},
            {"name": ground::BLACK.0, "former_name": false, "entries": 2},
            {"name": "苏州星湖酒店有限公司", "former_name": false, "entries": 1},
        ])
    );
    let repair = json!({"key": "c", "change": "repair", "list": "zfcg", "entry": "e"});
    change(&mut client, &json!({"changes": [repair]}));
    assert_eq!(names(&mut client, &json!({"prefix": "苏州星"})), [ground::BLACK.0]);
    recording.stop();
}

#[test]
fn what_is_wrong_with_a_prefix_is_named() {
    let server = start(config());
    let mut client = server.connect();
    for (body, code, pointer) in [
        (json!({}), Code::MissingField, "/prefix"),
        (json!({"prefix": ""}), Code::EmptyValue, "/prefix"),
        (json!({"prefix": "　·"}), Code::EmptyValue, "/prefix"),
        (json!({"prefix": "星".repeat(201)}), Code::ValueTooLong, "/prefix"),
        (json!({"prefix": "星", "list": "nowhere"}), Code::UnknownList, "/list"),
        (json!({"prefix": "星", "limit": 0}), Code::OutOfRange, "/limit"),
        (json!({"prefix": "星", "limit": 51}), Code::OutOfRange, "/limit"),
        (json!({"prefix": "星", "name": "星"}), Code::UnknownField, "/name"),
    ] {
        let reply = client.request("POST", "/v1/suggest", "", body.to_string().as_bytes());
        assert_eq!(reply.problem(code)["pointer"], pointer, "{body}");
    }
}
