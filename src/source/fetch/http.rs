//! One or several URLs.
//!
//! Each is asked for on the condition that it changed, where its last answer had an `ETag` or a
//! `Last-Modified`. What did not change is copied from the last delivery.

use super::address::Address;
use super::arrival::Arrival;
use super::error::chain;
use super::memory::Mark;
use super::{FetchError, Fetched, Visit};
use crate::secret::Secret;
use jiff::{SignedDuration, Timestamp};
use reqwest::header::{
    CONTENT_LENGTH, DATE, ETAG, HeaderMap, HeaderName, HeaderValue, IF_MODIFIED_SINCE,
    IF_NONE_MATCH, LAST_MODIFIED, LOCATION, RETRY_AFTER,
};
use reqwest::{Certificate, Client, Response, StatusCode, redirect};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

/// Redirects that are followed within one host.
const REDIRECTS_MAX: usize = 5;
/// After so long a file's `Last-Modified` tells it from any later one.
const TICK: SignedDuration = SignedDuration::from_secs(2);

/// URLs.
///
/// ```toml
/// kind = "http"
/// files = [
///     { url = "https://share.example.gov.cn/sxbzxr-1.csv" },
///     { url = "env:SXBZXR_URL", name = "sxbzxr-2.csv" },
/// ]
/// headers = { Authorization = "env:SXBZXR_TOKEN" }
/// ca_file = "/etc/xincha/ca.pem"
/// ```
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HttpConfig {
    /// The files.
    pub files: Vec<HttpFile>,
    /// Sent with every request, to the host of its URL alone.
    #[serde(default)]
    pub headers: BTreeMap<String, Secret>,
    /// A PEM file: only servers certified by one of its authorities are trusted. Default: those that
    /// the system trusts.
    #[serde(default)]
    pub ca_file: Option<PathBuf>,
}

/// A file at a URL.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HttpFile {
    /// `http` or `https`. A user and password in it are sent as basic authentication.
    pub url: Secret,
    /// The file's name. Default: the last segment of the path.
    #[serde(default)]
    pub name: Option<String>,
}

/// A file to bring.
struct Target {
    address: Address,
    name: String,
}

impl HttpConfig {
    pub(super) fn identity(&self) -> Result<String, FetchError> {
        let mut identity = "http".to_owned();
        for target in self.targets()? {
            identity += &format!("\n{}\n{}", target.address.identity(), target.name);
        }
        Ok(identity)
    }

    fn targets(&self) -> Result<Vec<Target>, FetchError> {
        let mut names = BTreeSet::new();
        let mut targets = Vec::new();
        for (position, file) in self.files.iter().enumerate() {
            let address = Address::parse(&format!("files[{position}].url"), &file.url)?;
            let name = file.name.clone().unwrap_or_else(|| address.file_name());
            if !names.insert(name.clone()) {
                let what = format!("files[{position}]: 文件名 {name} 重复 / the name is taken");
                return Err(FetchError::config(what));
            }
            targets.push(Target { address, name });
        }
        if targets.is_empty() {
            return Err(FetchError::config("files: 为空 / is empty"));
        }
        Ok(targets)
    }

    fn headers(&self) -> Result<HeaderMap, FetchError> {
        let mut headers = HeaderMap::new();
        for (name, value) in &self.headers {
            let unsound =
                || FetchError::config(format!("headers.{name}: 无效 / is no sound header"));
            let header = HeaderName::try_from(name.as_str()).map_err(|_| unsound())?;
            let mut value = HeaderValue::try_from(value.reveal()?).map_err(|_| unsound())?;
            value.set_sensitive(true);
            headers.insert(header, value);
        }
        Ok(headers)
    }

    fn client(&self, targets: &[Target], stall: Duration) -> Result<Client, FetchError> {
        let mut builder = Client::builder()
            .user_agent(concat!("xincha/", env!("CARGO_PKG_VERSION")))
            .default_headers(self.headers()?)
            .connect_timeout(stall)
            .referer(false)
            .redirect(within_one_host());
        if let Some(file) = &self.ca_file {
            builder = builder.tls_certs_only(authorities(file)?);
        } else if targets.iter().all(|target| target.address.is_plain()) {
            // No authority is needed, and the system may have none.
            builder = builder.tls_certs_only([]);
        }
        builder.build().map_err(|error| FetchError::config(chain(&error.without_url())))
    }
}

fn authorities(file: &std::path::Path) -> Result<Vec<Certificate>, FetchError> {
    let pem = std::fs::read(file).map_err(|source| FetchError::io(file, source))?;
    match Certificate::from_pem_bundle(&pem) {
        Ok(authorities) if !authorities.is_empty() => Ok(authorities),
        _ => Err(FetchError::config(format!(
            "ca_file: {} 中没有证书 / holds no certificate",
            file.display()
        ))),
    }
}

/// Headers of our own naming would go along to another host: there we do not follow.
fn within_one_host() -> redirect::Policy {
    redirect::Policy::custom(|attempt| {
        let is_at_home =
            attempt.previous().iter().all(|url| url.origin() == attempt.url().origin());
        if is_at_home && attempt.previous().len() <= REDIRECTS_MAX {
            attempt.follow()
        } else {
            attempt.stop()
        }
    })
}

pub(super) async fn bring(
    config: &HttpConfig,
    visit: &Visit<'_>,
    mut arrival: Arrival<'_>,
) -> Result<Fetched, FetchError> {
    let targets = config.targets()?;
    for target in &targets {
        visit.claimed(&target.name)?;
    }
    let client = config.client(&targets, visit.watch.limits.stall())?;
    let mut as_before = Vec::new();
    for target in &targets {
        let mark = visit.memory.mark(&target.name);
        if !take(&client, target, mark, visit, &mut arrival).await? {
            as_before.push(target);
        }
    }
    if as_before.len() == targets.len() {
        return Ok(Fetched::Unchanged { memory: visit.memory.clone() });
    }
    for target in as_before {
        if !arrival.take_again(visit.previous, visit.memory, &target.name)? {
            take(&client, target, None, visit, &mut arrival).await?;
        }
    }
    arrival.conclude(visit.memory, None)
}

/// Bring a file; false when it is as `mark` says.
async fn take(
    client: &Client,
    target: &Target,
    mark: Option<&Mark>,
    visit: &Visit<'_>,
    arrival: &mut Arrival<'_>,
) -> Result<bool, FetchError> {
    visit.watch.persist(async || attempt(client, target, mark, visit, arrival).await).await
}

async fn attempt(
    client: &Client,
    target: &Target,
    mark: Option<&Mark>,
    visit: &Visit<'_>,
    arrival: &mut Arrival<'_>,
) -> Result<bool, FetchError> {
    let at = target.address.shown();
    let broken = |error: reqwest::Error| FetchError::Connection {
        at: at.clone(),
        why: chain(&error.without_url()),
    };
    let request = client.get(target.address.url().clone()).headers(condition(mark));
    let mut answer = visit.watch.hear(&at, request.send()).await?.map_err(broken)?;
    match answer.status() {
        StatusCode::OK => {}
        StatusCode::NOT_MODIFIED if mark.is_some() => return Ok(false),
        _ => return Err(refusal(at, &answer)),
    }
    let announced = number(&answer, CONTENT_LENGTH);
    let mut copy =
        arrival.begin(&target.name)?.written(moment(&answer, LAST_MODIFIED).map(written));
    copy.check_room(announced.unwrap_or(0))?;
    while let Some(piece) = visit.watch.hear(&at, answer.chunk()).await?.map_err(broken)? {
        copy.write(&piece)?;
    }
    match announced {
        Some(expected) if expected != copy.bytes() => {
            return Err(FetchError::Short { at, expected, got: copy.bytes() });
        }
        _ => arrival.keep(copy, mark_of(&answer))?,
    }
    Ok(true)
}

fn condition(mark: Option<&Mark>) -> HeaderMap {
    let mut headers = HeaderMap::new();
    let Some(Mark::Answer { etag, last_modified }) = mark else { return headers };
    for (name, value) in [(IF_NONE_MATCH, etag), (IF_MODIFIED_SINCE, last_modified)] {
        if let Some(value) = value.as_deref().and_then(|text| HeaderValue::from_str(text).ok()) {
            headers.insert(name, value);
        }
    }
    headers
}

/// None where the answer cannot be asked for on a condition. A day and second alone do so only when
/// they had passed as the answer was made: the file may have changed twice within one.
fn mark_of(answer: &Response) -> Option<Mark> {
    let (etag, last_modified) = (text(answer, ETAG), text(answer, LAST_MODIFIED));
    let passed = || Some(moment(answer, DATE)?.duration_since(moment(answer, LAST_MODIFIED)?));
    let is_marked = etag.is_some() || passed().is_some_and(|since| since >= TICK);
    is_marked.then_some(Mark::Answer { etag, last_modified })
}

fn refusal(at: String, answer: &Response) -> FetchError {
    let status = answer.status();
    let to = text(answer, LOCATION).and_then(|to| answer.url().join(&to).ok());
    match to {
        Some(to) if status.is_redirection() => {
            FetchError::Redirected { at, to: to.origin().ascii_serialization() }
        }
        _ => FetchError::Status { at, status: status.as_u16(), retry_after: retry_after(answer) },
    }
}

/// Seconds, or the moment itself.
fn retry_after(answer: &Response) -> Option<Duration> {
    if let Some(seconds) = number(answer, RETRY_AFTER) {
        return Some(Duration::from_secs(seconds));
    }
    Duration::try_from(moment(answer, RETRY_AFTER)?.duration_since(Timestamp::now())).ok()
}

fn moment(answer: &Response, header: HeaderName) -> Option<Timestamp> {
    Some(jiff::fmt::rfc2822::parse(&text(answer, header)?).ok()?.timestamp())
}

fn written(at: Timestamp) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(at.as_second().max(0) as u64)
}

fn text(answer: &Response, header: HeaderName) -> Option<String> {
    answer.headers().get(header)?.to_str().ok().map(str::to_owned)
}

fn number(answer: &Response, header: HeaderName) -> Option<u64> {
    text(answer, header)?.trim().parse().ok()
}
