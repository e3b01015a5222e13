//! A connection: TLS, settings, what its errors mean.

use super::PostgresConfig;
use crate::source::fetch::FetchError;
use crate::source::fetch::watch::Watch;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use std::path::Path;
use std::time::Duration;
use tokio_postgres::config::{Host, SslMode};
use tokio_postgres::{Client, Config, IsolationLevel, NoTls, Transaction};
use tokio_postgres_rustls::MakeRustlsConnect;

/// After so long in silence the system asks whether the other side is still there.
const KEEPALIVE: Duration = Duration::from_secs(30);

/// See the [module](self).
pub(super) struct Session<'a> {
    /// Host, port and database.
    at: String,
    client: Client,
    watch: &'a Watch<'a>,
}

impl<'a> Session<'a> {
    /// Connect; the connection is driven by a task of the runtime.
    pub async fn open(
        config: &PostgresConfig,
        watch: &'a Watch<'a>,
    ) -> Result<Session<'a>, FetchError> {
        let at = place(config)?;
        let parsed = parsed(config)?;
        let refused = |error| refusal(&at, &error);
        let client = match encryption(&parsed, config.ca_file.as_deref())? {
            None => {
                let (client, connection) =
                    watch.hear(&at, parsed.connect(NoTls)).await?.map_err(refused)?;
                drive(connection);
                client
            }
            Some(tls) => {
                let (client, connection) =
                    watch.hear(&at, parsed.connect(tls)).await?.map_err(refused)?;
                drive(connection);
                client
            }
        };
        Ok(Session { at, client, watch })
    }

    /// A transaction that sees one moment, with settings that make its output the same everywhere.
    pub async fn begin(&mut self) -> Result<(&str, Transaction<'_>), FetchError> {
        let (at, left) = (&*self.at, self.watch.left());
        let settings = format!(
            "SET LOCAL statement_timeout = {};
             SET LOCAL datestyle = 'ISO, YMD';
             SET LOCAL timezone = 'Asia/Shanghai';
             SET LOCAL standard_conforming_strings = on;
             SET LOCAL synchronize_seqscans = off",
            left.as_millis().clamp(1, i32::MAX as u128)
        );
        let begin = async {
            let transaction = self
                .client
                .build_transaction()
                .isolation_level(IsolationLevel::RepeatableRead)
                .read_only(true)
                .start()
                .await?;
            transaction.batch_execute(&settings).await?;
            Ok(transaction)
        };
        let begun = self.watch.hear(at, begin).await?.map_err(|error| refusal(at, &error))?;
        Ok((at, begun))
    }
}

/// The end of a connection is seen by its client, whose requests then fail.
fn drive(connection: impl Future<Output: Send> + Send + 'static) {
    tokio::spawn(connection);
}

/// The settings of a connection.
pub(super) fn parsed(config: &PostgresConfig) -> Result<Config, FetchError> {
    // These modes are stricter than the client knows, and what we do for the next.
    let dsn = config.dsn.reveal()?;
    let dsn = dsn
        .replace("sslmode=verify-full", "sslmode=require")
        .replace("sslmode=verify-ca", "sslmode=require");
    let mut parsed: Config =
        dsn.parse().map_err(|_| FetchError::config("dsn: 无法解析 / cannot be parsed"))?;
    parsed.keepalives_idle(KEEPALIVE);
    if parsed.get_application_name().is_none() {
        parsed.application_name("xincha");
    }
    Ok(parsed)
}

/// Host, port and database of a configuration, for people.
pub(super) fn place(config: &PostgresConfig) -> Result<String, FetchError> {
    let parsed = parsed(config)?;
    let hosts: Vec<String> = parsed
        .get_hosts()
        .iter()
        .map(|host| match host {
            Host::Tcp(name) => name.clone(),
            Host::Unix(path) => path.display().to_string(),
        })
        .chain(parsed.get_hostaddrs().iter().map(ToString::to_string))
        .collect();
    let ports: Vec<String> = parsed.get_ports().iter().map(ToString::to_string).collect();
    let database = parsed.get_dbname().unwrap_or_default();
    Ok(format!("postgresql://{}:{}/{database}", hosts.join(","), ports.join(",")))
}

/// None where the configuration does not ask for it.
pub(super) fn encryption(
    parsed: &Config,
    ca_file: Option<&Path>,
) -> Result<Option<MakeRustlsConnect>, FetchError> {
    if parsed.get_ssl_mode() != SslMode::Require {
        return Ok(None);
    }
    // Fails when another part of the process was first, which is as good.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    match ca_file {
        Some(file) => {
            let trusted = ClientConfig::builder().with_root_certificates(authorities(file)?);
            Ok(Some(MakeRustlsConnect::new(trusted.with_no_client_auth())))
        }
        None => match MakeRustlsConnect::with_native_certs() {
            Ok((tls, _)) => Ok(Some(tls)),
            Err(_) => {
                Err(FetchError::config("sslmode: 系统无可信证书 / the system trusts no authority"))
            }
        },
    }
}

fn authorities(file: &Path) -> Result<RootCertStore, FetchError> {
    let pem = std::fs::read(file).map_err(|source| FetchError::io(file, source))?;
    let mut store = RootCertStore::empty();
    let certificates = CertificateDer::pem_slice_iter(&pem).filter_map(Result::ok);
    match store.add_parsable_certificates(certificates) {
        (1.., _) => Ok(store),
        _ => Err(FetchError::config(format!(
            "ca_file: {} 中没有证书 / holds no certificate",
            file.display()
        ))),
    }
}

/// What an error means. What the database said is shown only where it speaks of names and resources:
/// a message about data holds data.
pub(super) fn refusal(at: &str, error: &tokio_postgres::Error) -> FetchError {
    let at = at.to_owned();
    let Some(said) = error.as_db_error() else { return unsaid(at, error) };
    let code = said.code().code().to_owned();
    let class = &code[..code.len().min(2)];
    let is_harmless = matches!(class, "3D" | "3F" | "42" | "53" | "57");
    let why = match class {
        "28" => "认证失败 / authentication failed".to_owned(),
        _ if is_harmless => said.message().to_owned(),
        _ => "详见数据库日志 / see the database's log".to_owned(),
    };
    // 57014 is our own statement_timeout: there would be no time left.
    let passes = matches!(class, "08" | "40" | "53" | "57") && code != "57014";
    FetchError::Database { at, code, why, passes }
}

/// An error of ours or of the line.
fn unsaid(at: String, error: &tokio_postgres::Error) -> FetchError {
    let why = crate::source::fetch::error::chain(error);
    if error.is_closed() || is_of_the_line(error) {
        return FetchError::Connection { at, why };
    }
    FetchError::Database { at, code: "-".to_owned(), why, passes: false }
}

/// A certificate that is not trusted is told as invalid data.
fn is_of_the_line(error: &tokio_postgres::Error) -> bool {
    let cause = std::error::Error::source(error);
    cause
        .and_then(|cause| cause.downcast_ref::<std::io::Error>())
        .is_some_and(|cause| cause.kind() != std::io::ErrorKind::InvalidData)
}
