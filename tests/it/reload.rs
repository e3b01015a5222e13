//! SIGHUP: what is taken while the service runs, what waits, what is refused.

use crate::command::{Home, Service, served};
use crate::privacy::get;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::Command;
use std::time::Duration;

fn signal(service: &Service, which: &str) {
    let pid = service.0.id().to_string();
    assert!(Command::new("kill").args([which, &pid]).status().unwrap().success());
}

fn holds(address: &str, line: &str) -> bool {
    get(address, "/metrics").lines().any(|of| of == line)
}

#[test]
fn what_can_be_taken_is_what_waits_is_named_and_a_mistake_changes_nothing() {
    let home = Home::new();
    let (mut service, address, log) = served(&home);
    let sound = std::fs::read_to_string(home.config()).unwrap();
    let write = |settings: &str| {
        let jobs = sound.replace("[jobs]\n", "[jobs]\nkeep_hours = 1\nthreads = 1\n");
        std::fs::write(home.config(), jobs + settings).unwrap();
    };
    let settings = "[http]\nconnections_max = 77\nbody_timeout_ms = 100\n";
    let traces = "[traces]\nendpoint = \"http://127.0.0.1:1\"\n";
    write(&format!("{settings}[herald]\nretry_ms = 5\n[log]\nlevel = \"warn\"\n{traces}"));
    signal(&service, "-HUP");
    for _ in 0..100 {
        if holds(&address, "xincha_connections_max 77") {
            break;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    assert!(holds(&address, "xincha_connections_max 77"));
    // A body that does not come is waited for as long as is told now.
    let mut stream = TcpStream::connect(&address).unwrap();
    let head =
        "POST /v1/check HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: 9\r\n\r\n";
    stream.write_all(head.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.contains("request_timeout"), "{answer}");
    let catalogue = home.folder.path().join("no-such-catalogue");
    let broken = std::fs::read_to_string(home.config()).unwrap().replace("= 77", "= 5");
    let (_, rest) = broken.split_once('\n').unwrap();
    let broken = format!("catalogue = {catalogue:?}\n{rest}[source.nobody]\n");
    std::fs::write(home.config(), broken).unwrap();
    signal(&service, "-HUP");
    std::thread::sleep(Duration::from_millis(500));
    assert!(holds(&address, "xincha_connections_max 77"), "nothing is taken");
    signal(&service, "-TERM");
    assert!(service.0.wait().unwrap().success());
    let log = log.join().unwrap();
    let said = [
        "taken: herald.retry_ms http.body_timeout_ms http.connections_max jobs.keep_hours log.level",
        "after a restart: jobs.threads traces.endpoint",
    ];
    for said in
        said.into_iter().chain(["nothing is changed", "no-such-catalogue", "[source.nobody]"])
    {
        assert!(log.contains(said), "{said}: {log}");
    }
    assert!(!log.contains("stopped"), "the level is taken: {log}");
}
