//! TLS in front of the same connections, and the certificates that it is read from.

use super::config::TlsConfig;
use crate::clients::{Digest, Stamps, Watching};
use rustls::crypto::aws_lc_rs;
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use rustls_pki_types::pem::{self, PemObject};
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// Why TLS cannot be spoken.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read, or holds none of what it should.
    #[error("{path}: 无法读取 / cannot be read: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: pem::Error,
    },
    /// The certificates do not make a server.
    #[error("{path}: 证书与私钥无法使用 / the certificate and its key cannot be used: {source}")]
    Unusable {
        /// The file of the certificate.
        path: PathBuf,
        /// What is wrong.
        source: rustls::Error,
    },
    /// The authority of the clients' certificates cannot be used.
    #[error(
        "{path}: 客户端证书的签发机构无法使用 / the authority of client certificates cannot be used: {why}"
    )]
    Authority {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// Certificates are asked for, and nobody says whose.
    #[error("设有 client_required 而没有 client_ca / there is client_required and no client_ca")]
    NoAuthority,
}

/// What connections are accepted with. Cloning shares.
#[derive(Clone)]
pub(super) struct Tls {
    config: Arc<TlsConfig>,
    current: Arc<RwLock<Arc<ServerConfig>>>,
    /// The files as they were when they were opened.
    opened: Stamps,
}

impl Tls {
    /// Of the files as they are now.
    pub fn open(config: TlsConfig) -> Result<Tls, TlsError> {
        let TlsConfig { certificate, key, client_ca, .. } = &config;
        let opened = Stamps::of([certificate, key].into_iter().chain(client_ca).cloned().collect());
        let current = Arc::new(RwLock::new(Arc::new(read(&config)?)));
        Ok(Tls { config: Arc::new(config), current, opened })
    }

    /// Look at the files every second: new connections are accepted with what they hold. What cannot be used
    /// changes nothing, is logged, and read again at each look.
    pub fn watch(&self) -> io::Result<Watching> {
        let tls = self.clone();
        Watching::start("tls", self.opened.clone(), move || tls.reload(), || ())
    }

    fn reload(&self) -> Result<(), String> {
        let failed = |why| format!("沿用原有证书 / the certificate before stays: {why}");
        let config = read(&self.config).map_err(failed)?;
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(config);
        tracing::info!("证书已更新 / the certificate was read anew");
        Ok(())
    }

    /// Shake hands.
    pub fn accept(&self, stream: TcpStream) -> tokio_rustls::Accept<TcpStream> {
        let config = self.current.read().unwrap_or_else(PoisonError::into_inner).clone();
        TlsAcceptor::from(config).accept(stream)
    }
}

/// The fingerprint of the certificate that the other end showed.
pub(super) fn fingerprint(stream: &TlsStream<TcpStream>) -> Option<Digest> {
    let certificates = stream.get_ref().1.peer_certificates()?;
    certificates.first().map(|certificate| Digest::of(certificate))
}

fn read(config: &TlsConfig) -> Result<ServerConfig, TlsError> {
    let TlsConfig { certificate, key, client_ca, client_required } = config;
    let chain = certificates(certificate)?;
    let private = PrivateKeyDer::from_pem_file(key)
        .map_err(|source| TlsError::File { path: key.clone(), source })?;
    let unusable = |source| TlsError::Unusable { path: certificate.clone(), source };
    let provider = Arc::new(aws_lc_rs::default_provider());
    let server = ServerConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .map_err(unusable)?;
    let server = match client_ca {
        None if *client_required => return Err(TlsError::NoAuthority),
        None => server.with_no_client_auth(),
        Some(path) => {
            let failed = |why: &dyn ToString| TlsError::Authority {
                path: path.clone(),
                why: why.to_string(),
            };
            let mut roots = RootCertStore::empty();
            for root in certificates(path)? {
                roots.add(root).map_err(|error| failed(&error))?;
            }
            let verifier = WebPkiClientVerifier::builder_with_provider(roots.into(), provider);
            let verifier = match client_required {
                true => verifier,
                false => verifier.allow_unauthenticated(),
            };
            server.with_client_cert_verifier(verifier.build().map_err(|error| failed(&error))?)
        }
    };
    let mut server = server.with_single_cert(chain, private).map_err(unusable)?;
    server.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(server)
}

/// The certificates of a file, one or more.
fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let failed = |source| TlsError::File { path: path.to_owned(), source };
    let read = CertificateDer::pem_file_iter(path).map_err(failed)?;
    let certificates = read.collect::<Result<Vec<_>, _>>().map_err(failed)?;
    match certificates.is_empty() {
        true => Err(failed(pem::Error::NoItemsFound)),
        false => Ok(certificates),
    }
}
