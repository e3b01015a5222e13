//! A prefix of a bucket of S3-compatible object storage.
//!
//! Answers of such storage name the access key and what was signed with it, so errors take its code
//! from them and nothing else.

use super::address::Address;
use super::arrival::{Arrival, Incoming};
use super::error::chain;
use super::memory::Mark;
use super::shelf::{self, Listing, Seen, Shelf};
use super::{Complete, FetchError, Fetched, Limits, Visit};
use crate::secret::Secret;
use futures_util::StreamExt;
use object_store::aws::{AmazonS3, AmazonS3Builder};
use object_store::client::HttpError;
use object_store::path::Path as Key;
use object_store::{
    Certificate, ClientOptions, Error, GetOptions, ObjectMeta, ObjectStore, ObjectStoreExt,
    RetryConfig,
};
use serde::Deserialize;
use std::path::PathBuf;

/// A prefix of a bucket.
///
/// ```toml
/// kind = "s3"
/// endpoint = "https://oss.example.gov.cn"
/// bucket = "credit"
/// prefix = "sxbzxr"
/// access_key = "env:S3_ACCESS_KEY"
/// secret_key = "env:S3_SECRET_KEY"
/// complete = "manifest"           # any | ok | manifest
/// ```
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct S3Config {
    /// URL of the service, without user and password.
    pub endpoint: Secret,
    /// The bucket.
    pub bucket: String,
    /// The folder, as it were, in the bucket; objects directly in it count. Default: the bucket's top.
    #[serde(default)]
    pub prefix: String,
    /// The region that requests are signed for. Default: `us-east-1`, which most services other than
    /// Amazon's take.
    #[serde(default = "region")]
    pub region: String,
    /// The bucket stands in the path and not in the host's name. Default: true.
    #[serde(default = "yes")]
    pub path_style: bool,
    /// An endpoint without TLS is allowed. Default: false.
    #[serde(default)]
    pub allow_http: bool,
    /// The access key; without it requests are not signed.
    #[serde(default)]
    pub access_key: Option<Secret>,
    /// The secret key.
    #[serde(default)]
    pub secret_key: Option<Secret>,
    /// The session token, where the service gave one.
    #[serde(default)]
    pub session_token: Option<Secret>,
    /// A PEM file with authorities to trust beside the system's.
    #[serde(default)]
    pub ca_file: Option<PathBuf>,
    /// When objects count as a delivery; as for a folder, with `<name>.ok` and `manifest.json` being
    /// objects. Default: `any`.
    #[serde(default)]
    pub complete: Complete,
}

fn region() -> String {
    "us-east-1".to_owned()
}

fn yes() -> bool {
    true
}

impl S3Config {
    pub(super) fn identity(&self) -> Result<String, FetchError> {
        let endpoint = self.endpoint()?.identity();
        Ok(format!("s3 {endpoint} {} {}", self.bucket, self.prefix))
    }

    fn endpoint(&self) -> Result<Address, FetchError> {
        let endpoint = Address::parse("endpoint", &self.endpoint)?;
        if endpoint.has_user() {
            return Err(FetchError::config("endpoint: 不得含用户名 / must not hold a user"));
        }
        if endpoint.is_plain() && !self.allow_http {
            return Err(FetchError::config("endpoint: 需要 allow_http / needs allow_http"));
        }
        Ok(endpoint)
    }

    fn store(&self, limits: &Limits) -> Result<AmazonS3, FetchError> {
        let endpoint = self.endpoint()?;
        let mut builder = AmazonS3Builder::new()
            .with_endpoint(endpoint.url().as_str().trim_end_matches('/'))
            .with_bucket_name(&self.bucket)
            .with_region(&self.region)
            .with_virtual_hosted_style_request(!self.path_style)
            .with_skip_signature(self.access_key.is_none())
            .with_retry(RetryConfig { max_retries: 0, ..RetryConfig::default() })
            .with_client_options(self.client(&endpoint, limits)?);
        if let Some(key) = &self.access_key {
            builder = builder.with_access_key_id(key.reveal()?);
        }
        if let Some(key) = &self.secret_key {
            builder = builder.with_secret_access_key(key.reveal()?);
        }
        if let Some(token) = &self.session_token {
            builder = builder.with_token(token.reveal()?);
        }
        builder
            .build()
            .map_err(|_| FetchError::config("s3: 设置不完整 / the settings do not suffice"))
    }

    fn client(&self, endpoint: &Address, limits: &Limits) -> Result<ClientOptions, FetchError> {
        let mut options = ClientOptions::new()
            .with_allow_http(self.allow_http)
            .with_connect_timeout(limits.stall())
            .with_read_timeout(limits.stall())
            .with_timeout_disabled();
        if endpoint.is_plain() {
            options = options.with_no_system_certificates(true);
        }
        let Some(file) = &self.ca_file else { return Ok(options) };
        let pem = std::fs::read(file).map_err(|source| FetchError::io(file, source))?;
        let authorities = Certificate::from_pem_bundle(&pem).map_err(|_| {
            FetchError::config(format!("ca_file: {} 无效 / is not sound", file.display()))
        })?;
        Ok(authorities.into_iter().fold(options, ClientOptions::with_root_certificate))
    }
}

pub(super) async fn bring(
    config: &S3Config,
    visit: &Visit<'_>,
    arrival: Arrival<'_>,
) -> Result<Fetched, FetchError> {
    let prefix = Key::parse(&config.prefix)
        .map_err(|_| FetchError::config("prefix: 无效 / is not sound"))?;
    let store = config.store(visit.watch.limits)?;
    let at = format!("s3://{}/{prefix}", config.bucket);
    let bucket = Bucket { at, store, prefix, visit };
    shelf::bring(&bucket, config.complete, visit, arrival).await
}

struct Bucket<'a> {
    at: String,
    store: AmazonS3,
    prefix: Key,
    visit: &'a Visit<'a>,
}

impl Bucket<'_> {
    /// The key, and the place for people.
    fn key(&self, name: &str) -> Result<(Key, String), FetchError> {
        let whole = format!("{}/{name}", self.prefix);
        let key = Key::parse(whole).map_err(|_| FetchError::Name { name: name.to_owned() })?;
        Ok((key, format!("{}/{name}", self.at)))
    }

    async fn seen(&self, meta: ObjectMeta) -> Result<Seen, FetchError> {
        let e_tag = match meta.e_tag {
            Some(e_tag) => Some(e_tag),
            None => self.look(&meta.location).await?.e_tag,
        };
        let (lasting, written) = (e_tag.is_some(), Some(meta.last_modified.into()));
        let e_tag = e_tag.unwrap_or_else(|| meta.last_modified.to_rfc3339());
        let mark = Mark::Object { bytes: meta.size, e_tag };
        Ok(Seen { bytes: meta.size, mark, lasting, settled: true, written })
    }

    /// For storage that lists no ETags: a request an object.
    async fn look(&self, key: &Key) -> Result<ObjectMeta, FetchError> {
        let at = format!("{}/{}", self.at, key.filename().unwrap_or_default());
        let seen = self.visit.watch.hear(&at, self.store.head(key)).await?;
        seen.map_err(|error| refusal(at, &error))
    }
}

impl Shelf for Bucket<'_> {
    fn at(&self) -> String {
        self.at.clone()
    }

    async fn list(&self, asked: &dyn Fn(&str) -> bool) -> Result<Listing, FetchError> {
        let listing = self.store.list_with_delimiter(Some(&self.prefix));
        let objects = self.visit.watch.wait(listing).await?;
        let objects = objects.map_err(|error| refusal(self.at.clone(), &error))?.objects;
        let mut listing = Listing::new();
        for meta in objects {
            let Some(name) = meta.location.filename().map(str::to_owned) else { continue };
            let seen = if asked(&name) { self.seen(meta).await? } else { bare(&meta) };
            listing.insert(name, seen);
        }
        Ok(listing)
    }

    async fn read(&self, name: &str) -> Result<Vec<u8>, FetchError> {
        let (key, at) = self.key(name)?;
        let read = async { self.store.get(&key).await?.bytes().await };
        let bytes = self.visit.watch.wait(read).await?;
        Ok(bytes.map_err(|error| refusal(at, &error))?.to_vec())
    }

    async fn copy(
        &self,
        name: &str,
        seen: &Seen,
        into: &mut Incoming<'_>,
    ) -> Result<(), FetchError> {
        let (key, at) = self.key(name)?;
        let broken = |error: Error| refusal(at.clone(), &error);
        let Mark::Object { e_tag, .. } = &seen.mark else { return Ok(()) };
        let if_match = seen.lasting.then(|| e_tag.clone());
        let options = GetOptions { if_match, ..GetOptions::default() };
        let answer = self.visit.watch.hear(&at, self.store.get_opts(&key, options)).await?;
        let answer = answer.map_err(broken)?;
        if seen.lasting && answer.meta.e_tag.as_ref().is_some_and(|now| now != e_tag) {
            return Err(FetchError::Changed { file: at });
        }
        let mut pieces = answer.into_stream();
        while let Some(piece) = self.visit.watch.hear(&at, pieces.next()).await? {
            into.write(&piece.map_err(broken)?)?;
        }
        if into.bytes() != seen.bytes {
            return Err(FetchError::Short { at, expected: seen.bytes, got: into.bytes() });
        }
        Ok(())
    }
}

/// Only its being there counts.
fn bare(meta: &ObjectMeta) -> Seen {
    let mark = Mark::Object { bytes: meta.size, e_tag: String::new() };
    Seen { bytes: meta.size, mark, lasting: false, settled: true, written: None }
}

fn refusal(at: String, error: &Error) -> FetchError {
    if let Some(broken) = broken_connection(error) {
        return FetchError::Connection { at, why: chain(broken) };
    }
    let (meaning, passes) = match error {
        // Listed a moment ago, or overwritten since.
        Error::NotFound { .. } if !is_no_bucket(error) => return FetchError::Changed { file: at },
        Error::Precondition { .. } => return FetchError::Changed { file: at },
        Error::NotFound { .. } => ("存储桶不存在 / no such bucket", false),
        Error::PermissionDenied { .. } | Error::Unauthenticated { .. } => {
            ("无权限 / access denied", false)
        }
        Error::Generic { .. } => ("请求失败 / the request failed", status_passes(error)),
        _ => ("不支持 / not supported", false),
    };
    let why = match code(error) {
        Some(code) => format!("{meaning} ({code})"),
        None => meaning.to_owned(),
    };
    FetchError::Storage { at, why, passes }
}

fn broken_connection(error: &Error) -> Option<&HttpError> {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = cause {
        if let Some(broken) = error.downcast_ref::<HttpError>() {
            return Some(broken);
        }
        cause = error.source();
    }
    None
}

fn is_no_bucket(error: &Error) -> bool {
    code(error).as_deref() == Some("NoSuchBucket")
}

/// Of an answer that the client has no name for. What has no status is no answer of a sound service.
fn status_passes(error: &Error) -> bool {
    let text = error.to_string();
    let status = text.split_once("status code: ").and_then(|(_, rest)| rest.get(..3));
    status
        .and_then(|digits| digits.parse().ok())
        .is_none_or(|status| matches!(status, 408 | 429 | 500..=599u16))
}

/// `SlowDown` of `<Error><Code>SlowDown</Code>…`.
fn code(error: &Error) -> Option<String> {
    let text = error.to_string();
    let (_, rest) = text.split_once("<Code>")?;
    let (code, _) = rest.split_once("</Code>")?;
    let is_code = code.len() <= 64 && code.bytes().all(|byte| byte.is_ascii_alphanumeric());
    is_code.then(|| code.to_owned())
}
