//! Published snapshots in S3-compatible object storage, from which replicas take them.
//!
//! ```text
//! <prefix>/<id>.xcs        snapshots, immutable
//! <prefix>/<id>.sig        the signature of each, where it has one
//! <prefix>/current.json    the one to serve: id, change, bytes, contents, token, what was set aside
//! ```
//!
//! The pointer is replaced last, and only the pointer that was read before, so the storage needs
//! conditional writes (`If-Match`). A publisher whose [token](crate::ledger::Held::token) is lower than
//! the pointer's is refused: it held the lease before another.

use super::{OpenError, Snapshot, Store};
use crate::secret::{Secret, SecretError};
use bytes::Bytes;
use futures_util::StreamExt;
use object_store::aws::AmazonS3Builder;
use object_store::path::Path as Key;
use object_store::{
    ClientOptions, Error, GetOptions, ObjectStore, ObjectStoreExt, PutMode, RetryConfig,
    UpdateVersion, WriteMultipart,
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::{Builder, Runtime};

const POINTER: &str = "current.json";
const SNAPSHOT: &str = "xcs";
const SIGNATURE: &str = "sig";
/// Bytes of a part of an upload; a shorter file goes at once.
const PART_BYTES: usize = 8 * 1024 * 1024;
/// Parts under way at once: memory stays bounded by them.
const PARTS_MAX: usize = 4;
/// Attempts to replace the pointer while others replace it too.
const REPLACE_ATTEMPTS: usize = 8;
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// While nothing comes of an answer.
const READ_TIMEOUT: Duration = Duration::from_secs(30);
const RETRIES: usize = 3;

/// A prefix of a bucket.
///
/// ```toml
/// endpoint = "https://oss.example.gov.cn"
/// bucket = "xincha"
/// prefix = "snapshots"
/// access_key = "env:S3_ACCESS_KEY"
/// secret_key = "env:S3_SECRET_KEY"
/// ```
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ShelfConfig {
    /// URL of the service, without user and password.
    pub endpoint: String,
    /// The bucket, which is there already.
    pub bucket: String,
    /// The folder, as it were, in the bucket. Default: the bucket's top.
    #[serde(default)]
    pub prefix: String,
    /// The region that requests are signed for. Default: `us-east-1`, which most services other than
    /// Amazon's take.
    #[serde(default = "region")]
    pub region: String,
    /// An endpoint without TLS is allowed. Default: false.
    #[serde(default)]
    pub allow_http: bool,
    /// The bucket stands in the path and not in the host's name. Default: true.
    #[serde(default = "yes")]
    pub path_style: bool,
    /// The access key; without it requests are not signed.
    #[serde(default)]
    pub access_key: Option<Secret>,
    /// The secret key.
    #[serde(default)]
    pub secret_key: Option<Secret>,
}

fn region() -> String {
    "us-east-1".to_owned()
}

fn yes() -> bool {
    true
}

/// Why the shelf did not do what it was asked. No text holds what the storage answered: it names keys.
#[derive(Debug, thiserror::Error)]
pub enum ShelfError {
    /// The settings are not sound.
    #[error("快照仓库配置 / the settings of the shelf: {0}")]
    Config(String),
    /// The environment lacks a credential.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// The system gives no thread.
    #[error("无法启动线程 / no thread can be started: {0}")]
    Thread(io::Error),
    /// An id that names no object of its own.
    #[error("快照编号 {id:?} 无效 / {id:?} is no id of a snapshot")]
    Id {
        /// The id.
        id: String,
    },
    /// Another holder of the lease published since.
    #[error(
        "令牌 {token} 已过期，当前为 {current} / the token {token} is outdated, the current one is {current}"
    )]
    Outdated {
        /// The publisher's token.
        token: u64,
        /// The pointer's.
        current: u64,
    },
    /// Others replaced the pointer again and again.
    #[error("指针被他人反复替换 / others keep replacing the pointer")]
    Contended,
    /// There is no such object.
    #[error("{at}: 不存在 / is not there")]
    Absent {
        /// Where it would be.
        at: String,
    },
    /// The storage did not do what it was asked.
    #[error("{at}: {why}")]
    Storage {
        /// The object.
        at: String,
        /// What is wrong.
        why: String,
    },
    /// An object ended early or late.
    #[error("{at}: 收到 {got} 字节，应为 {expected} / {got} bytes came of {expected}")]
    Length {
        /// The object.
        at: String,
        /// Bytes of the object.
        expected: u64,
        /// Bytes that came.
        got: u64,
    },
    /// A pointer that no program of ours wrote.
    #[error("{at}: 指针已损坏 / the pointer is damaged: {why}")]
    Pointer {
        /// The object.
        at: String,
        /// What is wrong.
        why: String,
    },
    /// A file that is no whole snapshot.
    #[error(transparent)]
    Snapshot(#[from] OpenError),
    /// The local file cannot be read or written.
    #[error("{path}: {source}")]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// The snapshot to serve.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Current {
    /// Its id.
    pub id: String,
    /// The last change that it contains.
    pub change: u64,
    /// Bytes of its file.
    pub bytes: u64,
    /// [`Snapshot::contents`] as 16 hexadecimal digits.
    pub contents: String,
    /// The token of the lease under which it was published.
    pub token: u64,
    /// Contents, by name, that an operator went back from: whoever builds next does not take them
    /// unasked.
    #[serde(default)]
    pub set_aside: BTreeMap<String, String>,
    /// The storage's name for this version of the pointer.
    #[serde(skip)]
    e_tag: Option<String>,
}

/// What a look at the pointer says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Look {
    /// Nothing was published yet.
    Empty,
    /// It is the one that is known.
    Unchanged,
    /// Another is current.
    New(Current),
}

/// A snapshot that lies on the shelf.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Listed {
    /// Its id.
    pub id: String,
    /// Bytes of its file.
    pub bytes: u64,
}

/// See the [module](self). Its calls block, and must not be made from an asynchronous task.
pub struct Shelf {
    /// `None` only while it is dropped.
    runtime: Option<Runtime>,
    storage: Arc<dyn ObjectStore>,
    prefix: Key,
}

impl Shelf {
    /// The shelf of a configured bucket. Nothing is asked of the storage yet.
    pub fn open(config: &ShelfConfig) -> Result<Shelf, ShelfError> {
        if config.endpoint.contains('@') {
            let why = "endpoint: 不得含用户名 / must not hold a user";
            return Err(ShelfError::Config(why.to_owned()));
        }
        if config.endpoint.starts_with("http://") && !config.allow_http {
            let why = "endpoint: 需要 allow_http / needs allow_http";
            return Err(ShelfError::Config(why.to_owned()));
        }
        let storage = builder(config)?.build();
        // The library's text may quote a setting.
        let unsound = |_| ShelfError::Config("设置不完整 / the settings do not suffice".to_owned());
        Shelf::over(Arc::new(storage.map_err(unsound)?), &config.prefix)
    }

    /// The shelf of a prefix in any storage that writes conditionally: for tests that let it fail.
    pub fn over(storage: Arc<dyn ObjectStore>, prefix: &str) -> Result<Shelf, ShelfError> {
        let prefix = Key::parse(prefix)
            .map_err(|_| ShelfError::Config("prefix: 无效 / is not sound".to_owned()))?;
        let mut builder = Builder::new_multi_thread();
        builder.worker_threads(1).thread_name("shelf").enable_all();
        let runtime = Some(builder.build().map_err(ShelfError::Thread)?);
        Ok(Shelf { runtime, storage, prefix })
    }

    /// Publish a finished file, with the signature beside it where there is one, and point to it.
    /// `change` is the last that it contains, `token` that of the lease.
    ///
    /// # Errors
    ///
    /// [`ShelfError::Outdated`] when the pointer has a higher token. After any error what was current
    /// is current still, unless the answer to the last step was lost.
    pub fn put(
        &self,
        file: &Path,
        id: &str,
        change: u64,
        token: u64,
    ) -> Result<Current, ShelfError> {
        self.put_setting_aside(file, id, change, token, BTreeMap::new())
    }

    /// The same, with what was [set aside](Current::set_aside).
    pub fn put_setting_aside(
        &self,
        file: &Path,
        id: &str,
        change: u64,
        token: u64,
        set_aside: BTreeMap<String, String>,
    ) -> Result<Current, ShelfError> {
        let (key, signature) = (self.object(id, SNAPSHOT)?, self.object(id, SIGNATURE)?);
        let snapshot = Snapshot::open(file)?;
        let contents = format!("{:016x}", snapshot.contents());
        let bytes = snapshot.length();
        let id = id.to_owned();
        let next = Current { id, change, bytes, contents, token, set_aside, e_tag: None };
        self.block_on(async {
            // Before the upload, so that none is made in vain.
            refuse_outdated(token, self.pointer().await?.as_ref())?;
            self.upload(file, &key).await?;
            let beside = file.with_extension(SIGNATURE);
            if beside.is_file() {
                self.upload(&beside, &signature).await?;
            }
            self.replace_pointer(next).await
        })
    }

    /// Which snapshot is to be served. Cost: one small request; with what is `known`, of an answer
    /// without a body.
    pub fn current(&self, known: Option<&Current>) -> Result<Look, ShelfError> {
        let e_tag = known.and_then(|known| known.e_tag.clone());
        self.block_on(self.look(e_tag))
    }

    /// Take a snapshot into a local folder; one that lies there whole is not fetched again. What is
    /// cut short or damaged never gets a published name. Nothing points to it yet: whether it is to be
    /// trusted is for the caller to see first. The folder must not be building at the same time.
    pub fn fetch(&self, id: &str, store: &Store) -> Result<PathBuf, ShelfError> {
        let key = self.object(id, SNAPSHOT)?;
        let io = |source| ShelfError::Io { path: store.folder().to_owned(), source };
        if let Some(path) = store.published(id)
            && Snapshot::open(&path).is_ok()
        {
            return Ok(path);
        }
        let (building, file) = store.building(id).map_err(io)?;
        let fetched = self.block_on(self.download(&key, file, &building));
        if let Err(failed) = fetched.and_then(|()| Ok(Snapshot::open(&building).map(drop)?)) {
            // A wreck that cannot be removed now is by the next build.
            let _ = fs::remove_file(&building);
            return Err(failed);
        }
        if let Some(signature) = self.block_on(self.signature(id))? {
            store.place_signature(id, &signature).map_err(io)?;
        }
        store.place(&building, id).map_err(io)
    }

    /// The snapshots that lie there, by id, which sorts by time.
    pub fn list(&self) -> Result<Vec<Listed>, ShelfError> {
        let listing = self.block_on(async {
            let listing = self.storage.list_with_delimiter(Some(&self.prefix)).await;
            listing.map_err(|error| refusal(&self.prefix, &error))
        })?;
        let listed = |meta: object_store::ObjectMeta| {
            let id = meta.location.filename()?.strip_suffix(SNAPSHOT)?.strip_suffix('.')?;
            Some(Listed { id: id.to_owned(), bytes: meta.size })
        };
        let mut snapshots: Vec<Listed> = listing.objects.into_iter().filter_map(listed).collect();
        snapshots.sort_by(|a, b| a.id.cmp(&b.id));
        Ok(snapshots)
    }

    /// Remove snapshots but the current and the newest `keep` others, each before its signature.
    pub fn prune(&self, keep: usize) -> Result<(), ShelfError> {
        let current = self.block_on(self.pointer())?.map(|current| current.id);
        let mut others = self.list()?;
        others.retain(|listed| Some(&listed.id) != current.as_ref());
        others.truncate(others.len().saturating_sub(keep));
        for other in others {
            self.block_on(self.remove(self.object(&other.id, SNAPSHOT)?))?;
            self.block_on(self.remove(self.object(&other.id, SIGNATURE)?))?;
        }
        Ok(())
    }

    fn block_on<T>(
        &self,
        call: impl Future<Output = Result<T, ShelfError>>,
    ) -> Result<T, ShelfError> {
        match &self.runtime {
            Some(runtime) => runtime.block_on(call),
            None => Err(ShelfError::Config("closed".to_owned())),
        }
    }

    fn object(&self, id: &str, suffix: &str) -> Result<Key, ShelfError> {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        if id.is_empty() || id.starts_with('.') || !id.bytes().all(is_plain) {
            return Err(ShelfError::Id { id: id.to_owned() });
        }
        Ok(self.prefix.clone().join(format!("{id}.{suffix}")))
    }
}

impl Drop for Shelf {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// What is asked of the storage.
impl Shelf {
    async fn look(&self, known: Option<String>) -> Result<Look, ShelfError> {
        let key = self.prefix.clone().join(POINTER);
        let options = GetOptions { if_none_match: known.clone(), ..GetOptions::default() };
        let answer = match self.storage.get_opts(&key, options).await {
            Ok(answer) => answer,
            Err(Error::NotModified { .. }) => return Ok(Look::Unchanged),
            Err(Error::NotFound { .. }) => return Ok(Look::Empty),
            Err(error) => return Err(refusal(&key, &error)),
        };
        let e_tag = answer.meta.e_tag.clone();
        // Not every storage answers a condition.
        if known.is_some() && known == e_tag {
            return Ok(Look::Unchanged);
        }
        let bytes = answer.bytes().await.map_err(|error| refusal(&key, &error))?;
        let current: Current = serde_json::from_slice(&bytes)
            .map_err(|error| ShelfError::Pointer { at: key.to_string(), why: error.to_string() })?;
        Ok(Look::New(Current { e_tag, ..current }))
    }

    async fn pointer(&self) -> Result<Option<Current>, ShelfError> {
        Ok(match self.look(None).await? {
            Look::New(current) => Some(current),
            Look::Empty | Look::Unchanged => None,
        })
    }

    /// Replace the pointer that was read, again while others replace it.
    async fn replace_pointer(&self, next: Current) -> Result<Current, ShelfError> {
        let key = self.prefix.clone().join(POINTER);
        // Plain data with text for keys: writing it cannot fail.
        let bytes = Bytes::from(serde_json::to_vec(&next).unwrap_or_default());
        for _ in 0..REPLACE_ATTEMPTS {
            let current = self.pointer().await?;
            refuse_outdated(next.token, current.as_ref())?;
            let mode = match current {
                None => PutMode::Create,
                Some(Current { e_tag, .. }) => {
                    PutMode::Update(UpdateVersion { e_tag, version: None })
                }
            };
            match self.storage.put_opts(&key, bytes.clone().into(), mode.into()).await {
                Ok(put) => return Ok(Current { e_tag: put.e_tag, ..next }),
                Err(Error::Precondition { .. } | Error::AlreadyExists { .. }) => {}
                Err(error) => return Err(refusal(&key, &error)),
            }
        }
        Err(ShelfError::Contended)
    }

    async fn upload(&self, path: &Path, key: &Key) -> Result<(), ShelfError> {
        let io = |source| ShelfError::Io { path: path.to_owned(), source };
        let mut file = File::open(path).map_err(io)?;
        let mut part = next_part(&mut file).map_err(io)?;
        if part.len() < PART_BYTES {
            let put = self.storage.put(key, part.into()).await;
            return put.map(drop).map_err(|error| refusal(key, &error));
        }
        let upload = self.storage.put_multipart(key).await;
        let upload = upload.map_err(|error| refusal(key, &error))?;
        let mut parts = WriteMultipart::new_with_chunk_size(upload, PART_BYTES);
        while !part.is_empty() {
            let room = parts.wait_for_capacity(PARTS_MAX).await;
            let sent = room.map_err(|error| refusal(key, &error)).and_then(|()| {
                parts.put(part);
                next_part(&mut file).map_err(io)
            });
            match sent {
                Ok(next) => part = next,
                Err(failed) => {
                    // What cannot be taken back now is left to the bucket's own rules.
                    let _ = parts.abort().await;
                    return Err(failed);
                }
            }
        }
        parts.finish().await.map(drop).map_err(|error| refusal(key, &error))
    }

    async fn download(&self, key: &Key, mut file: File, path: &Path) -> Result<(), ShelfError> {
        let io = |source| ShelfError::Io { path: path.to_owned(), source };
        let answer = self.storage.get(key).await.map_err(|error| refusal(key, &error))?;
        let (expected, mut got) = (answer.meta.size, 0);
        let mut pieces = answer.into_stream();
        while let Some(piece) = pieces.next().await {
            let piece = piece.map_err(|error| refusal(key, &error))?;
            file.write_all(&piece).map_err(io)?;
            got += piece.len() as u64;
        }
        if got != expected {
            return Err(ShelfError::Length { at: key.to_string(), expected, got });
        }
        file.sync_all().map_err(io)
    }

    async fn signature(&self, id: &str) -> Result<Option<Bytes>, ShelfError> {
        let key = self.object(id, SIGNATURE)?;
        let read = async { self.storage.get(&key).await?.bytes().await };
        match read.await {
            Ok(bytes) => Ok(Some(bytes)),
            Err(Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(refusal(&key, &error)),
        }
    }

    async fn remove(&self, key: Key) -> Result<(), ShelfError> {
        match self.storage.delete(&key).await {
            Ok(()) | Err(Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(refusal(&key, &error)),
        }
    }
}

fn builder(config: &ShelfConfig) -> Result<AmazonS3Builder, ShelfError> {
    let client = ClientOptions::new()
        .with_allow_http(config.allow_http)
        .with_connect_timeout(CONNECT_TIMEOUT)
        .with_read_timeout(READ_TIMEOUT)
        .with_timeout_disabled();
    let mut builder = AmazonS3Builder::new()
        .with_endpoint(config.endpoint.trim_end_matches('/'))
        .with_bucket_name(&config.bucket)
        .with_region(&config.region)
        .with_virtual_hosted_style_request(!config.path_style)
        .with_skip_signature(config.access_key.is_none())
        .with_retry(RetryConfig { max_retries: RETRIES, ..RetryConfig::default() })
        .with_client_options(client);
    if let Some(key) = &config.access_key {
        builder = builder.with_access_key_id(key.reveal()?);
    }
    if let Some(key) = &config.secret_key {
        builder = builder.with_secret_access_key(key.reveal()?);
    }
    Ok(builder)
}

fn refuse_outdated(token: u64, current: Option<&Current>) -> Result<(), ShelfError> {
    match current {
        Some(current) if current.token > token => {
            Err(ShelfError::Outdated { token, current: current.token })
        }
        _ => Ok(()),
    }
}

/// A whole part, less at the end of the file.
fn next_part(file: &mut File) -> io::Result<Bytes> {
    let mut part = Vec::new();
    file.take(PART_BYTES as u64).read_to_end(&mut part)?;
    Ok(part.into())
}

fn refusal(key: &Key, error: &Error) -> ShelfError {
    let at = key.to_string();
    let meaning = match error {
        Error::NotFound { .. } => return ShelfError::Absent { at },
        Error::PermissionDenied { .. } | Error::Unauthenticated { .. } => "无权限 / access denied",
        Error::NotSupported { .. } | Error::NotImplemented { .. } => "不支持 / not supported",
        _ => "请求失败 / the request failed",
    };
    let why = match code(error) {
        Some(code) => format!("{meaning} ({code})"),
        None => meaning.to_owned(),
    };
    ShelfError::Storage { at, why }
}

/// `SlowDown` of `<Error><Code>SlowDown</Code>…`.
fn code(error: &Error) -> Option<String> {
    let text = error.to_string();
    let (_, rest) = text.split_once("<Code>")?;
    let (code, _) = rest.split_once("</Code>")?;
    let is_code = code.len() <= 64 && code.bytes().all(|byte| byte.is_ascii_alphanumeric());
    is_code.then(|| code.to_owned())
}
