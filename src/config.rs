//! One file → each module's own configuration.
//!
//! Paths are relative to the folder of the file, so a service can be started from anywhere. Every
//! setting has a default; unknown ones are mistakes, named with their line.

use crate::audit::AuditConfig;
use crate::catalogue::Catalogue;
use crate::clients::ClientsConfig;
use crate::herald::HeraldConfig;
use crate::http::HttpConfig;
use crate::jobs::JobsConfig;
use crate::live::{LoaderConfig, ReplicasConfig, SourceConfig};
use crate::snapshot::{KeyError, SigningKey, TrustedKeys};
use crate::source::fetch::OriginConfig;
use crate::traces::TracesConfig;
use serde::de::{self, DeserializeOwned};
use serde::{Deserialize, Deserializer};
use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;
use tracing_subscriber::EnvFilter;

/// The whole configuration, `config/xincha.toml`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Folder of `lists.toml`, `measures.toml`, `matters.toml`. Default: `catalogue`.
    pub catalogue: PathBuf,
    /// Where entries come from and where snapshots go.
    pub data: DataConfig,
    /// The server.
    pub http: HttpConfig,
    /// Who may ask.
    pub clients: ClientsConfig,
    /// Files that clients hand in.
    pub jobs: JobsConfig,
    /// The audit log.
    pub audit: AuditConfig,
    /// What is sent to clients of their own accord.
    pub herald: HeraldConfig,
    /// Where other machines are met that serve the same; absent: this one is alone.
    pub replicas: Option<ReplicasConfig>,
    /// What the service says of itself.
    pub log: LogConfig,
    /// Where single requests are traced to; absent: none is.
    pub traces: Option<TracesConfig>,
    /// What is told of single sources, by the code of their mapping.
    pub source: BTreeMap<String, SourceConfig>,
}

/// What the service says of itself, on stderr.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LogConfig {
    /// Default: `text`.
    pub format: LogFormat,
    /// Down to which level: `error`, `warn`, `info`, `debug`, `trace`, or several for parts such as
    /// `info,xincha::live=debug`. Default: `info`.
    #[serde(deserialize_with = "level")]
    pub level: String,
}

/// How a line of the log is written.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

impl Default for LogConfig {
    fn default() -> LogConfig {
        LogConfig { format: LogFormat::default(), level: "info".to_owned() }
    }
}

/// A level that a log can be cut at.
fn level<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    let level = String::deserialize(from)?;
    let checked = EnvFilter::builder().parse(&level);
    checked.map_err(|error| {
        de::Error::custom(format!("{level}: 不是日志级别 / is no level of a log: {error}"))
    })?;
    Ok(level)
}

/// Where entries come from and where snapshots go.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DataConfig {
    /// Folder of the feeds. Default: `sample/feeds`.
    pub feeds: PathBuf,
    /// Folder of the mappings. Default: `sources`.
    pub sources: PathBuf,
    /// Folder of the snapshots. Default: `../data/snapshots`.
    pub snapshots: PathBuf,
    /// Build from the feeds at every start of the service, not only when there is no snapshot yet.
    pub build_on_start: bool,
    /// Take every feed as true at the moment of the build, whatever its mapping says: for samples,
    /// whose files are as old as the clone.
    pub as_of_build: bool,
    /// Snapshots kept beside the current one. Default: 3.
    pub keep: usize,
    /// Folder of the deliveries that were accepted or are held. Default: `../data/deliveries`.
    pub deliveries: PathBuf,
    /// The embedded ledger of changes. Default: `../data/ledger.redb`.
    pub ledger: PathBuf,
    /// The private key that builds sign with. Default: none, snapshots are not signed.
    pub signing_key: Option<PathBuf>,
    /// Public keys; where there are any, only snapshots that one of them signed are opened. Default:
    /// none, signatures are not asked for.
    pub trusted_keys: TrustedKeys,
}

impl Default for Config {
    fn default() -> Config {
        Config {
            catalogue: "catalogue".into(),
            data: DataConfig::default(),
            http: HttpConfig::default(),
            clients: ClientsConfig::default(),
            jobs: JobsConfig::default(),
            audit: AuditConfig::default(),
            herald: HeraldConfig::default(),
            replicas: None,
            log: LogConfig::default(),
            traces: None,
            source: BTreeMap::new(),
        }
    }
}

impl Default for DataConfig {
    fn default() -> DataConfig {
        DataConfig {
            feeds: "sample/feeds".into(),
            sources: "sources".into(),
            snapshots: "../data/snapshots".into(),
            build_on_start: false,
            as_of_build: false,
            keep: 3,
            deliveries: "../data/deliveries".into(),
            ledger: "../data/ledger.redb".into(),
            signing_key: None,
            trusted_keys: TrustedKeys::default(),
        }
    }
}

impl DataConfig {
    /// Who must have signed a snapshot that is opened; `None` where that is not asked.
    pub fn trusted(&self) -> Option<&TrustedKeys> {
        (!self.trusted_keys.is_empty()).then_some(&self.trusted_keys)
    }

    /// The key that a build signs with, where one is configured.
    ///
    /// # Errors
    ///
    /// The key cannot be used, or what is built would be refused by the keys trusted here.
    pub fn load_signing_key(&self) -> Result<Option<SigningKey>, KeyError> {
        let key = self.signing_key.as_deref().map(SigningKey::load).transpose()?;
        match (&key, self.trusted()) {
            (Some(key), Some(trusted)) if !trusted.trusts(key) => {
                Err(KeyError::NotTrusted { key: key.id(), public: key.public() })
            }
            (None, Some(_)) => Err(KeyError::NoneToSign),
            _ => Ok(key),
        }
    }
}

/// Why there is no configuration.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{0}")]
pub struct ConfigError(String);

impl Config {
    /// The environment's address of the server, which wins over the file's.
    pub const ADDRESS: &str = "XINCHA_ADDRESS";

    /// Read a file. `address` is the environment's, where it has one.
    pub fn load(path: &Path, address: Option<String>) -> Result<Config, ConfigError> {
        let mut config: Config = read(path)?;
        if let Some(address) = address {
            config.http.address = address.parse().map_err(|_| {
                ConfigError(format!(
                    "{}={address}: 不是地址 / is no address such as 127.0.0.1:8080",
                    Self::ADDRESS
                ))
            })?;
        }
        let folder = path.parent().unwrap_or(Path::new("."));
        let DataConfig { feeds, sources, snapshots, deliveries, ledger, signing_key, .. } =
            &mut config.data;
        let (jobs, clients) = (&mut config.jobs.folder, &mut config.clients.file);
        let of_data = [feeds, sources, snapshots, deliveries, ledger];
        let of_data = of_data.into_iter().chain([&mut config.catalogue, jobs, clients]);
        let audit = &mut config.audit;
        let of_audit = [Some(&mut audit.folder), audit.key.as_mut(), audit.signing_key.as_mut()];
        let of_audit = of_audit.into_iter().flatten().chain(&mut config.herald.ca_file);
        let of_tls = config.http.tls.iter_mut().flat_map(|tls| {
            [&mut tls.certificate, &mut tls.key].into_iter().chain(&mut tls.client_ca)
        });
        let origins = config.source.values_mut().filter_map(|source| source.origin.as_mut());
        let of_origins = origins.flat_map(OriginConfig::paths);
        for of_file in of_data.chain(of_audit).chain(of_tls).chain(signing_key).chain(of_origins) {
            *of_file = tidied(&folder.join(&of_file));
        }
        Ok(config)
    }

    /// What stands in a file, as it is written there.
    pub fn table(path: &Path) -> Result<toml::Table, ConfigError> {
        read(path)
    }

    /// What the loader is told.
    pub fn loader(&self) -> LoaderConfig {
        LoaderConfig {
            sources: self.data.sources.clone(),
            feeds: self.data.feeds.clone(),
            deliveries: self.data.deliveries.clone(),
            keep: self.data.keep,
            builds: self.data.trusted().is_none()
                || self.data.signing_key.is_some()
                || self.data.build_on_start,
            build_on_start: self.data.build_on_start,
            as_of_build: self.data.as_of_build,
            source: self.source.clone(),
        }
    }

    /// The catalogue of the configured folder; every mistake of it at once.
    pub fn load_catalogue(&self) -> Result<Arc<Catalogue>, ConfigError> {
        let mut files = Vec::new();
        for name in ["lists.toml", "measures.toml", "matters.toml"] {
            let path = self.catalogue.join(name);
            let text = std::fs::read_to_string(&path).map_err(|error| {
                ConfigError(format!("{}: 无法读取目录 / cannot be read: {error}", path.display()))
            })?;
            files.push((name, text));
        }
        let files: Vec<(&str, &str)> =
            files.iter().map(|(name, text)| (*name, text.as_str())).collect();
        Catalogue::parse(&files)
            .map(Arc::new)
            .map_err(|error| ConfigError(format!("{}:\n{error}", self.catalogue.display())))
    }
}

fn read<T: DeserializeOwned>(path: &Path) -> Result<T, ConfigError> {
    let shown = path.display();
    let text = std::fs::read_to_string(path)
        .map_err(|error| ConfigError(format!("{shown}: 无法读取配置 / cannot be read: {error}")))?;
    toml::from_str(&text).map_err(|error| {
        let line = error.span().map_or(0, |span| text[..span.start].matches('\n').count() + 1);
        ConfigError(format!("{shown}:{line}: {}", error.message().trim()))
    })
}

/// `config/../data` as `data`: paths are shown to people.
fn tidied(path: &Path) -> PathBuf {
    let mut tidy = PathBuf::new();
    for part in path.components() {
        match (part, tidy.components().next_back()) {
            (Component::ParentDir, Some(Component::Normal(_))) => {
                tidy.pop();
            }
            _ => tidy.push(part),
        }
    }
    tidy
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(text: &str, address: Option<&str>) -> Result<Config, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("xincha.toml");
        std::fs::write(&path, text).unwrap();
        Config::load(&path, address.map(str::to_owned)).map_err(|error| error.to_string())
    }

    #[test]
    fn paths_follow_the_file_and_the_environment_wins() {
        let config =
            load("[http]\naddress = \"127.0.0.1:9000\"\n", Some("127.0.0.1:9001")).unwrap();
        assert_eq!(config.http.address.port(), 9001);
        assert!(config.data.feeds.is_absolute() && config.data.feeds.ends_with("sample/feeds"));
        assert_eq!(config.data.keep, 3);
    }

    #[test]
    fn mistakes_are_named_with_their_line() {
        for (text, expected) in [
            ("\n[http]\nadress = 1\n", "xincha.toml:3"),
            ("[data]\nkeep = \"many\"\n", "xincha.toml:2"),
            ("[data\n", "xincha.toml:1"),
            ("[data]\n\ntrusted_keys = [\"no key\"]\n", "xincha.toml:3"),
            ("[traces]\nendpoint = \"localhost:4318\"\n", "xincha.toml:2: traces.endpoint: "),
        ] {
            let error = load(text, None).unwrap_err();
            assert!(error.contains(expected), "{error}");
        }
        assert!(load("", Some("nowhere")).unwrap_err().contains("XINCHA_ADDRESS"));
    }

    #[test]
    fn the_key_follows_the_file_and_must_be_trusted_where_any_is() {
        let folder = tempfile::tempdir().unwrap();
        let [one, other] = [0; 2].map(|_| SigningKey::generate().unwrap());
        one.save(&folder.path().join("one.pem")).unwrap();
        let load = |data: &str| {
            let path = folder.path().join("xincha.toml");
            std::fs::write(&path, format!("[data]\n{data}")).unwrap();
            Config::load(&path, None).unwrap().data
        };
        let signing = "signing_key = \"one.pem\"\n";
        let trusting = |key: &SigningKey| format!("trusted_keys = [{:?}]\n", key.public());

        let data = load(signing);
        assert!(data.trusted().is_none());
        assert_eq!(data.load_signing_key().unwrap().unwrap().id(), one.id());
        assert!(load("").load_signing_key().unwrap().is_none());
        let data = load(&format!("{signing}{}", trusting(&one)));
        assert!(data.trusted().is_some() && data.load_signing_key().is_ok());

        let error = load(&format!("{signing}{}", trusting(&other))).load_signing_key().unwrap_err();
        assert!(error.to_string().contains("not among the trusted keys"), "{error}");
        let error = load(&trusting(&other)).load_signing_key().unwrap_err();
        assert!(matches!(error, KeyError::NoneToSign), "{error}");
        let error = load("signing_key = \"none.pem\"\n").load_signing_key().unwrap_err();
        assert!(error.to_string().contains("none.pem"), "{error}");
    }

    #[test]
    fn what_is_shown_is_sound_too() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let read = |name: &str| std::fs::read_to_string(root.join(name)).unwrap();
        let sample = read("config/xincha.toml");
        let shown = sample.split_once("#\n# [source.").unwrap().1;
        let shown = format!("[source.{}", shown.replace("\n# ", "\n").replace("\n#\n", "\n"));
        let mut all = vec![shown];
        for name in ["README.md", "README.zh-CN.md"] {
            let text = read(name);
            let blocks = text.split("```toml\n").skip(1);
            all.extend(blocks.map(|block| block.split("```").next().unwrap().to_owned()));
        }
        assert_eq!(all.len(), 7);
        for text in all {
            let config: Config = toml::from_str(&text).unwrap_or_else(|error| panic!("{error}"));
            let shows = config.replicas.is_some() || config.source.len() == 4;
            assert!(shows || config.http.tls.is_some(), "{text}");
        }
    }

    #[test]
    fn the_shipped_configuration_is_sound() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("config");
        let config = Config::load(&folder.join("xincha.toml"), None).unwrap();
        assert!(config.load_catalogue().unwrap().matters().len() >= 25);
        assert!(config.data.feeds.is_dir() && config.data.sources.is_dir());
    }
}
