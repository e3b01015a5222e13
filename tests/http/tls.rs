//! TLS, its certificates, and clients that are known by theirs.

use super::{Running, config, ground, real_now, start_desk};
use ground::{BLACK, MATTER};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedKey, IsCa, Issuer, KeyPair,
    generate_simple_self_signed,
};
use reqwest::{Certificate, Identity, StatusCode};
use serde_json::{Value, json};
use std::io::Read;
use std::net::TcpStream;
use std::path::Path;
use std::time::{Duration, Instant};
use xincha::clients::{Clients, Digest, Roll};
use xincha::http::{Desk, HttpConfig, OPENAPI, Server, TlsConfig};
use xincha::live::Live;

/// A certificate for loopback and its key, PEM.
fn pair() -> (String, String) {
    let names = ["localhost".to_owned(), "127.0.0.1".to_owned()];
    let CertifiedKey { cert, signing_key } = generate_simple_self_signed(names).unwrap();
    (cert.pem(), signing_key.serialize_pem())
}

/// An authority of client certificates.
struct Authority {
    pem: String,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    fn new() -> Authority {
        let (mut params, key) = (CertificateParams::default(), KeyPair::generate().unwrap());
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let pem = params.self_signed(&key).unwrap().pem();
        Authority { pem, issuer: Issuer::new(params, key) }
    }

    /// A client's certificate: with its key as PEM, and its fingerprint.
    fn client(&self) -> (Identity, Digest) {
        let (params, key) = (CertificateParams::default(), KeyPair::generate().unwrap());
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let pem = key.serialize_pem() + &certificate.pem();
        (Identity::from_pem(pem.as_bytes()).unwrap(), Digest::of(certificate.der()))
    }
}

fn write(folder: &Path, (certificate, key): &(String, String)) {
    std::fs::write(folder.join("server.pem"), certificate).unwrap();
    std::fs::write(folder.join("server.key"), key).unwrap();
}

fn told(folder: &Path, client_ca: bool, client_required: bool) -> HttpConfig {
    let tls = TlsConfig {
        certificate: folder.join("server.pem"),
        key: folder.join("server.key"),
        client_ca: client_ca.then(|| folder.join("clients.pem")),
        client_required,
    };
    HttpConfig { tls: Some(tls), header_timeout_ms: 500, ..config() }
}

fn start(config: HttpConfig, clients: Clients) -> Running {
    let (folder, view) = ground::view(real_now());
    let desk = Desk { clients, ..Desk::from(Live::new(Some(view))) };
    start_desk(config, desk, Some(folder))
}

/// What a client that trusts this certificate alone is told; `None` where it is told nothing.
fn ask(
    server: &Running,
    trusted: &str,
    identity: Option<&Identity>,
    path: &str,
    body: Option<&Value>,
) -> Option<(StatusCode, String)> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let trusted = Certificate::from_pem(trusted.as_bytes()).unwrap();
        let client = reqwest::Client::builder().no_proxy().tls_certs_only([trusted]);
        let client = match identity {
            Some(identity) => client.identity(identity.clone()),
            None => client,
        };
        let client = client.build().unwrap();
        let url = format!("https://{}{path}", server.address);
        let request = match body {
            None => client.get(url),
            Some(body) => client.post(url).body(body.to_string()),
        };
        let response = request.send().await.ok()?;
        Some((response.status(), response.text().await.unwrap()))
    })
}

#[test]
fn everything_is_told_under_the_certificate_and_nothing_without() {
    let (folder, pair) = (tempfile::tempdir().unwrap(), pair());
    write(folder.path(), &pair);
    let mut server = start(told(folder.path(), false, false), Clients::default());
    let body = json!({"matter": MATTER, "subjects": [{"ref": "a", "id": BLACK.1}]});
    let (status, answer) = ask(&server, &pair.0, None, "/v1/check", Some(&body)).unwrap();
    assert!(status == 200 && answer.contains("\"verdict\":\"prohibit\""), "{answer}");
    // Larger than what is gathered at once.
    let (_, openapi) = ask(&server, &pair.0, None, "/openapi.json", None).unwrap();
    assert_eq!(openapi, OPENAPI);
    let mut plain = server.connect();
    plain.send(b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n");
    let mut told = Vec::new();
    let _ = plain.stream.read_to_end(&mut told);
    assert!(!told.starts_with(b"HTTP"), "{told:?}");
    let begun = Instant::now();
    let mut silent = TcpStream::connect(server.address).unwrap();
    assert_eq!(silent.read(&mut [0; 1]).unwrap_or(0), 0, "a handshake has the time of a head");
    assert!(begun.elapsed() < Duration::from_secs(30));
    let _shaking = TcpStream::connect(server.address).unwrap();
    std::thread::sleep(Duration::from_millis(100));
    assert_eq!(server.stop().cut, 0, "a drain waits for no handshake");
}

#[test]
fn certificates_are_read_anew_unless_they_cannot_be_used() {
    let folder = tempfile::tempdir().unwrap();
    let (first, second) = (pair(), pair());
    write(folder.path(), &first);
    let server = start(told(folder.path(), false, false), Clients::default());
    let is_told = |pair: &(String, String)| ask(&server, &pair.0, None, "/healthz", None).is_some();
    assert!(is_told(&first) && !is_told(&second));
    write(folder.path(), &second);
    std::thread::sleep(Duration::from_millis(1_500));
    assert!(!is_told(&first) && is_told(&second));
    write(folder.path(), &(first.0.clone(), second.1.clone()));
    std::thread::sleep(Duration::from_millis(1_500));
    assert!(!is_told(&first) && is_told(&second), "a key of another certificate is none");
}

#[test]
fn what_cannot_be_used_at_the_start_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let (first, second) = (pair(), pair());
    let bind = |config| Server::bind(config, Live::new(None)).err().unwrap().to_string();
    assert!(bind(told(folder.path(), false, false)).contains("server.pem"));
    write(folder.path(), &(first.0.clone(), second.1));
    assert!(bind(told(folder.path(), false, false)).contains("server.pem"));
    write(folder.path(), &first);
    assert!(bind(told(folder.path(), false, true)).contains("client_ca"));
    assert!(bind(told(folder.path(), true, true)).contains("clients.pem"));
}

#[test]
fn a_client_is_known_by_its_certificate() {
    let (folder, pair) = (tempfile::tempdir().unwrap(), pair());
    let (authority, other) = (Authority::new(), Authority::new());
    write(folder.path(), &pair);
    std::fs::write(folder.path().join("clients.pem"), &authority.pem).unwrap();
    let ((known, fingerprint), (unknown, _)) = (authority.client(), authority.client());
    let (stranger, _) = other.client();
    let text = format!("[client.a]\nscopes = [\"read\"]\ncertificates = [\"{fingerprint}\"]\n");
    let clients = || Clients::of(Roll::parse(&text, None).unwrap());
    for is_required in [false, true] {
        let server = start(told(folder.path(), true, is_required), clients());
        let status = |identity: Option<&Identity>| {
            ask(&server, &pair.0, identity, "/v1/lists", None).map(|(status, _)| status.as_u16())
        };
        assert_eq!(status(Some(&known)), Some(200));
        assert_eq!(status(Some(&unknown)), Some(401), "signed, and nobody's");
        assert_eq!(status(Some(&stranger)), None, "signed by another");
        assert_eq!(status(None), (!is_required).then_some(401));
        let forbidden = ask(&server, &pair.0, Some(&known), "/v1/cross", Some(&json!({})));
        assert_eq!(forbidden.unwrap().0, 403);
    }
}
