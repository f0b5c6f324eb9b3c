//! The TLS configuration of a transport.

use std::sync::Arc;

use rustls::client::WantsClientCert;
use rustls::{ClientConfig, ConfigBuilder, WantsVerifier};
use tokio::sync::OnceCell;

use super::Environment;
use super::roots::roots;
use super::server_tls::ServerTls;

/// The TLS configuration, made when the first https connection needs it.
#[derive(Debug)]
pub(super) struct Trust {
    builder: ConfigBuilder<ClientConfig, WantsVerifier>,
    environment: Environment,
    server: Option<ServerTls>,
    config: OnceCell<Arc<ClientConfig>>,
}

impl Trust {
    pub(super) fn new(environment: Environment) -> Result<Self, String> {
        Self::build(environment, None)
    }

    /// For a server whose TLS has its own settings.
    pub(super) fn of_server(environment: Environment, tls: ServerTls) -> Result<Self, String> {
        Self::build(environment, Some(tls))
    }

    fn build(environment: Environment, server: Option<ServerTls>) -> Result<Self, String> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| format!("TLS is not available: {error}"))?;
        Ok(Self { builder, environment, server, config: OnceCell::new() })
    }

    /// The configuration. A failure is not kept: the next connection tries again.
    ///
    /// # Errors
    /// Nothing is trusted; the text says what was looked at.
    pub(super) async fn config(&self) -> Result<Arc<ClientConfig>, String> {
        self.config.get_or_try_init(|| self.load()).await.cloned()
    }

    async fn load(&self) -> Result<Arc<ClientConfig>, String> {
        let environment = self.environment.clone();
        if let Some(server) = self.server.clone() {
            let builder = self.builder.clone();
            return tokio::task::spawn_blocking(move || server.config(builder, &environment))
                .await
                .map_err(|error| format!("reading certificates: {error}"))?
                .map(Arc::new);
        }
        let roots = tokio::task::spawn_blocking(move || roots(&environment))
            .await
            .map_err(|error| format!("reading trusted certificates: {error}"))??;
        let builder: ConfigBuilder<ClientConfig, WantsClientCert> =
            self.builder.clone().with_root_certificates(roots);
        Ok(Arc::new(builder.with_no_client_auth()))
    }
}
