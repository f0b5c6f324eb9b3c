//! The TLS configuration of a transport.

use std::fmt::Debug;
use std::sync::Arc;

use rustls::{ClientConfig, ConfigBuilder, WantsVerifier};
use tokio::sync::OnceCell;

use super::environment::Environment;
use super::roots::roots;

/// Says whom to trust, and what to show of oneself.
pub(super) trait TlsSettings: Debug + Send + Sync {
    /// The configuration; reads files.
    ///
    /// # Errors
    /// A sentence on what cannot be read or used.
    fn config(&self, builder: ConfigBuilder<ClientConfig, WantsVerifier>) -> Result<ClientConfig, String>;
}

impl TlsSettings for Environment {
    fn config(&self, builder: ConfigBuilder<ClientConfig, WantsVerifier>) -> Result<ClientConfig, String> {
        Ok(builder.with_root_certificates(roots(self)?).with_no_client_auth())
    }
}

/// The TLS configuration, made when the first https connection needs it.
#[derive(Debug)]
pub(super) struct Trust {
    builder: ConfigBuilder<ClientConfig, WantsVerifier>,
    settings: Arc<dyn TlsSettings>,
    config: OnceCell<Arc<ClientConfig>>,
}

impl Trust {
    pub(super) fn new(settings: Arc<dyn TlsSettings>) -> Result<Self, String> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| format!("TLS is not available: {error}"))?;
        Ok(Self { builder, settings, config: OnceCell::new() })
    }

    /// The configuration. A failure is not kept: the next connection tries again.
    ///
    /// # Errors
    /// Nothing is trusted; the text says what was looked at.
    pub(super) async fn config(&self) -> Result<Arc<ClientConfig>, String> {
        self.config.get_or_try_init(|| self.load()).await.cloned()
    }

    async fn load(&self) -> Result<Arc<ClientConfig>, String> {
        let (settings, builder) = (Arc::clone(&self.settings), self.builder.clone());
        tokio::task::spawn_blocking(move || settings.config(builder))
            .await
            .map_err(|error| format!("reading trusted certificates: {error}"))?
            .map(Arc::new)
    }
}
