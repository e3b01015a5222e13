//! Where a request ends: shapes on which two readers may disagree.

use super::*;

/// The request with a part of its text replaced.
fn but(request: Vec<u8>, from: &str, to: &str) -> Vec<u8> {
    String::from_utf8(request).unwrap().replace(from, to).into_bytes()
}

/// It is answered, or refused, once; the next request of the connection is the next answer, unless the server
/// closed.
#[test]
fn a_request_of_any_shape_is_one_request() {
    let attacked = Attacked::new(|_| ());
    let body = ground::body(CLEAR);
    let length = body.len();
    let whole = |headers: &str| request(&format!("{headers}content-length: {length}\r\n"), &body);
    let chunked = |headers: &str, body: &str| {
        request(&format!("{headers}transfer-encoding: chunked\r\n"), body)
    };
    let line =
        |line: &str, headers: &str| format!("{line}\r\nhost: x\r\n{headers}\r\n").into_bytes();
    let hidden = format!("0\r\n\r\n{SMUGGLED}");
    let in_chunk = chunks(SMUGGLED);
    let long_extension = format!("5;{}\r\nhello\r\n0\r\n\r\n", "x".repeat(20_000));
    let many_trailers = format!("0\r\n{}\r\n", "t: v\r\n".repeat(5_000));
    let rows: Vec<(&str, Vec<u8>, &[u16], bool)> = vec![
        ("an honest one", whole(""), &[200, 200], false),
        ("chunks", chunked("", &chunks(&body)), &[200, 200], false),
        // Two lengths.
        (
            "a length, then chunks that end before it",
            chunked(&format!("content-length: {}\r\n", hidden.len()), &hidden),
            &[400],
            true,
        ),
        (
            "chunks, then a length that ends before them",
            request("transfer-encoding: chunked\r\ncontent-length: 4\r\n", &in_chunk),
            &[400],
            true,
        ),
        (
            "the same length twice",
            whole(&format!("content-length: {length}\r\n")),
            &[200, 200],
            false,
        ),
        ("two lengths", whole("content-length: 1\r\n"), &[400], true),
        ("a list of lengths", request("content-length: 5, 5\r\n", "hello"), &[400], true),
        ("a signed length", request("content-length: +5\r\n", "hello"), &[400], true),
        ("a negative length", request("content-length: -5\r\n", "hello"), &[400], true),
        ("a length in another base", request("content-length: 0x5\r\n", "hello"), &[400], true),
        ("no digits", request("content-length: \r\n", "hello"), &[400], true),
        (
            "a length beyond 64 bits",
            request("content-length: 18446744073709551617\r\n", "hello"),
            &[400],
            true,
        ),
        (
            "a length of almost 64 bits",
            request("content-length: 18446744073709551613\r\n", "hello"),
            &[413],
            true,
        ),
        // Codings.
        ("an unknown coding", request("transfer-encoding: xchunked\r\n", &in_chunk), &[400], true),
        (
            "a coding behind chunked",
            request("transfer-encoding: chunked, identity\r\n", &in_chunk),
            &[400],
            true,
        ),
        (
            "two headers of codings",
            but(chunked("", &in_chunk), "chunked\r\n", "chunked\r\ntransfer-encoding: cow\r\n"),
            &[400],
            true,
        ),
        (
            "a space before the colon",
            request("transfer-encoding : chunked\r\n", &in_chunk),
            &[400],
            true,
        ),
        (
            "a control before the coding",
            request("transfer-encoding: \x0bchunked\r\n", &in_chunk),
            &[400],
            true,
        ),
        (
            "chunks of HTTP/1.0",
            but(chunked("", &in_chunk), "HTTP/1.1\r\nhost: x\r\nt", "HTTP/1.0\r\nhost: x\r\nt"),
            &[400],
            true,
        ),
        (
            "a length on a folded line",
            request(&format!("x: y\r\n content-length: {length}\r\n"), &body),
            &[400],
            true,
        ),
        // Chunks.
        (
            "a size beyond 64 bits",
            chunked("", &format!("FFFFFFFFFFFFFFFFF\r\n{SMUGGLED}")),
            &[400],
            true,
        ),
        (
            "a size of 64 bits",
            chunked("", &format!("FFFFFFFFFFFFFFFE\r\n{SMUGGLED}")),
            &[408],
            true,
        ),
        ("a negative size", chunked("", &format!("-1\r\n{SMUGGLED}")), &[400], true),
        ("a size with a prefix", chunked("", "0x5\r\nhello\r\n0\r\n\r\n"), &[400], true),
        ("a size with a space before", chunked("", " 5\r\nhello\r\n0\r\n\r\n"), &[400], true),
        (
            "a chunk longer than its size",
            chunked("", &format!("3\r\nhello\r\n{hidden}")),
            &[400],
            true,
        ),
        ("an extension without end", chunked("", &long_extension), &[400], true),
        (
            "a bare line feed in an extension",
            chunked("", &format!("5;a\nhello\r\n{hidden}")),
            &[400],
            true,
        ),
        (
            "a trailer",
            chunked(
                "",
                &chunks(&body).replace("0\r\n\r\n", "0\r\ncontent-length: 99\r\nx: y\r\n\r\n"),
            ),
            &[200, 200],
            false,
        ),
        ("trailers without end", chunked("", &many_trailers), &[400], true),
        // Heads.
        ("bare line feeds", but(whole(""), "\r\n", "\n"), &[200, 200], false),
        ("a bare carriage return", whole("x: a\rcontent-length: 1\r\n"), &[400], true),
        ("a nul in a value", whole("x: a\0b\r\n"), &[400], true),
        ("a nul in a name", whole("x\0y: a\r\n"), &[400], true),
        ("a name without its colon", whole("nothing\r\n"), &[400], true),
        ("a folded line", whole("x: a\r\n b\r\n"), &[400], true),
        ("many headers", whole(&"x: y\r\n".repeat(101)), &[431], true),
        ("a long header", whole(&format!("x: {}\r\n", "y".repeat(70_000))), &[431], true),
        ("a long target", line(&format!("GET /{} HTTP/1.1", "x".repeat(65_600)), ""), &[431], true),
        // Hosts.
        ("no host", but(whole(""), "host: x\r\n", ""), &[400], true),
        ("no host of HTTP/1.0", b"GET /healthz HTTP/1.0\r\n\r\n".to_vec(), &[200], true),
        (
            "no host of HTTP/1.0 that goes on",
            b"GET /healthz HTTP/1.0\r\nconnection: keep-alive\r\n\r\n".to_vec(),
            &[200, 200],
            false,
        ),
        ("two hosts", whole("host: y\r\n"), &[400], true),
        ("the same host twice", whole("host: x\r\n"), &[400], true),
        ("two hosts of HTTP/1.0", but(whole("host: y\r\n"), "HTTP/1.1", "HTTP/1.0"), &[400], true),
        ("an empty host", but(whole(""), "host: x", "host:"), &[200, 200], false),
        ("a host with its port", but(whole(""), "host: x", "host: [::1]:80"), &[200, 200], false),
        ("a list of hosts", but(whole(""), "host: x", "host: x, y"), &[400], true),
        ("a host with a user", but(whole(""), "host: x", "host: u@x"), &[400], true),
        ("a host with a path", but(whole(""), "host: x", "host: x/y"), &[400], true),
        ("a port of letters", but(whole(""), "host: x", "host: x:y"), &[400], true),
        (
            "no host beside an absolute target",
            but(but(whole(""), "host: x\r\n", ""), "POST /", "POST http://x/"),
            &[400],
            true,
        ),
        // Targets.
        (
            "an absolute target",
            but(whole(""), "POST /", "POST http://elsewhere.example/"),
            &[200, 200],
            false,
        ),
        ("an authority", line("GET elsewhere.example:80 HTTP/1.1", ""), &[404, 200], false),
        ("a tunnel", line("CONNECT elsewhere.example:80 HTTP/1.1", ""), &[404, 200], false),
        ("an asterisk", line("OPTIONS * HTTP/1.1", ""), &[404, 200], false),
        ("a target that climbs", line("GET /v1/../v1/lists HTTP/1.1", ""), &[404, 200], false),
        ("two slashes", line("GET //v1/lists HTTP/1.1", ""), &[404, 200], false),
        ("an escaped slash", line("GET /v1%2flists HTTP/1.1", ""), &[404, 200], false),
        ("a space within the target", line("GET /v1 /lists HTTP/1.1", ""), &[400], true),
        ("a method of another case", line("get /v1/lists HTTP/1.1", ""), &[405, 200], false),
        // Versions and other protocols.
        ("HTTP/0.9", b"GET /v1/lists\r\n\r\n".to_vec(), &[400], true),
        ("HTTP/1.2", line("GET /v1/lists HTTP/1.2", ""), &[400], true),
        ("HTTP/2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0".to_vec(), &[], true),
        (
            "HTTP/2 by an upgrade",
            whole(
                "connection: upgrade, http2-settings\r\nupgrade: h2c\r\nhttp2-settings: AAMAAABkAARAAAAA\r\n",
            ),
            &[200, 200],
            false,
        ),
        (
            "a handshake of TLS",
            b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03".repeat(30),
            &[400],
            true,
        ),
        // Bodies that nobody reads.
        (
            "a request as a body of GET",
            line(
                "GET /healthz HTTP/1.1",
                &format!("content-length: {}\r\n\r\n{SMUGGLED}", SMUGGLED.len()),
            ),
            &[200, 200],
            false,
        ),
        (
            "a request as a body of no path",
            line(
                "POST /nowhere HTTP/1.1",
                &format!("content-length: {}\r\n\r\n{SMUGGLED}", SMUGGLED.len()),
            ),
            &[404, 200],
            false,
        ),
        (
            "a request in a chunk that nobody reads",
            line("GET /healthz HTTP/1.1", &format!("transfer-encoding: chunked\r\n\r\n{in_chunk}")),
            &[200, 200],
            false,
        ),
        (
            "a body that is expected and too large",
            request("expect: 100-continue\r\ncontent-length: 9999999\r\n", ""),
            &[413],
            true,
        ),
    ];
    for (shape, bytes, statuses, closed) in rows {
        let before = attacked.answered("/v1/check");
        let heard = attacked.hear(&bytes);
        assert_eq!(heard, Heard { statuses: statuses.to_vec(), closed }, "{shape}");
        assert!(attacked.answered("/v1/check") - before <= 1.0, "{shape}: answered twice");
        assert_eq!(attacked.answered("/v1/lists"), 0.0, "{shape}: what was smuggled was answered");
    }
    attacked.is_sound();
}

#[test]
fn a_request_without_its_host_hears_why_and_is_counted() {
    let attacked = Attacked::new(|_| ());
    let body = ground::body(CLEAR);
    let length = format!("content-length: {}\r\n", body.len());
    for (path, route) in [("/v1/check", "/v1/check"), ("/v1/data", "other")] {
        let shaped = |from: &str, to: &str| {
            let whole = but(request(&length, &body), "/v1/check", path);
            let mut client = attacked.0.connect();
            client.send(&but(whole, from, to));
            let reply = client.reply(true);
            reply.problem(Code::InvalidHost);
            assert_eq!(reply.header("connection"), Some("close"));
            assert!(client.is_closed());
        };
        shaped("host: x\r\n", "");
        shaped("host: x\r\n", "host: x\r\nHost: y\r\n");
        let labels = [("route", route), ("code", "invalid_host")];
        let (_, exposed) = exposed(&attacked.0);
        assert_eq!(number(&exposed, "xincha_refusals_total", &labels), 2.0, "{path}");
    }
    attacked.is_sound();
}
