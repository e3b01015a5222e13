//! Where traces are sent, and of how many requests.

use reqwest::Url;
use serde::Deserialize;
use serde::de::{self, Deserializer};
use std::fmt;
use std::str::FromStr;

/// `[traces]`; without it nothing is traced.
#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TracesConfig {
    /// The collector.
    #[serde(deserialize_with = "endpoint")]
    pub endpoint: Endpoint,
    /// The share of requests that are traced, from 0 to 1, of those whose caller does not say. Default: 0.01.
    #[serde(default = "sample_default", deserialize_with = "sample")]
    pub sample: f64,
}

impl TracesConfig {
    /// Every default, and this collector.
    pub fn of(endpoint: Endpoint) -> TracesConfig {
        TracesConfig { endpoint, sample: sample_default() }
    }
}

fn sample_default() -> f64 {
    0.01
}

fn sample<'de, D: Deserializer<'de>>(from: D) -> Result<f64, D::Error> {
    let sample = f64::deserialize(from)?;
    if (0.0..=1.0).contains(&sample) {
        return Ok(sample);
    }
    Err(de::Error::custom(format!(
        "traces.sample = {sample}: 应在 0 与 1 之间 / is not between 0 and 1"
    )))
}

fn endpoint<'de, D: Deserializer<'de>>(from: D) -> Result<Endpoint, D::Error> {
    let text = String::deserialize(from)?;
    text.parse().map_err(|error| de::Error::custom(format!("traces.endpoint: {error}")))
}

/// A collector that takes OTLP over HTTP: `http` or `https`, with nothing in it that would have to be hidden.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Endpoint(Url);

/// A text is no such address.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error(
    "应为 http 或 https 地址，如 http://127.0.0.1:4318，不含用户、密码、查询串 / is no http or https URL such as \
     http://127.0.0.1:4318, without user, password, query"
)]
pub struct NoEndpoint;

impl Endpoint {
    /// Where traces are posted: `/v1/traces` below what is configured.
    pub fn traces(&self) -> String {
        const PATH: &str = "/v1/traces";
        let url = self.0.as_str().trim_end_matches('/');
        if url.ends_with(PATH) { url.to_owned() } else { format!("{url}{PATH}") }
    }

    /// The host and the port.
    pub fn place(&self) -> (&str, u16) {
        let host = self.0.host_str().unwrap_or_default().trim_matches(['[', ']']);
        (host, self.0.port_or_known_default().unwrap_or_default())
    }

    /// It is spoken to without TLS.
    pub fn is_plain(&self) -> bool {
        self.0.scheme() == "http"
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.as_str())
    }
}

impl FromStr for Endpoint {
    type Err = NoEndpoint;

    fn from_str(text: &str) -> Result<Endpoint, NoEndpoint> {
        let url = Url::parse(text).map_err(|_| NoEndpoint)?;
        let hides = !url.username().is_empty()
            || url.password().is_some()
            || url.query().is_some()
            || url.fragment().is_some();
        let is_web = matches!(url.scheme(), "http" | "https");
        if is_web && url.has_host() && !hides { Ok(Endpoint(url)) } else { Err(NoEndpoint) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn traces_go_below_the_endpoint() {
        for (endpoint, traces, place) in [
            ("http://127.0.0.1:4318", "http://127.0.0.1:4318/v1/traces", ("127.0.0.1", 4318)),
            ("https://otel.example/", "https://otel.example/v1/traces", ("otel.example", 443)),
            ("http://[::1]/otlp", "http://[::1]/otlp/v1/traces", ("::1", 80)),
            ("http://a:1/v1/traces", "http://a:1/v1/traces", ("a", 1)),
        ] {
            let endpoint: Endpoint = endpoint.parse().unwrap();
            assert_eq!((endpoint.traces(), endpoint.place()), (traces.to_owned(), place));
        }
    }

    #[test]
    fn mistakes_are_told_with_their_setting() {
        let read = |text: &str| toml::from_str::<TracesConfig>(text);
        let endpoint = "endpoint = \"http://127.0.0.1:4318\"\n";
        let config = read(endpoint).unwrap();
        assert_eq!(config, TracesConfig::of("http://127.0.0.1:4318".parse().unwrap()));
        for (text, told) in [
            ("endpoint = \"127.0.0.1:4318\"".to_owned(), "traces.endpoint"),
            ("endpoint = \"http://key@a\"".to_owned(), "traces.endpoint"),
            ("endpoint = \"https://a/?key=1\"".to_owned(), "traces.endpoint"),
            ("endpoint = \"ftp://a\"".to_owned(), "traces.endpoint"),
            (format!("{endpoint}sample = 1.1"), "traces.sample"),
            (format!("{endpoint}sample = nan"), "traces.sample"),
            (format!("{endpoint}samples = 0.1"), "samples"),
            ("sample = 0.1".to_owned(), "endpoint"),
        ] {
            let error = read(&text).unwrap_err().to_string();
            assert!(error.contains(told), "{text}: {error}");
        }
    }
}
