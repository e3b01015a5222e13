//! `xincha tender`: a section in a file, against the sample.

use crate::command::Home;
use serde_json::{Value, json};

const MATTER: &str = "11320500000000019Y3000123456001";

fn section(bidders: Value) -> String {
    json!({"matter": MATTER, "section": "E3205-001", "bidders": bidders}).to_string()
}

#[test]
fn bidders_are_told_with_what_they_meet_and_have_in_common() {
    let home = Home::new();
    let file = home.folder.path().join("section.json");
    let file = file.to_str().unwrap();
    let person =
        json!([{"role": "legal_representative", "name": "某某", "id": "110101190001010022"}]);
    let clear =
        json!([{"ref": "1", "name": "无锡某某有限公司"}, {"ref": "2", "name": "常州某某有限公司"}]);
    let related = json!([
        {"ref": "1", "name": "无锡某某有限公司", "persons": person},
        {"ref": "2", "name": "常州某某有限公司", "persons": person},
    ]);
    let listed = json!([{"ref": "1", "name": "苏州星河科技有限公司", "id": "91320500MA0000015D"}]);
    for (bidders, expected, told) in [
        (clear, 0, "无记录 / clear"),
        (related, 3, "《招标投标法实施条例》第三十四条第二款"),
        (listed, 3, "依据 / basis"),
    ] {
        std::fs::write(file, section(bidders)).unwrap();
        let (code, shown, errors) = home.run(&["tender", file]);
        assert_eq!(code, expected, "{shown}{errors}");
        assert!(shown.contains(told) && shown.contains("E3205-001"), "{shown}");
        let (code, shown, _) = home.run(&["tender", file, "--json"]);
        let answer: Value = serde_json::from_str(&shown).unwrap();
        assert_eq!((code, &answer["section"]), (expected, &json!("E3205-001")));
    }
    for (text, told) in [
        ("{", "JSON"),
        (&*section(json!([{"ref": "1"}])), "/bidders/0"),
        (&*section(json!([{"ref": "1", "name": "某", "adress": "x"}])), "/bidders/0/adress"),
    ] {
        std::fs::write(file, text).unwrap();
        let (code, shown, errors) = home.run(&["tender", file]);
        assert_eq!((code, &*shown), (1, ""));
        assert!(errors.contains(told), "{errors}");
    }
    let asked = section(json!([{"ref": "1", "name": "某某有限公司"}]));
    std::fs::write(file, &asked).unwrap();
    for command in [&["tender", file][..], &["check", "--file", file]] {
        let (code, _, errors) = home.run(&[command, &["-o", file]].concat());
        assert!(code == 1 && errors.contains("the output is the input"), "{errors}");
        assert_eq!(std::fs::read_to_string(file).unwrap(), asked, "it stands as it was");
    }
    let (code, _, errors) = home.run(&["tender", "nothing.json"]);
    assert!(code == 1 && errors.contains("nothing.json"), "{errors}");
}
