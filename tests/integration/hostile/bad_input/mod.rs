//! Input that nobody should send: whatever it is, the answer is a refusal, the process lives on, no
//! host but the configured ones is reached, and memory stays within bounds.

mod garbage;
mod generated;
mod limits;
mod logins;
mod memory;

use std::time::Duration;

use serde_json::Value;

use testkit::host::{Answer, Mount};

/// Far more than a refusal takes.
const PATIENCE: Duration = Duration::from_secs(20);

/// The answer to an update with data that may not even be JSON.
async fn answer_to(mount: &Mount, path: &str, data: &str) -> Answer {
    let request = mount.request("update", path, &Value::Null).data_text(data).send();
    tokio::time::timeout(PATIENCE, request).await.unwrap_or_else(|_| {
        panic!("no answer to {}", data.chars().take(200).collect::<String>());
    })
}

/// The members of a login, each value as JSON text.
fn login_members(login: &Value) -> Vec<(String, String)> {
    let members = login.as_object().expect("an object");
    members.iter().map(|(name, value)| (name.clone(), value.to_string())).collect()
}
