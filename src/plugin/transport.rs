//! The HTTP transport the mounts use.

use std::sync::Arc;

use vault_plugin_auth_aws::https::HttpsTransport;
use vault_plugin_auth_aws::ports::Transport;

/// The transport of all mounts, or a sentence on why there is none.
pub(crate) fn transport() -> Result<Arc<dyn Transport>, String> {
    Ok(Arc::new(HttpsTransport::new()?))
}
