//! Real servers as child processes: OpenBao, Vault when present, moto as AWS, and clients that nobody
//! here wrote.
//!
//! Nothing here is needed by the plugin's own build. A test that wants a server asks
//! [`Installation`] for it; where there is none, the test says so on one line and passes, unless
//! `TESTS_NEED_SERVERS` is set.

mod client;
mod cluster;
mod fault;
mod http;
mod installation;
mod moto;
mod process;
mod remote;
mod scene;
mod vault;
mod volume;

pub use crate::on_each_server;
pub use crate::stage::SERVER_ID;
pub use client::ClientLogin;
pub use cluster::Cluster;
pub use installation::{Flavor, Installation, ServerBinary};
pub use moto::{ADMINISTRATOR, Moto, Principal};
pub use process::{POLL_INTERVAL, START_DEADLINE, free_port, kill_hard, program_of};
pub use remote::{Remote, RemoteAnswer};
pub use scene::{Scene, configure, vault_cli_login};
pub use vault::{Mounted, Server, client_token, errors};

/// Turns `async fn test(scene: Scene)` into one test per server: `test::openbao` and `test::vault`. The
/// type before the colon has `open(test_name, flavor, plugin)`, which is `None` for a skipped test.
#[macro_export]
macro_rules! on_each_server {
    ($scene:ident: $($test:ident),+ $(,)?) => {$(
        mod $test {
            use $crate::server::Flavor;

            #[tokio::test]
            async fn openbao() {
                let test = concat!(module_path!(), "::openbao");
                if let Some(scene) = super::$scene::open(test, Flavor::OpenBao, $crate::binary!()).await {
                    super::$test(scene).await;
                }
            }

            #[tokio::test]
            async fn vault() {
                let test = concat!(module_path!(), "::vault");
                if let Some(scene) = super::$scene::open(test, Flavor::Vault, $crate::binary!()).await {
                    super::$test(scene).await;
                }
            }
        }
    )+};
}
