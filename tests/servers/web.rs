//! A web server that answers as it is told, badly if need be.

use super::Certificate;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

/// A server on loopback; every request is a connection.
pub struct Web {
    address: SocketAddr,
    scheme: &'static str,
    asked: Arc<Mutex<Vec<Asked>>>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

/// A request.
#[derive(Clone, Debug)]
pub struct Asked {
    /// With the query.
    pub path: String,
    /// Names in small letters.
    pub headers: BTreeMap<String, String>,
    /// Requests for this path before.
    pub before: usize,
}

/// An answer.
#[derive(Clone, Default)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(&'static str, String)>,
    pub body: Vec<u8>,
    /// Close after so many bytes of the body, whose whole length was announced.
    pub cut: Option<usize>,
    /// Send in pieces of a chunk each, without a length.
    pub chunked: bool,
    /// Be silent in the middle of the body.
    pub pause: Duration,
}

impl Answer {
    pub fn ok(body: &str) -> Answer {
        Answer { status: 200, body: body.into(), ..Answer::default() }
    }

    pub fn status(status: u16) -> Answer {
        Answer { status, ..Answer::default() }
    }

    pub fn with(mut self, name: &'static str, value: impl Into<String>) -> Answer {
        self.headers.push((name, value.into()));
        self
    }
}

type Answering = dyn Fn(&Asked) -> Answer + Send + Sync;

impl Web {
    pub fn start(answer: impl Fn(&Asked) -> Answer + Send + Sync + 'static) -> Web {
        Web::serve(None, Arc::new(answer))
    }

    pub fn start_tls(
        certificate: &Certificate,
        answer: impl Fn(&Asked) -> Answer + Send + Sync + 'static,
    ) -> Web {
        let chain =
            vec![CertificateDer::from_pem_slice(certificate.certificate.as_bytes()).unwrap()];
        let key = PrivateKeyDer::from_pem_slice(certificate.key.as_bytes()).unwrap();
        let config = ServerConfig::builder_with_provider(
            rustls::crypto::aws_lc_rs::default_provider().into(),
        )
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .unwrap();
        Web::serve(Some(Arc::new(config)), Arc::new(answer))
    }

    fn serve(tls: Option<Arc<ServerConfig>>, answer: Arc<Answering>) -> Web {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let scheme = if tls.is_some() { "https" } else { "http" };
        let (asked, stop) = (Arc::<Mutex<Vec<Asked>>>::default(), Arc::<AtomicBool>::default());
        let (log, stopped) = (Arc::clone(&asked), Arc::clone(&stop));
        let thread = std::thread::spawn(move || {
            for socket in listener.incoming() {
                if stopped.load(Ordering::SeqCst) {
                    break;
                }
                let (socket, tls) = (socket.unwrap(), tls.clone());
                let (answer, log) = (Arc::clone(&answer), Arc::clone(&log));
                // A client that goes away in the middle is not the server's fault.
                std::thread::spawn(move || match tls {
                    None => converse(socket, &*answer, &log),
                    Some(tls) => {
                        let connection = ServerConnection::new(tls).unwrap();
                        converse(StreamOwned::new(connection, socket), &*answer, &log)
                    }
                });
            }
        });
        Web { address, scheme, asked, stop, thread: Some(thread) }
    }

    /// The URL of a path.
    pub fn url(&self, path: &str) -> String {
        format!("{}://{}{path}", self.scheme, self.address)
    }

    /// Host and port.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// All requests so far.
    pub fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }
}

impl Drop for Web {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(self.address);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn converse(
    socket: impl Read + Write,
    answer: &Answering,
    log: &Mutex<Vec<Asked>>,
) -> std::io::Result<()> {
    let mut socket = BufReader::new(socket);
    let Some(mut asked) = hear(&mut socket)? else { return Ok(()) };
    {
        let mut log = log.lock().unwrap();
        asked.before = log.iter().filter(|other| other.path == asked.path).count();
        log.push(asked.clone());
    }
    say(socket.get_mut(), &answer(&asked))
}

fn hear(socket: &mut impl BufRead) -> std::io::Result<Option<Asked>> {
    let mut line = String::new();
    socket.read_line(&mut line)?;
    let Some(path) = line.split(' ').nth(1).map(str::to_owned) else { return Ok(None) };
    let mut headers = BTreeMap::new();
    loop {
        let mut line = String::new();
        socket.read_line(&mut line)?;
        let Some((name, value)) = line.trim_end().split_once(": ") else { break };
        headers.insert(name.to_ascii_lowercase(), value.to_owned());
    }
    Ok(Some(Asked { path, headers, before: 0 }))
}

fn say(socket: &mut impl Write, answer: &Answer) -> std::io::Result<()> {
    let mut head = format!("HTTP/1.1 {} Said\r\nConnection: close\r\n", answer.status);
    head += &match answer.chunked {
        true => "Transfer-Encoding: chunked\r\n".to_owned(),
        false => format!("Content-Length: {}\r\n", answer.body.len()),
    };
    for (name, value) in &answer.headers {
        head += &format!("{name}: {value}\r\n");
    }
    socket.write_all(format!("{head}\r\n").as_bytes())?;
    let sent = &answer.body[..answer.cut.unwrap_or(answer.body.len())];
    let (first, second) = sent.split_at(sent.len() / 2);
    for (position, half) in [first, second].into_iter().enumerate() {
        match answer.chunked && !half.is_empty() {
            true => socket
                .write_all(&[format!("{:x}\r\n", half.len()).as_bytes(), half, b"\r\n"].concat())?,
            false => socket.write_all(half)?,
        }
        socket.flush()?;
        if position == 0 {
            std::thread::sleep(answer.pause);
        }
    }
    if answer.chunked && answer.cut.is_none() {
        socket.write_all(b"0\r\n\r\n")?;
    }
    socket.flush()
}
