//! Senders that take their time, or never come to an end, and too many of them.

use super::*;
use std::net::Shutdown;

/// Callers at one time.
const SLOW: usize = 100;

/// Send a byte at a time on each connection, of which none is worth waiting for, until the server has closed all
/// of them: what each was told.
fn trickle(attacked: &Attacked, begin: &[u8], byte: u8) -> Vec<String> {
    let connect = || {
        let mut client = attacked.0.connect();
        client.send(begin);
        client.stream.set_nonblocking(true).unwrap();
        client.stream
    };
    let mut open: Vec<(TcpStream, Vec<u8>)> = (0..SLOW).map(|_| (connect(), Vec::new())).collect();
    let mut told = Vec::new();
    for _ in 0..500 {
        std::thread::sleep(Duration::from_millis(20));
        let each = std::mem::take(&mut open);
        for (mut stream, mut heard) in each {
            let mut chunk = [0; 4096];
            let ended = match stream.read(&mut chunk) {
                Ok(read) => {
                    heard.extend_from_slice(&chunk[..read]);
                    read == 0
                }
                Err(error) => error.kind() != std::io::ErrorKind::WouldBlock,
            };
            // Whoever has been answered may not be heard any more.
            let _ = stream.write(&[byte]);
            if ended {
                told.push(String::from_utf8(heard).unwrap());
            } else {
                open.push((stream, heard));
            }
        }
        if open.is_empty() {
            return told;
        }
        // An honest caller does not notice.
        assert_eq!(attacked.0.connect().check(&ground::body(CLEAR)).status, 200);
    }
    panic!("{} of {SLOW} are still held", open.len());
}

#[test]
fn slow_heads_are_closed() {
    let attacked = Attacked::new(|_| ());
    for begin in ["", "GET /healthz HTTP/1.1\r\nhost: x\r\nx-slow: "] {
        assert!(trickle(&attacked, begin.as_bytes(), b'a').iter().all(String::is_empty));
    }
    attacked.is_sound();
}

#[test]
fn slow_bodies_are_told_and_closed() {
    let attacked = Attacked::new(|_| ());
    for path in ["/v1/check", "/v1/search", "/v1/screen", "/v1/cross", "/match/default"] {
        for length in ["content-length: 100000", "transfer-encoding: chunked"] {
            let chunk = if length.starts_with('t') { "FFFFF\r\n" } else { "" };
            let head = format!("POST {path} HTTP/1.1\r\nhost: x\r\n{length}\r\n\r\n{chunk}");
            let told = trickle(&attacked, head.as_bytes(), b' ');
            let timeouts = told.iter().filter(|told| told.starts_with("HTTP/1.1 408 ")).count();
            assert_eq!(timeouts, SLOW, "{path}, {length}");
        }
    }
    attacked.is_sound();
}

#[test]
fn whoever_leaves_in_the_middle_is_forgotten() {
    let attacked = Attacked::new(|told| {
        (told.header_timeout_ms, told.body_timeout_ms) = (60_000, 60_000);
    });
    let whole = request("content-length: 5\r\n", "hello");
    for cut in [0, 1, 20, whole.len() - 5, whole.len() - 1] {
        for _ in 0..20 {
            // Some close, some only say that they send no more, some reset.
            let mut closed = attacked.0.connect();
            closed.send(&whole[..cut]);
            let mut half = attacked.0.connect();
            half.send(&whole[..cut]);
            half.stream.shutdown(Shutdown::Write).unwrap();
            assert!(half.hear(true).is_none_or(|status| status == 400), "{cut}");
            let mut reset = attacked.0.connect();
            reset.send(&whole[..cut]);
            socket2::SockRef::from(&reset.stream).set_linger(Some(Duration::ZERO)).unwrap();
        }
    }
    attacked.is_sound();
}

/// As many as may be hold their places, and a thousand more knock: each of these is told at once. A hundred
/// thousand would be told the same.
#[test]
fn idle_connections_keep_others_out_only_while_they_are_held() {
    const HELD: usize = 50;
    let attacked = Attacked::new(|told| {
        (told.connections_max, told.header_timeout_ms) = (HELD, 60_000);
    });
    let mut held: Vec<Client> = (0..HELD).map(|_| attacked.0.connect()).collect();
    assert!(held.iter_mut().all(|client| client.get("/healthz").status == 200));
    let refused = (0..1_000).map(|_| attacked.0.connect().hear(true));
    assert_eq!(refused.filter(|told| *told == Some(503)).count(), 1_000);
    assert!(held.iter_mut().all(|client| client.get("/healthz").status == 200));
    drop(held);
    let mut again = (0..500).map(|_| {
        std::thread::sleep(Duration::from_millis(10));
        attacked.0.connect().get("/healthz").status
    });
    assert!(again.any(|status| status == 200), "nobody is let in any more");
    attacked.is_sound();
}

#[test]
fn many_requests_on_one_connection_and_many_connections_of_one_request() {
    let attacked = Attacked::new(|_| ());
    let one = request(
        &format!("content-length: {}\r\n", ground::body(CLEAR).len()),
        &ground::body(CLEAR),
    );
    let mut client = attacked.0.connect();
    let mut sender = client.stream.try_clone().unwrap();
    let all = one.repeat(5_000);
    let sending = std::thread::spawn(move || sender.write_all(&all).unwrap());
    let answered = (0..5_000).filter(|_| client.hear(true) == Some(200)).count();
    sending.join().unwrap();
    drop(client);
    for _ in 0..500 {
        let mut client = attacked.0.connect();
        client.send(&one);
        assert_eq!(client.hear(true), Some(200));
    }
    assert_eq!((answered, attacked.answered("/v1/check")), (5_000, 5_500.0));
    attacked.is_sound();
}
