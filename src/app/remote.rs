//! The running service, asked over HTTP by the commands that need it.

use crate::config::Config;
use crate::http::TlsConfig;
use reqwest::header::{AUTHORIZATION, HeaderValue};
use reqwest::{Certificate, Client, ClientBuilder, Response};
use serde_json::Value;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

/// A call that takes longer has no one at its other end.
const TIMEOUT: Duration = Duration::from_secs(120);

/// A running service.
pub struct Remote {
    base: String,
    key: Option<Key>,
    trusted: Vec<Certificate>,
    timeout: Duration,
}

/// What the service knows us by. Never an argument: those are shown to everybody on a machine.
#[derive(Clone)]
struct Key(HeaderValue);

impl Key {
    /// The environment's, or that of the file that the environment names.
    fn find() -> Result<Option<Key>, String> {
        let text = match (std::env::var("XINCHA_KEY"), std::env::var("XINCHA_KEY_FILE")) {
            (Ok(key), _) => key,
            (Err(_), Ok(path)) => std::fs::read_to_string(&path).map_err(|error| {
                format!("{path}: 无法读取密钥 / the key cannot be read: {error}")
            })?,
            (Err(_), Err(_)) => return Ok(None),
        };
        let no_key = |_| "XINCHA_KEY: 不是密钥 / is no key".to_owned();
        let mut value =
            HeaderValue::from_str(&format!("Bearer {}", text.trim())).map_err(no_key)?;
        value.set_sensitive(true);
        Ok(Some(Key(value)))
    }
}

/// What a service answered.
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The document.
    pub document: Value,
}

impl Answer {
    /// Read a response to its end.
    pub async fn of(response: Response) -> Result<Answer, Box<dyn std::error::Error>> {
        let status = response.status().as_u16();
        let document = serde_json::from_slice(&response.bytes().await?)?;
        Ok(Answer { status, document })
    }

    /// The document, or the problem in words.
    pub fn good(self) -> Result<Value, Box<dyn std::error::Error>> {
        if (200..300).contains(&self.status) {
            return Ok(self.document);
        }
        let told = super::check::told(&self.document);
        let hint = if self.status == 401 { "\n环境变量 / set XINCHA_KEY" } else { "" };
        Err(format!("{told}{hint}").into())
    }
}

impl Remote {
    /// The service of a configuration, or of an address.
    ///
    /// # Errors
    ///
    /// The key that the environment names cannot be read, or the certificate of the configuration.
    pub fn new(
        config: &Config,
        server: Option<&str>,
    ) -> Result<Remote, Box<dyn std::error::Error>> {
        let base = match server {
            Some(server) => server.trim_end_matches('/').to_owned(),
            None => {
                let scheme = if config.http.tls.is_some() { "https" } else { "http" };
                format!("{scheme}://{}", reachable(config.http.address))
            }
        };
        // Its own certificate may be one that nobody else vouches for.
        let chain = config.http.tls.as_ref().map(|TlsConfig { certificate, .. }| {
            let shown = certificate.display();
            let pem = std::fs::read(certificate).map_err(|error| format!("{shown}: {error}"))?;
            Certificate::from_pem_bundle(&pem).map_err(|error| format!("{shown}: {error}"))
        });
        let trusted = chain.transpose()?.unwrap_or_default();
        Ok(Remote { base, key: Key::find()?, trusted, timeout: TIMEOUT })
    }

    /// The same, asked with less patience.
    pub fn within(self, timeout: Duration) -> Remote {
        Remote { timeout, ..self }
    }

    /// Who asks it, with these settings and our key: no proxy stands between, since the service is where it is
    /// told to be.
    pub fn client(&self, settings: ClientBuilder) -> reqwest::Result<Client> {
        let key = self.key.iter().map(|Key(value)| (AUTHORIZATION, value.clone()));
        let settings = settings.tls_certs_merge(self.trusted.iter().cloned());
        settings.no_proxy().default_headers(key.collect()).build()
    }

    /// Where it is.
    pub fn base(&self) -> &str {
        &self.base
    }

    /// `GET` a path.
    pub fn get(&self, path: &str) -> Result<Answer, Box<dyn std::error::Error>> {
        self.ask(path, None)
    }

    /// `POST` a document to a path.
    pub fn post(&self, path: &str, body: Vec<u8>) -> Result<Answer, Box<dyn std::error::Error>> {
        self.ask(path, Some(body))
    }

    fn ask(&self, path: &str, body: Option<Vec<u8>>) -> Result<Answer, Box<dyn std::error::Error>> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(async {
            let client = self.client(Client::builder().timeout(self.timeout))?;
            let url = format!("{}{path}", self.base);
            let request = match body {
                None => client.get(&url),
                Some(body) => {
                    client.post(&url).header("content-type", "application/json").body(body)
                }
            };
            Answer::of(self.heard(request.send().await)?).await
        })
    }

    /// A response, or in words that there is none.
    pub fn heard(
        &self,
        sent: reqwest::Result<Response>,
    ) -> Result<Response, Box<dyn std::error::Error>> {
        Ok(sent.map_err(|error| {
            let (base, why) = (&self.base, error.without_url());
            format!("{base}: 服务未响应 / the service does not answer: {why}")
        })?)
    }
}

/// Where a service that listens everywhere is reached from here.
fn reachable(address: SocketAddr) -> SocketAddr {
    match address.ip() {
        ip if ip.is_unspecified() => {
            SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), address.port())
        }
        _ => address,
    }
}
