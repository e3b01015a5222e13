//! Why nothing was brought.

use crate::secret::SecretError;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Why a fetch brought nothing. Places (`at`) are shown without user, password and query.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// The configuration does not hold together.
    #[error("来源配置有误 / the origin is misconfigured: {what}")]
    Config {
        /// The setting and what is wrong with it.
        what: String,
    },
    /// A setting asks for a variable that the environment does not have.
    #[error("{0}")]
    Environment(#[from] SecretError),
    /// The folder to bring files into is not empty.
    #[error("{}: 目标文件夹不为空 / the folder to bring files into is not empty", folder.display())]
    NotEmpty {
        /// The folder.
        folder: PathBuf,
    },
    /// A fault of ours.
    #[error("内部错误，详见日志 / a fault of ours, see the log")]
    Fault,
    /// The system refuses.
    #[error("{}: 无法读写 / cannot be read or written: {source}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Not one file is there that the mapping claims: an empty folder may be one that is not mounted.
    #[error("{at}: 没有可用的数据文件 / no file that the mapping claims")]
    Nothing {
        /// The origin.
        at: String,
    },
    /// A name that could leave the folder, or be none.
    #[error("{name:?}: 不能作为文件名 / cannot be a file's name")]
    Name {
        /// The name.
        name: String,
    },
    /// A configured file that the mapping does not claim.
    #[error("{name}: 没有映射认领该文件 / no feed of the mapping claims this file")]
    Unclaimed {
        /// Its name.
        name: String,
    },
    /// A file was overwritten or removed while it was copied.
    #[error("{file}: 复制过程中发生变化 / changed while it was copied")]
    Changed {
        /// The file.
        file: String,
    },
    /// A manifest that cannot be read.
    #[error("{at}: 清单文件无效 / not a sound manifest: {why}")]
    Manifest {
        /// The manifest.
        at: String,
        /// What is wrong.
        why: String,
    },
    /// A file that is not what its manifest says.
    #[error("{file}: 与清单不符 / {what} {got} and not {expected} as the manifest says")]
    Mismatch {
        /// The file.
        file: String,
        /// `bytes` or `sha256`.
        what: &'static str,
        /// What the manifest says.
        expected: String,
        /// What the file is.
        got: String,
    },
    /// More than allowed.
    #[error("{at}: 超过大小上限 {max} 字节 / more than {max} bytes")]
    TooLarge {
        /// The file.
        at: String,
        /// The limit.
        max: u64,
    },
    /// A body that ended early.
    #[error("{at}: 只收到 {got}/{expected} 字节 / cut short: {got} of {expected} bytes")]
    Short {
        /// The file.
        at: String,
        /// Bytes announced.
        expected: u64,
        /// Bytes received.
        got: u64,
    },
    /// A server that answers, but not with the file.
    #[error("{at}: 服务器返回 {status} / the server answered {status}")]
    Status {
        /// The file.
        at: String,
        /// HTTP status code.
        status: u16,
        /// How long to wait, where it said.
        retry_after: Option<Duration>,
    },
    /// A server that sends us elsewhere. Not followed: our headers are for the configured host alone.
    #[error(
        "{at}: 被重定向到 {to}，未跟随 / redirected to {to}, not followed: configure that host instead"
    )]
    Redirected {
        /// The file.
        at: String,
        /// Scheme, host and port.
        to: String,
    },
    /// No connection, or one that broke.
    #[error("{at}: 连接失败或中断 / no connection, or a broken one: {why}")]
    Connection {
        /// The file or server.
        at: String,
        /// What the system said.
        why: String,
    },
    /// A server that fell silent.
    #[error("{at}: {seconds} 秒无数据 / silent for {seconds} s")]
    Stalled {
        /// The file or server.
        at: String,
        /// How long.
        seconds: u64,
    },
    /// Object storage that refuses.
    #[error("{at}: 对象存储返回错误 / the object storage refuses: {why}")]
    Storage {
        /// The object or prefix.
        at: String,
        /// Its code, and what it means.
        why: String,
        /// May pass.
        passes: bool,
    },
    /// A database that refuses.
    #[error("{at}: 数据库返回错误 {code} / the database refuses with {code}: {why}")]
    Database {
        /// Host, port and database.
        at: String,
        /// SQLSTATE.
        code: String,
        /// What it said; nothing where that may hold data of a row.
        why: String,
        /// May pass.
        passes: bool,
    },
    /// The fetch took too long.
    #[error("超过 {seconds} 秒 / took longer than {seconds} s")]
    TimedOut {
        /// The limit.
        seconds: u64,
    },
    /// The caller gave up.
    #[error("已取消 / cancelled")]
    Cancelled,
}

impl FetchError {
    pub(super) fn config(what: impl Into<String>) -> FetchError {
        FetchError::Config { what: what.into() }
    }

    pub(super) fn io(path: &Path, source: io::Error) -> FetchError {
        FetchError::Io { path: path.to_owned(), source }
    }

    /// A later fetch may succeed without anyone's doing. False where a person must act: at the
    /// configuration, the credentials, or the files themselves.
    pub fn is_retryable(&self) -> bool {
        self.passes() || matches!(self, FetchError::TimedOut { .. } | FetchError::Cancelled)
    }

    /// Worth another attempt within the same fetch.
    pub(super) fn passes(&self) -> bool {
        match self {
            FetchError::Changed { .. }
            | FetchError::Short { .. }
            | FetchError::Connection { .. }
            | FetchError::Stalled { .. } => true,
            FetchError::Status { status, .. } => matches!(status, 408 | 429 | 500..),
            FetchError::Storage { passes, .. } | FetchError::Database { passes, .. } => *passes,
            _ => false,
        }
    }

    pub(super) fn retry_after(&self) -> Option<Duration> {
        match self {
            FetchError::Status { retry_after, .. } => *retry_after,
            _ => None,
        }
    }
}

/// An error with all that caused it, in one line.
pub(super) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let next = error.to_string();
        if !text.contains(&next) {
            text = format!("{text}: {next}");
        }
        cause = error.source();
    }
    text
}
