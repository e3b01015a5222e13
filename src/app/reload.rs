//! SIGHUP: the configuration is read again while the service runs.
//!
//! | setting | taken at once |
//! |---|---|
//! | `log.level` | yes, unless the environment says which |
//! | `http.connections_max` | yes; connections that are held stay |
//! | any other, and the catalogue | after a restart, which is said by name |
//!
//! All mistakes of the new configuration are told together, and then nothing of it is taken.

use super::log::Log;
use crate::config::{Config, ConfigError};
use crate::http::Capacity;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use toml::{Table, Value};
use tracing::{error, info, warn};

/// What is taken at once.
const TAKEN: [&str; 2] = ["http.connections_max", "log.level"];

/// Every setting of a file that is no table, by its way: `http.workers`.
type Settings = BTreeMap<String, Value>;

/// What a running service can change, and what it runs with.
pub struct Reload {
    path: PathBuf,
    log: Log,
    capacity: Capacity,
    settings: Settings,
    catalogue: String,
}

impl Reload {
    /// Of a service that was just started with the file and the catalogue of this digest.
    ///
    /// # Errors
    ///
    /// The file cannot be read any more.
    pub fn new(
        path: PathBuf,
        catalogue: &str,
        log: Log,
        capacity: Capacity,
    ) -> Result<Reload, ConfigError> {
        let settings = settings(&path)?;
        Ok(Reload { path, log, capacity, settings, catalogue: catalogue.to_owned() })
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
        self.log.set_level(&config.log);
        self.capacity.set(config.http.connections_max);
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
