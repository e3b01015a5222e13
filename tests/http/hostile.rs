//! What comes from whoever means harm: it is refused, or answered as the one request that it is; nothing of it
//! stays, and honest callers are served as before.

mod bodies;
mod framing;
mod slow;

use super::metrics::{exposed, number};
use super::*;
use ground::{BLACK, CLEAR};

/// The route that nothing but a smuggled request asks for.
const SMUGGLED: &str = "GET /v1/lists HTTP/1.1\r\nhost: x\r\n\r\n";

/// A server that closes on whoever is slow within a fraction of a second.
struct Attacked(Running);

/// Statuses of the answers on one connection, in their order, and whether the server closed it by itself.
#[derive(PartialEq, Eq, Debug)]
struct Heard {
    statuses: Vec<u16>,
    closed: bool,
}

impl Attacked {
    fn new(alter: impl FnOnce(&mut HttpConfig)) -> Attacked {
        let mut told = HttpConfig { header_timeout_ms: 300, body_timeout_ms: 300, ..config() };
        alter(&mut told);
        Attacked(start(told))
    }

    /// Send this, hear one answer, then ask honestly on the same connection and hear the rest: an answer too
    /// many stands between the two.
    fn hear(&self, bytes: &[u8]) -> Heard {
        let mut client = self.0.connect();
        // A server that has refused already takes no more.
        let _ = client.stream.write_all(bytes);
        let mut statuses: Vec<u16> = client.hear(true).into_iter().collect();
        let honest = b"GET /healthz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
        let sent = client.stream.write_all(honest).is_ok();
        let rest: Vec<u16> = std::iter::from_fn(|| client.hear(true)).collect();
        let closed = !sent || rest.is_empty();
        statuses.extend(rest);
        Heard { statuses, closed }
    }

    /// Requests that a route has answered so far, whatever the answer.
    fn answered(&self, route: &str) -> f64 {
        let (_, exposed) = exposed(&self.0);
        let of = |status| {
            let labels = [("route", route), ("status", status)];
            number(&exposed, "xincha_request_duration_seconds", &labels)
        };
        ["2xx", "3xx", "4xx", "5xx"].map(of).iter().sum()
    }

    /// An honest caller is answered rightly, no connection but its own is held, nothing is being answered, and
    /// nothing that was smuggled has been.
    fn is_sound(&self) {
        for (subject, verdict) in [(BLACK, "prohibit"), (CLEAR, "clear")] {
            let answer = self.0.connect().check(&ground::body(subject)).json();
            assert_eq!(answer["verdict"], verdict);
        }
        let held = || {
            let (_, exposed) = exposed(&self.0);
            ["xincha_connections", "xincha_requests_in_flight"].map(|of| number(&exposed, of, &[]))
        };
        let alone = (0..500).any(|_| {
            std::thread::sleep(Duration::from_millis(10));
            held() == [1.0, 1.0]
        });
        assert!(alone, "beside the one that asks: {:?}", held());
        assert_eq!(self.answered("/v1/lists"), 0.0, "what was smuggled was answered");
    }
}

impl Client {
    /// The status of the next answer; `None` where the connection ends instead.
    fn hear(&mut self, with_body: bool) -> Option<u16> {
        let mut chunk = [0; 4096];
        while !self.rest.windows(4).any(|window| window == b"\r\n\r\n") {
            match self.stream.read(&mut chunk) {
                Ok(0) => return None,
                Ok(read) => self.rest.extend_from_slice(&chunk[..read]),
                // Ten seconds of silence are neither an answer nor an end.
                Err(error) => match error.kind() {
                    std::io::ErrorKind::WouldBlock => panic!("the server says nothing"),
                    _ => return None,
                },
            }
        }
        Some(self.reply(with_body).status)
    }
}

/// A request with these headers beside its host.
fn request(headers: &str, body: &str) -> Vec<u8> {
    format!("POST /v1/check HTTP/1.1\r\nhost: x\r\n{headers}\r\n{body}").into_bytes()
}

/// The whole body in chunks.
fn chunks(body: &str) -> String {
    format!("{:x}\r\n{body}\r\n0\r\n\r\n", body.len())
}
