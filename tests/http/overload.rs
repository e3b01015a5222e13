//! More than a worker can answer.

use super::*;
use std::time::Instant as Clock;

const CALLERS: usize = 6;
/// Requests of each, sent at once. A worker answers some sixteen of a connection in a turn, so a connection alone keeps
/// it busy for rounds on end, however slowly its caller is run: one long round is not too much yet.
const PIPELINED: usize = 40;

/// How a server with these bounds answers callers of checks of some subjects and of searches, all at once.
fn at_once(check_wait_ms_max: u64, aside_wait_ms_max: u64) -> (Vec<u16>, Vec<u16>) {
    let server = start(HttpConfig { workers: 1, check_wait_ms_max, aside_wait_ms_max, ..config() });
    // Together half a second in a debug build.
    let subject = |n: usize| json!({"ref": n.to_string(), "id": ground::BLACK.1});
    let check = check_with(&(0..15).map(subject).collect());
    let search = json!({"name": ground::BLACK.0}).to_string();
    let mut callers: Vec<Client> = (0..2 * CALLERS).map(|_| server.connect()).collect();
    assert!(callers.iter_mut().all(|caller| caller.get("/healthz").status == 200));
    let all = |caller: &mut Client, path: &str, body: &str| {
        let length = body.len();
        let request =
            format!("POST {path} HTTP/1.1\r\nhost: x\r\ncontent-length: {length}\r\n\r\n{body}");
        caller.send(request.repeat(PIPELINED).as_bytes());
        (0..PIPELINED).map(|_| caller.reply(true)).collect::<Vec<Reply>>()
    };
    let (all, check, search) = (&all, &check, &search);
    let replies: Vec<Vec<Reply>> = std::thread::scope(|scope| {
        let asked = callers.iter_mut().enumerate().map(|(number, caller)| match number % 2 {
            0 => scope.spawn(move || all(caller, "/v1/check", check)),
            _ => scope.spawn(move || all(caller, "/v1/search", search)),
        });
        let asked: Vec<_> = asked.collect();
        asked.into_iter().map(|asked| asked.join().unwrap()).collect()
    });
    for reply in replies.iter().flatten().filter(|reply| reply.status != 200) {
        reply.problem(Code::Overloaded);
        assert_eq!(reply.header("retry-after"), Some("1"));
    }
    // It recovers at once: whoever comes when the round is over is answered, on the same connections.
    let honest = ground::body(ground::BLACK);
    assert!(callers.iter_mut().all(|caller| caller.check(&honest).json()["verdict"] == "prohibit"));
    let text = String::from_utf8(server.connect().get("/metrics").body).unwrap();
    let each = |first: usize| {
        let of = replies.iter().skip(first).step_by(2).flatten();
        of.map(|reply| reply.status).collect::<Vec<u16>>()
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
    assert_eq!(checks, [200; PIPELINED * CALLERS]);
    assert!(searches.contains(&503), "{searches:?}");
}

#[test]
fn checks_that_would_wait_too_long_are_told_so_and_the_others_are_answered() {
    let (checks, _) = at_once(1, 1);
    assert!(checks.contains(&200) && checks.contains(&503), "{checks:?}");
}

#[test]
fn within_the_bounds_everybody_is_answered() {
    let answered = vec![200; PIPELINED * CALLERS];
    assert_eq!(at_once(60_000, 60_000), (answered.clone(), answered));
}

#[test]
fn a_connection_whose_search_was_put_off_rests_before_it_is_read_again() {
    const REST: Duration = Duration::from_millis(50);
    let server = start(HttpConfig { workers: 1, aside_wait_ms_max: 0, ..config() });
    let mut caller = server.connect();
    let honest = ground::body(ground::BLACK);
    let name_alone = check_with(&json!([{"ref": "a", "name": "苏州星和科技有限公司"}]));
    let search = json!({"name": ground::BLACK.0}).to_string();
    // More than is read at once: it is read over, or its connection were closed.
    let long = format!("{search}{}", " ".repeat(40_000));
    for (path, body) in [("/v1/search", &search), ("/v1/search", &long), ("/v1/check", &name_alone)]
    {
        let asked = Clock::now();
        caller.post(path, body.as_bytes()).problem(Code::Overloaded);
        assert_eq!(caller.check(&honest).json()["verdict"], "prohibit");
        assert!(asked.elapsed() >= REST, "{path}: read before it rested");
        // That one was answered, so the next is read at once: sooner than so, of as many as a busy machine needs.
        let rests = |_| {
            let asked = Clock::now();
            assert_eq!(caller.check(&honest).json()["verdict"], "prohibit");
            asked.elapsed() >= REST
        };
        assert!(!(0..1_000).all(rests), "{path}: what is answered rests too");
    }
}
