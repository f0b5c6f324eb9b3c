//! Whom TLS trusts: the certificates of the system and those of `SSL_CERT_FILE`.

use std::path::Path;
use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::CertificateDer;
use rustls::{ClientConfig, ConfigBuilder, RootCertStore, WantsVerifier};
use rustls_native_certs::{CertificateResult, load_certs_from_paths, load_native_certs};
use thiserror::Error;
use tokio::sync::OnceCell;

use super::environment::Environment;
use super::own_root::OwnRootVerifier;
use super::server_tls::{ServerTls, ServerTlsError, TrustsEverybody};

/// Why there is no TLS configuration.
#[derive(Clone, Debug, Error, PartialEq)]
pub enum TrustError {
    /// The crypto provider does not speak TLS as it should.
    #[error("TLS is not available: {0}")]
    NoTls(rustls::Error),
    /// The reading of certificates ended without a result.
    #[error("reading trusted certificates: {0}")]
    NotRead(String),
    /// There are no trusted certificates.
    #[error(
        "no trusted certificates found in the system{named}; install the system's CA certificates or \
         set SSL_CERT_FILE{detail}"
    )]
    NobodyTrusted {
        /// Where the environment says that there are some, as the text goes on.
        named: String,
        /// What was wrong with the first of them, as the text ends.
        detail: String,
    },
    /// What is said of the server cannot be used.
    #[error(transparent)]
    Server(#[from] ServerTlsError),
}

/// The TLS configuration, made when the first https connection needs it.
#[derive(Debug)]
pub(super) struct Trust {
    builder: ConfigBuilder<ClientConfig, WantsVerifier>,
    environment: Environment,
    server: ServerTls,
    config: OnceCell<Arc<ClientConfig>>,
}

impl Trust {
    /// As an environment wants it.
    pub(super) fn new(environment: Environment) -> Result<Self, TrustError> {
        Self::of_server(ServerTls::default(), environment)
    }

    /// As one server wants it, in an environment.
    pub(super) fn of_server(server: ServerTls, environment: Environment) -> Result<Self, TrustError> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(TrustError::NoTls)?;
        Ok(Self { builder, environment, server, config: OnceCell::new() })
    }

    /// The configuration. A failure is not kept: the next connection tries again.
    ///
    /// # Errors
    /// Nothing is trusted, and the text says what was looked at; or what is said of the server cannot
    /// be used.
    pub(super) async fn config(&self) -> Result<Arc<ClientConfig>, TrustError> {
        self.config.get_or_try_init(|| self.load()).await.cloned()
    }

    async fn load(&self) -> Result<Arc<ClientConfig>, TrustError> {
        let (server, environment, builder) =
            (self.server.clone(), self.environment.clone(), self.builder.clone());
        tokio::task::spawn_blocking(move || {
            let verifier = verifier(&server, &environment, builder.crypto_provider())?;
            let builder = builder.dangerous().with_custom_certificate_verifier(verifier);
            Ok(Arc::new(server.show(builder)?))
        })
        .await
        .map_err(|error| TrustError::NotRead(error.to_string()))?
    }
}

fn verifier(
    server: &ServerTls,
    environment: &Environment,
    provider: &Arc<CryptoProvider>,
) -> Result<Arc<dyn ServerCertVerifier>, TrustError> {
    if server.skip_verify {
        return Ok(Arc::new(TrustsEverybody(Arc::clone(provider))));
    }
    let roots = match server.listed()? {
        Some(listed) => Roots::of(listed).ok_or(ServerTlsError::NobodyTrusted)?,
        None => roots(environment)?,
    };
    let usual = WebPkiServerVerifier::builder_with_provider(Arc::new(roots.anchors), Arc::clone(provider))
        .build()
        .map_err(|error| TrustError::NoTls(rustls::Error::General(error.to_string())))?;
    Ok(Arc::new(OwnRootVerifier::new(usual, roots.listed)))
}

/// The trusted certificates.
#[derive(Debug)]
pub(super) struct Roots {
    /// All of them, as ends of chains.
    pub(super) anchors: RootCertStore,
    /// Those that are listed by name: they may also be shown as a server's.
    listed: Vec<CertificateDer<'static>>,
}

impl Roots {
    /// These alone; `None` if none of them can be used.
    fn of(listed: Vec<CertificateDer<'static>>) -> Option<Self> {
        let mut anchors = RootCertStore::empty();
        anchors.add_parsable_certificates(listed.iter().cloned());
        (!anchors.is_empty()).then_some(Self { anchors, listed })
    }
}

/// All trusted certificates. What cannot be read is reported to the log, and is an error only if
/// nothing else is left.
pub(super) fn roots(environment: &Environment) -> Result<Roots, TrustError> {
    let mut found = CertificateResult::default();
    let mut add = |more: CertificateResult| {
        found.certs.extend(more.certs);
        found.errors.extend(more.errors);
    };
    let file = environment.certificate_file.as_deref();
    let directories = &environment.certificate_directories;
    if environment.system_certificates {
        system_certificates(file.is_some() || !directories.is_empty()).into_iter().for_each(&mut add);
    }
    let mut listed = Vec::new();
    let named = std::iter::once(load_certs_from_paths(file, None))
        .chain(directories.iter().map(|directory| load_certs_from_paths(None, Some(directory))));
    for more in named {
        listed.extend_from_slice(&more.certs);
        add(more);
    }
    let defects: Vec<String> = found.errors.iter().map(ToString::to_string).collect();
    for defect in &defects {
        tracing::warn!("trusted certificates: {defect}");
    }
    found.certs.sort_unstable_by(|one, other| one.as_ref().cmp(other.as_ref()));
    found.certs.dedup();
    let mut anchors = RootCertStore::empty();
    let (_, unusable) = anchors.add_parsable_certificates(found.certs);
    if unusable > 0 {
        tracing::debug!("{unusable} certificates of the trust store cannot be used");
    }
    if anchors.is_empty() {
        let named = file.map(Path::display).map(|file| format!(" and {file}")).unwrap_or_default();
        let detail = defects.first().map(|defect| format!(": {defect}")).unwrap_or_default();
        return Err(TrustError::NobodyTrusted { named, detail });
    }
    Ok(Roots { anchors, listed })
}

/// The certificates of the operating system. Where the environment names others, the loader of the
/// system's takes those instead, so its directories are read one by one.
fn system_certificates(environment_names_others: bool) -> Vec<CertificateResult> {
    if !environment_names_others {
        return vec![load_native_certs()];
    }
    openssl_probe::candidate_cert_dirs()
        .map(|directory| load_certs_from_paths(None, Some(directory)))
        .collect()
}
