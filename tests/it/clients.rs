//! Clients from the command line.

use super::command::Home;

fn key_of(out: &str) -> String {
    let line = out.lines().find_map(|line| line.strip_prefix("密钥 / key        "));
    line.unwrap_or_else(|| panic!("{out}")).to_owned()
}

#[test]
fn keys_are_shown_once_and_revoked_by_their_ids() {
    let home = Home::new();
    let add = ["client", "add", "portal", "--scope", "check", "--scope", "read"];
    let (code, out, error) = home.run(&add);
    assert_eq!(code, 0, "{error}");
    let first = key_of(&out);
    let (code, _, error) = home.run(&add);
    assert!(code == 1 && error.contains("there is a client portal already"), "{error}");
    let (_, out, _) = home.run(&["client", "key", "portal"]);
    let second = key_of(&out);
    let (_, listed, _) = home.run(&["client", "list"]);
    assert!(listed.contains("check read") && !listed.contains(&first), "{listed}");
    for key in [&first, &second] {
        assert!(listed.contains(&key[3..11]), "{listed}");
    }
    let (code, ..) = home.run(&["client", "revoke", "portal", "--key", &first[3..11]]);
    assert_eq!(code, 0);
    let (_, listed, _) = home.run(&["client", "list"]);
    assert!(!listed.contains(&first[3..11]) && listed.contains(&second[3..11]), "{listed}");
    let (code, _, error) = home.run(&["client", "revoke", "none"]);
    assert!(code == 1 && error.contains("there is no client none"), "{error}");
    let (code, _, error) = home.run(&["client", "add", "a b", "--scope", "check"]);
    assert!(code == 1 && error.contains("64"), "{error}");
    let (code, _, error) = home.run(&["client", "add", "x", "--scope", "chekc"]);
    assert!(code == 2 && error.contains("unmasked"), "{error}");
}
