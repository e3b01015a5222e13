//! More than a worker can answer.

use super::*;

const CALLERS: usize = 24;

/// How a server with these bounds answers as many checks of some subjects and searches, ready at one moment.
fn at_once(check_wait_ms_max: u64, aside_wait_ms_max: u64) -> (Vec<u16>, Vec<u16>) {
    let server = start(HttpConfig { workers: 1, check_wait_ms_max, aside_wait_ms_max, ..config() });
    // Some milliseconds in a debug build, and read at once.
    let subject = |n: usize| json!({"ref": n.to_string(), "id": ground::BLACK.1});
    let check = check_with(&(0..150).map(subject).collect());
    let search = json!({"name": ground::BLACK.0}).to_string();
    let mut callers: Vec<Client> = (0..2 * CALLERS).map(|_| server.connect()).collect();
    assert!(callers.iter_mut().all(|caller| caller.get("/healthz").status == 200));
    // While the first is answered the others become ready.
    for (number, caller) in callers.iter_mut().enumerate() {
        let (path, body) =
            if number % 2 == 0 { ("/v1/check", &check) } else { ("/v1/search", &search) };
        let length = body.len();
        caller.send(
            format!("POST {path} HTTP/1.1\r\nhost: x\r\ncontent-length: {length}\r\n\r\n{body}")
                .as_bytes(),
        );
    }
    let replies: Vec<Reply> = callers.iter_mut().map(|caller| caller.reply(true)).collect();
    for reply in replies.iter().filter(|reply| reply.status != 200) {
        reply.problem(Code::Overloaded);
        assert_eq!(reply.header("retry-after"), Some("1"));
    }
    // It recovers at once: whoever comes when the round is over is answered, on the same connections.
    let honest = ground::body(ground::BLACK);
    assert!(callers.iter_mut().all(|caller| caller.check(&honest).json()["verdict"] == "prohibit"));
    let text = String::from_utf8(server.connect().get("/metrics").body).unwrap();
    let each = |first: usize| {
        replies.iter().skip(first).step_by(2).map(|reply| reply.status).collect::<Vec<u16>>()
    };
    let (checks, searches) = (each(0), each(1));
    for (route, statuses) in [("/v1/check", &checks), ("/v1/search", &searches)] {
        let refused = statuses.iter().filter(|status| **status == 503).count();
        let line =
            format!("xincha_refusals_total{{route=\"{route}\",code=\"overloaded\"}} {refused}");
        assert!(refused == 0 || text.lines().any(|of| of == line), "{line}: {text}");
    }
    (checks, searches)
}

#[test]
fn searches_are_put_off_while_checks_are_answered() {
    let (checks, searches) = at_once(60_000, 1);
    assert_eq!(checks, [200; CALLERS]);
    assert!(searches.contains(&503), "{searches:?}");
}

#[test]
fn checks_that_would_wait_too_long_are_told_so_and_the_others_are_answered() {
    let (checks, _) = at_once(1, 1);
    assert!(checks.contains(&200) && checks.contains(&503), "{checks:?}");
}

#[test]
fn within_the_bounds_everybody_is_answered() {
    assert_eq!(at_once(60_000, 60_000), (vec![200; CALLERS], vec![200; CALLERS]));
}
