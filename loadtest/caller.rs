//! Somebody who asks one thing after the other, and waits for each answer.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// A connection of a client.
pub struct Caller {
    stream: BufReader<TcpStream>,
    key: String,
}

impl Caller {
    pub fn connect(address: SocketAddr, key: &str) -> Result<Caller, String> {
        let stream = TcpStream::connect(address).map_err(text)?;
        stream.set_nodelay(true).map_err(text)?;
        stream.set_read_timeout(Some(Duration::from_secs(30))).map_err(text)?;
        Ok(Caller { stream: BufReader::new(stream), key: key.to_owned() })
    }

    pub fn get(&mut self, path: &str) -> Result<(u16, Vec<u8>), String> {
        self.ask("GET", path, "")
    }

    pub fn post(&mut self, path: &str, body: &str) -> Result<(u16, Vec<u8>), String> {
        self.ask("POST", path, body)
    }

    fn ask(&mut self, method: &str, path: &str, body: &str) -> Result<(u16, Vec<u8>), String> {
        let request = format!(
            "{method} {path} HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: Bearer {}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            self.key,
            body.len()
        );
        self.stream.get_mut().write_all(request.as_bytes()).map_err(text)?;
        let (mut line, mut status, mut length) = (String::new(), None, 0);
        loop {
            line.clear();
            self.stream.read_line(&mut line).map_err(text)?;
            let told = line.trim_end();
            if told.is_empty() {
                break;
            }
            match told.split_once(": ") {
                None => status = told.get(9..12).and_then(|status| status.parse().ok()),
                Some(("content-length", value)) => length = value.parse().map_err(text)?,
                Some(_) => {}
            }
        }
        let mut answer = vec![0; length];
        self.stream.read_exact(&mut answer).map_err(text)?;
        Ok((status.ok_or("no answer")?, answer))
    }
}

fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}
