//! One POST, signed.

use super::{HeraldConfig, HeraldError};
use crate::audit::recall::Notice;
use crate::record::Instant;
use crate::snapshot::SigningKey;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use reqwest::header::CONTENT_TYPE;
use reqwest::{Certificate, Client, redirect};
use serde_json::json;
use std::time::Duration;

/// What the signed text begins with: no seal does.
const KIND: &str = "xincha-recalls";

/// Recalls for one client.
pub struct Delivery {
    /// Its name.
    pub client: String,
    /// Where they go.
    pub url: String,
    /// The last of them.
    pub last: u64,
    body: Vec<u8>,
    time: String,
    key: String,
    signature: String,
}

impl Delivery {
    /// These, of which there is one at least, signed at an instant.
    pub fn new(
        client: &str,
        url: &str,
        notices: &[Notice],
        key: &SigningKey,
        now: Instant,
    ) -> Delivery {
        let body = json!({ "recalls": notices }).to_string().into_bytes();
        let time = now.to_string();
        let head = format!("{KIND}\n{time}\n{client}\n");
        let signature = key.sign(&[head.as_bytes(), &body].concat());
        Delivery {
            client: client.to_owned(),
            url: url.to_owned(),
            last: notices.last().map_or(0, |last| last.number),
            body,
            time,
            key: key.id().to_string(),
            signature: BASE64_STANDARD.encode(signature),
        }
    }

    /// Send it: the receiver has it when this returns.
    ///
    /// # Errors
    ///
    /// It did not say so; why, without its address.
    pub async fn send(&self, config: &HeraldConfig) -> Result<(), String> {
        let told = |error: reqwest::Error| error.without_url().to_string();
        let client = self.http(config).map_err(|error| error.to_string())?;
        let request = client
            .post(&self.url)
            .header(CONTENT_TYPE, "application/json")
            .header("xincha-client", &self.client)
            .header("xincha-time", &self.time)
            .header("xincha-key", &self.key)
            .header("xincha-signature", &self.signature)
            .body(self.body.clone());
        let status = request.send().await.map_err(told)?.status();
        if status.is_success() { Ok(()) } else { Err(status.to_string()) }
    }

    /// Made for each: recalls are rare, and what the system trusts may change.
    fn http(&self, config: &HeraldConfig) -> Result<Client, HeraldError> {
        let unusable =
            |error: reqwest::Error| HeraldError::Authorities(error.without_url().to_string());
        let mut builder = Client::builder()
            .user_agent(concat!("xincha/", env!("CARGO_PKG_VERSION")))
            .timeout(Duration::from_millis(config.timeout_ms))
            .referer(false)
            .redirect(redirect::Policy::none());
        if let Some(file) = &config.ca_file {
            let authorities =
                Certificate::from_pem_bundle(&std::fs::read(file)?).map_err(unusable)?;
            builder = builder.tls_certs_only(authorities);
        } else if self.url.starts_with("http:") {
            // No authority is needed, and the system may have none.
            builder = builder.tls_certs_only([]).no_proxy();
        }
        builder.build().map_err(unusable)
    }
}
