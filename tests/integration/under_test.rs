//! The plugin of this build, as hosts start it.

use testkit::host::{Host, Launch, Mount, MountOptions};
use testkit::stage::Stage;

/// The binary.
pub(crate) const PLUGIN: &str = testkit::binary!();

/// As OpenBao starts it.
pub(crate) fn open_bao() -> Launch {
    Launch::open_bao(PLUGIN)
}

/// As Vault starts it.
pub(crate) fn vault() -> Launch {
    Launch::vault(PLUGIN)
}

/// A host like OpenBao that has started it.
pub(crate) async fn host() -> Host {
    Host::launch(open_bao()).await
}

/// A new mount of a plugin that is started like this, and its host.
pub(crate) async fn mounted(launch: Launch) -> (Host, Mount) {
    let host = Host::launch(launch).await;
    let mount = host.mount("aws", MountOptions::default()).await;
    (host, mount)
}

/// A configured mount of it on OpenBao.
pub(crate) async fn stage() -> Stage {
    Stage::on(open_bao()).await
}
