//! SIGHUP: the configuration is read again while the service runs.
//!
//! | setting | taken at once |
//! |---|---|
//! | `log.level` | yes, unless the environment says which |
//! | `http.connections_max` | yes; connections that are held stay |
//! | `http.header_timeout_ms`, `body_timeout_ms`, `write_timeout_ms`, `drain_timeout_ms` | yes; new connections, the next body |
//! | `jobs.input_bytes_max`, `client_bytes_max`, `bytes_max`, `unfinished_max`, `keep_hours` | yes, for what is kept already too |
//! | `herald.timeout_ms`, `retry_ms`, `retry_ms_max`, `ca_file` | yes, from the next attempt on |
//! | `traces.sample` | yes, where requests are traced |
//! | any other, and the catalogue | after a restart, which is said by name |
//!
//! All mistakes of the new configuration are told together, and then nothing of it is taken.

use super::log::Log;
use crate::config::{Config, ConfigError};
use crate::herald::Herald;
use crate::http::{Capacity, Times};
use crate::jobs::Jobs;
use crate::traces::Traces;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use toml::{Table, Value};
use tracing::{error, info, warn};

/// What is taken at once.
const TAKEN: [&str; 16] = [
    "herald.ca_file",
    "herald.retry_ms",
    "herald.retry_ms_max",
    "herald.timeout_ms",
    "http.body_timeout_ms",
    "http.connections_max",
    "http.drain_timeout_ms",
    "http.header_timeout_ms",
    "http.write_timeout_ms",
    "jobs.bytes_max",
    "jobs.client_bytes_max",
    "jobs.input_bytes_max",
    "jobs.keep_hours",
    "jobs.unfinished_max",
    "log.level",
    "traces.sample",
];

/// Every setting of a file that is no table, by its way: `http.workers`.
type Settings = BTreeMap<String, Value>;

/// What a running service can change.
pub struct Running {
    /// What it says of itself.
    pub log: Log,
    /// Its connections.
    pub capacity: Capacity,
    /// Its patience with peers.
    pub times: Times,
    /// The files that it keeps.
    pub jobs: Jobs,
    /// What it sends of its own accord.
    pub herald: Herald,
    /// What is told of its requests, where it is.
    pub traces: Option<Traces>,
}

/// A running service, and what it runs with.
pub struct Reload {
    path: PathBuf,
    running: Running,
    settings: Settings,
    catalogue: String,
}

impl Reload {
    /// Of a service that was just started with the file and the catalogue of this digest.
    ///
    /// # Errors
    ///
    /// The file cannot be read any more.
    pub fn new(path: PathBuf, catalogue: &str, running: Running) -> Result<Reload, ConfigError> {
        let settings = settings(&path)?;
        Ok(Reload { path, running, settings, catalogue: catalogue.to_owned() })
    }

    /// Read the file again, and say what came of it: what was taken, where nothing was wrong.
    pub fn again(&mut self) -> Option<String> {
        let (config, settings, catalogue) = match self.read() {
            Ok(read) => read,
            Err(mistakes) => {
                let mistakes = mistakes.join("\n");
                error!("配置有误，未作任何更改 / mistakes, nothing is changed:\n{mistakes}");
                return None;
            }
        };
        let names = settings.keys().chain(self.settings.keys());
        let changed = names.filter(|name| settings.get(*name) != self.settings.get(*name));
        let mut changed: Vec<String> = changed.cloned().collect();
        changed.sort();
        changed.dedup();
        let (taken, mut waiting): (Vec<String>, Vec<String>) =
            changed.into_iter().partition(|name| TAKEN.contains(&name.as_str()));
        if catalogue != self.catalogue {
            waiting.push("catalogue".to_owned());
        }
        let taken = taken.join(" ");
        info!("已重新加载 / taken: {taken}");
        if !waiting.is_empty() {
            warn!("重启后生效 / taken after a restart: {}", waiting.join(" "));
        }
        let Running { log, capacity, times, jobs, herald, traces } = &self.running;
        log.set_level(&config.log);
        capacity.set(config.http.connections_max);
        times.set(&config.http);
        jobs.set(&config.jobs);
        herald.set(&config.herald);
        if let (Some(traces), Some(config)) = (traces, &config.traces) {
            traces.set(config);
        }
        for name in TAKEN {
            self.settings.remove(name);
            self.settings.extend(settings.get(name).map(|value| (name.to_owned(), value.clone())));
        }
        Some(taken)
    }

    /// The new configuration, its settings, and the digest of its catalogue; or every mistake.
    fn read(&self) -> Result<(Config, Settings, String), Vec<String>> {
        let told = |error: ConfigError| vec![error.to_string()];
        let config = Config::load(&self.path, std::env::var(Config::ADDRESS).ok()).map_err(told)?;
        let settings = settings(&self.path).map_err(told)?;
        let catalogue = config.load_catalogue().map_err(|error| error.to_string());
        let sources = config.loader().mappings().map_err(|error| error.to_string());
        match (catalogue, sources) {
            (Ok(catalogue), Ok(_)) => Ok((config, settings, catalogue.digest().to_owned())),
            (catalogue, sources) => Err(catalogue.err().into_iter().chain(sources.err()).collect()),
        }
    }
}

fn settings(path: &Path) -> Result<Settings, ConfigError> {
    fn add(table: Table, way: &str, all: &mut Settings) {
        for (name, value) in table {
            let way = format!("{way}{name}");
            match value {
                Value::Table(inner) => add(inner, &format!("{way}."), all),
                value => {
                    all.insert(way, value);
                }
            }
        }
    }
    let mut all = Settings::new();
    add(Config::table(path)?, "", &mut all);
    Ok(all)
}
