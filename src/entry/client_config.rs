//! `config/client`: how the server reaches AWS, and what it demands of signed requests.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{Entry, RequestRules};
use crate::go::GoDuration;
use crate::ports::Secret;

/// The stored entry `config/client`. Nothing is validated when it is written, as in the built-in
/// method; what cannot work fails where it is used.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ClientConfig {
    /// Lifetime asked of a plugin identity token; zero leaves it to the host.
    pub identity_token_ttl: GoDuration,
    /// Audience of the plugin identity token; non-empty switches workload identity on.
    pub identity_token_audience: String,
    /// Five-field cron expression of the automated rotation.
    pub rotation_schedule: String,
    /// Window after the scheduled time.
    pub rotation_window: GoDuration,
    /// Period instead of a schedule.
    pub rotation_period: GoDuration,
    /// Whether automated rotation is switched off.
    pub disable_automated_rotation: bool,
    /// Static access key id.
    pub access_key: String,
    /// Static secret; never returned.
    pub secret_key: Secret,
    /// EC2 API URL instead of the computed one.
    pub endpoint: String,
    /// IAM API URL instead of the computed one.
    pub iam_endpoint: String,
    /// STS API URL instead of the computed one.
    pub sts_endpoint: String,
    /// Organizations API URL instead of the computed one.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub organizations_endpoint: String,
    /// Region of the server's own STS calls.
    pub sts_region: String,
    /// Whether a login goes to the STS endpoint of its signature's region.
    pub use_sts_region_from_client: bool,
    /// Required value of `X-Vault-AWS-IAM-Server-ID`; empty requires nothing.
    pub iam_server_id_header_value: String,
    /// Further `X-Amz-` headers accepted at login, in canonical form; never set is `None`.
    pub allowed_sts_header_values: Option<Vec<String>>,
    /// Retries of AWS calls; negative leaves it to the default. Zero in entries older than the field.
    pub max_retries: i64,
    /// Role of workload identity.
    pub role_arn: String,
    /// Whether logins and renewals are checked more strictly than the built-in method does.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub iam_strict_request: bool,
    /// Whether logins may bring further signed requests, whose answers count as those to the server itself.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub iam_accept_evidence: bool,
    /// What logins by a signed request are held to.
    #[serde(flatten)]
    pub request_rules: RequestRules,
    /// Whether the plugin itself rotates the key, and no rotation manager of the host.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub rotate_in_plugin: bool,
    /// Members of other versions.
    #[serde(flatten)]
    pub unknown: Map<String, Value>,
}

impl Entry for ClientConfig {}

impl Default for ClientConfig {
    fn default() -> Self {
        Self {
            identity_token_ttl: GoDuration::ZERO,
            identity_token_audience: String::new(),
            rotation_schedule: String::new(),
            rotation_window: GoDuration::ZERO,
            rotation_period: GoDuration::ZERO,
            disable_automated_rotation: false,
            access_key: String::new(),
            secret_key: Secret::default(),
            endpoint: String::new(),
            iam_endpoint: String::new(),
            sts_endpoint: String::new(),
            organizations_endpoint: String::new(),
            sts_region: String::new(),
            use_sts_region_from_client: false,
            iam_server_id_header_value: String::new(),
            allowed_sts_header_values: None,
            max_retries: 0,
            role_arn: String::new(),
            iam_strict_request: false,
            iam_accept_evidence: false,
            request_rules: RequestRules::default(),
            rotate_in_plugin: false,
            unknown: Map::new(),
        }
    }
}

impl ClientConfig {
    /// Storage key.
    pub const KEY: &'static str = "config/client";

    /// `max_retries` where nobody set it.
    pub const DEFAULT_MAX_RETRIES: i64 = -1;

    /// What holds while nothing is stored.
    #[must_use]
    pub fn absent() -> Self {
        Self { max_retries: Self::DEFAULT_MAX_RETRIES, ..Self::default() }
    }

    /// The configured header names.
    #[must_use]
    pub fn allowed_header_values(&self) -> &[String] {
        self.allowed_sts_header_values.as_deref().unwrap_or_default()
    }

    /// Whether the key is rotated automatically, by whomever.
    #[must_use]
    pub fn rotates(&self) -> bool {
        !self.disable_automated_rotation
            && (!self.rotation_schedule.is_empty() || self.rotation_period.is_positive())
    }

    /// Whether the plugin itself rotates the key.
    #[must_use]
    pub fn rotates_in_plugin(&self) -> bool {
        self.rotate_in_plugin && self.rotates()
    }

    /// Whether a rotation job should be registered with the host.
    #[must_use]
    pub fn rotates_by_host(&self) -> bool {
        !self.rotate_in_plugin && self.rotates()
    }
}

impl std::fmt::Debug for ClientConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ClientConfig").field("access_key", &self.access_key).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_older_entry_reads_with_zero_values() {
        let stored = br#"{"access_key":"AKID","secret_key":"s","endpoint":"","allowed_sts_header_values":null,"later":{"a":1}}"#;
        let config = ClientConfig::decode(stored).unwrap();
        assert_eq!((config.access_key.as_str(), config.max_retries), ("AKID", 0));
        assert_eq!(config.allowed_sts_header_values, None);
        let written: Value = serde_json::from_slice(&config.encode().unwrap()).unwrap();
        assert_eq!(written["later"]["a"], 1);
        assert_eq!(written["allowed_sts_header_values"], Value::Null);
        assert_eq!(written["rotation_window"], 0);
    }

    #[test]
    fn the_secret_is_not_shown_when_debugging() {
        let config = ClientConfig { secret_key: "hunter2".to_owned().into(), ..ClientConfig::default() };
        assert!(!format!("{config:?}").contains("hunter2"));
    }
}
