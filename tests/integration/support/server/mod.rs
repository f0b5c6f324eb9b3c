//! Real servers as child processes: OpenBao, Vault when present, moto as AWS, and the clients that
//! talk to them.
//!
//! Nothing here is needed by the plugin's own build. A test that wants a server asks
//! [`Installation`] for it; where there is none, the test says so on one line and passes, unless
//! `TESTS_NEED_SERVERS` is set.

mod client;
mod http;
mod installation;
mod moto;
mod process;
mod scene;
mod vault;

pub use client::{ClientLogin, boto3_payload, login_with_hvac, login_with_vault_cli};
pub use installation::{Flavor, Installation, ServerBinary};
pub use process::{POLL_INTERVAL, START_DEADLINE, kill_hard};
pub use scene::{SERVER_ID, Scene};
pub use vault::{client_token, errors};

/// Turns `async fn test(scene: Scene)` into one test per server: `test::openbao` and `test::vault`.
macro_rules! on_each_server {
    ($($test:ident),+ $(,)?) => {$(
        mod $test {
            use crate::support::server::{Flavor, Scene};

            #[tokio::test]
            async fn openbao() {
                if let Some(scene) = Scene::open(concat!(module_path!(), "::openbao"), Flavor::OpenBao).await {
                    super::$test(scene).await;
                }
            }

            #[tokio::test]
            async fn vault() {
                if let Some(scene) = Scene::open(concat!(module_path!(), "::vault"), Flavor::Vault).await {
                    super::$test(scene).await;
                }
            }
        }
    )+};
}
pub(crate) use on_each_server;
