//! The running service, asked over HTTP by the commands that need it.

use crate::config::Config;
use reqwest::Response;
use serde_json::Value;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

/// A call that takes longer has no one at its other end.
const TIMEOUT: Duration = Duration::from_secs(120);

/// A running service.
pub struct Remote {
    base: String,
    timeout: Duration,
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
        Err(super::check::told(&self.document).into())
    }
}

impl Remote {
    /// The service of a configuration, or of an address.
    pub fn new(config: &Config, server: Option<&str>) -> Remote {
        let base = match server {
            Some(server) => server.trim_end_matches('/').to_owned(),
            None => format!("http://{}", reachable(config.http.address)),
        };
        Remote { base, timeout: TIMEOUT }
    }

    /// The same, asked with less patience.
    pub fn within(self, timeout: Duration) -> Remote {
        Remote { timeout, ..self }
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
            // The service is where it is told to be: no proxy stands between.
            let client = reqwest::Client::builder().timeout(self.timeout).no_proxy().build()?;
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
