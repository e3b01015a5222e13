//! Clients from the command line.

use super::command::{Home, ask, served, served_by};
use std::time::Duration;

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
    let told = ["client", "add", "told", "--scope", "check", "--recall-url"];
    let (code, _, error) = home.run(&[&told[..], &["http://portal.example/"]].concat());
    assert!(code == 2 && error.contains("https"), "{error}");
    let (code, ..) = home.run(&[&told[..], &["https://portal.example/recalls"]].concat());
    let (_, listed, _) = home.run(&["client", "list"]);
    assert!(code == 0 && listed.contains("https://portal.example/recalls"), "{listed}");
}

#[test]
fn without_clients_only_this_machine_is_served() {
    let home = Home::new();
    let everywhere = ["0.0.0.0:0", "[::]:0"];
    for address in everywhere {
        let mut command = home.command(&[]);
        let output = command.env("XINCHA_ADDRESS", address).output().unwrap();
        let error = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{error}");
        assert!(error.contains("未设客户端") && error.contains("xincha client add"), "{error}");
    }
    let (service, address, _log) = served(&home);
    assert_eq!(ask(&address, "GET", "/v1/lists", "").0, 200);
    // A second one is told of its clients before it is told that the first holds the ledger.
    let (code, out, error) = home.run(&[]);
    assert!(code == 1 && (out + &error).contains("anybody on this machine may ask"), "{error}");
    drop(service);

    let (_, out, _) = home.run(&["client", "add", "ops", "--scope", "read", "--scope", "admin"]);
    let key = key_of(&out);
    let (_service, address, _log) =
        served_by(home.command(&[]).env("XINCHA_ADDRESS", everywhere[0]));
    let port = address.rsplit_once(':').unwrap().1;
    let server = format!("http://127.0.0.1:{port}");
    let status = |key: Option<(&str, &str)>| {
        let mut command = home.command(&["status", "--server", &server]);
        let output = command.envs(key).output().unwrap();
        (output.status.success(), String::from_utf8(output.stderr).unwrap())
    };
    let (is_answered, error) = status(None);
    assert!(!is_answered && error.contains("XINCHA_KEY"), "{error}");
    assert!(status(Some(("XINCHA_KEY", &key))).0);
    let file = home.folder.path().join("key");
    std::fs::write(&file, format!("{key}\n")).unwrap();
    assert!(status(Some(("XINCHA_KEY_FILE", file.to_str().unwrap()))).0);
    home.run(&["client", "revoke", "ops"]);
    std::thread::sleep(Duration::from_millis(1_500));
    assert!(!status(Some(("XINCHA_KEY", &key))).0);
}

#[test]
fn a_service_does_not_start_with_a_file_that_has_mistakes() {
    let home = Home::new();
    let file = home.folder.path().join("clients.toml");
    std::fs::write(&file, "[client.a]\nscopes = [\"chekc\"]\ncolour = 1\n").unwrap();
    let (code, _, error) = home.run(&[]);
    assert!(code == 1 && error.contains("\n2: ") && error.contains("\n3: "), "{error}");
}

#[test]
fn commands_ask_a_service_of_the_configuration_under_its_certificate() {
    let home = Home::new();
    let names = ["127.0.0.1".to_owned()];
    let pair = rcgen::generate_simple_self_signed(names).unwrap();
    std::fs::write(home.folder.path().join("server.pem"), pair.cert.pem()).unwrap();
    std::fs::write(home.folder.path().join("server.key"), pair.signing_key.serialize_pem())
        .unwrap();
    let tls = "[http.tls]\ncertificate = \"server.pem\"\nkey = \"server.key\"\n";
    let text = std::fs::read_to_string(home.config()).unwrap() + tls;
    std::fs::write(home.config(), text).unwrap();
    let (_service, address, _log) = served(&home);
    let output = home.command(&["status"]).env("XINCHA_ADDRESS", &address).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
