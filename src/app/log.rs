//! What the service says of itself on stderr: lines for people or JSON, down to a level.

use crate::config::{LogConfig, LogFormat};
use std::io::IsTerminal;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer, Registry, fmt, reload};

/// The environment's level, which wins over the file's.
pub const LEVEL: &str = "XINCHA_LOG";

/// The log of the process, whose level may change. Cloning shares.
#[derive(Clone)]
pub struct Log(reload::Handle<EnvFilter, Registry>);

impl Log {
    /// Begin to log, once a process.
    pub fn start(config: &LogConfig) -> Log {
        let (filter, handle) = reload::Layer::new(filter(config));
        let to_stderr = fmt::layer().with_writer(std::io::stderr);
        let lines = match config.format {
            LogFormat::Text => to_stderr.with_ansi(std::io::stderr().is_terminal()).boxed(),
            LogFormat::Json => to_stderr.json().flatten_event(true).boxed(),
        };
        tracing_subscriber::registry().with(filter).with(lines).init();
        Log(handle)
    }

    /// Log down to another level from now on, unless the environment says which.
    pub fn set_level(&self, config: &LogConfig) {
        // An error means that nothing logs any more.
        let _ = self.0.reload(filter(config));
    }
}

fn filter(config: &LogConfig) -> EnvFilter {
    EnvFilter::try_from_env(LEVEL).unwrap_or_else(|_| EnvFilter::new(&config.level))
}
