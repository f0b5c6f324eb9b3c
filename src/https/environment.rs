//! What the process environment says about connections.

use std::path::PathBuf;

/// Proxies and trust roots.
#[derive(Clone, Debug, Default)]
pub struct Environment {
    /// `HTTPS_PROXY`.
    pub https_proxy: String,
    /// `HTTP_PROXY`.
    pub http_proxy: String,
    /// `NO_PROXY`.
    pub no_proxy: String,
    /// `SSL_CERT_FILE`.
    pub certificate_file: Option<PathBuf>,
    /// The directories of `SSL_CERT_DIR`.
    pub certificate_directories: Vec<PathBuf>,
    /// Whether the certificates of the operating system are trusted.
    pub system_certificates: bool,
}

impl Environment {
    /// The settings of this process, as it was started.
    #[expect(clippy::disallowed_methods, reason = "proxies and trust roots are named by the environment")]
    pub fn of_process() -> Self {
        let text = |names: [&str; 2]| {
            let values = names.into_iter().filter_map(|name| std::env::var(name).ok());
            values.into_iter().find(|value| !value.is_empty()).unwrap_or_default()
        };
        let path = |name| std::env::var_os(name).filter(|value| !value.is_empty());
        Self {
            https_proxy: text(["HTTPS_PROXY", "https_proxy"]),
            http_proxy: text(["HTTP_PROXY", "http_proxy"]),
            no_proxy: text(["NO_PROXY", "no_proxy"]),
            certificate_file: path("SSL_CERT_FILE").map(PathBuf::from),
            certificate_directories: path("SSL_CERT_DIR")
                .map(|list| {
                    std::env::split_paths(&list).filter(|path| !path.as_os_str().is_empty()).collect()
                })
                .unwrap_or_default(),
            system_certificates: true,
        }
    }
}
