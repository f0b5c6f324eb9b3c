//! The environment variables by which a host launches the plugin, read once.

use std::ffi::OsString;
use std::path::PathBuf;

use vault_plugin_auth_aws::framework::HostFlavor;

const COOKIE_NAME: &str = "VAULT_BACKEND_PLUGIN";
const COOKIE_VALUE: &str = "6669da05-b1c8-4f49-97d9-c8e5bed98e20";

/// What OpenBao sets and Vault does not.
const OPENBAO_VARIABLES: [&str; 5] = [
    "BAO_VERSION",
    "BAO_PLUGIN_METADATA_MODE",
    "BAO_PLUGIN_AUTOMTLS_ENABLED",
    "BAO_PLUGIN_MLOCK_ENABLED",
    "BAO_UNWRAP_TOKEN",
];

/// How the host wants the plugin to run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LaunchEnvironment {
    /// Whether the program that started us is a host of backend plugins.
    pub(crate) has_cookie: bool,
    /// Entries of the offered protocol versions that are no numbers.
    pub(crate) unreadable_versions: Vec<String>,
    /// The host's certificate in PEM.
    pub(crate) client_certificate: Option<String>,
    /// Whether the handshake line must say that connections can be multiplexed.
    pub(crate) announce_multiplexing: bool,
    /// Whether all connections run as streams over one socket.
    pub(crate) multiplexed: bool,
    /// Where the socket is made.
    pub(crate) socket_folder: PathBuf,
    /// Name or number of the group that may use the socket.
    pub(crate) socket_group: Option<String>,
    /// The kind of host.
    pub(crate) host: HostFlavor,
    /// The host's version.
    pub(crate) host_version: Option<String>,
    /// Whether the process is asked only for its description and will not serve requests.
    pub(crate) metadata_mode: bool,
    /// Whether memory must be locked.
    pub(crate) lock_memory: bool,
}

impl LaunchEnvironment {
    /// Whether a host of plugins set variables of this process. Hosts of every kind offer protocol
    /// versions.
    #[cfg(feature = "client")]
    #[expect(clippy::disallowed_methods, reason = "a host says in the environment that it started this")]
    pub(crate) fn has_traces() -> bool {
        std::env::var_os(COOKIE_NAME).is_some() || std::env::var_os("PLUGIN_PROTOCOL_VERSIONS").is_some()
    }

    /// Reads the variables of this process.
    #[expect(clippy::disallowed_methods, reason = "the host says in the environment how to serve it")]
    pub(crate) fn of_process() -> Self {
        Self::read(|name| std::env::var_os(name))
    }

    fn read(lookup: impl Fn(&str) -> Option<OsString>) -> Self {
        let text = |name: &str| lookup(name).map(|value| value.to_string_lossy().into_owned());
        let not_empty = |name: &str| text(name).filter(|value| !value.is_empty());
        // OpenBao sets both names; its own wins as soon as it is there, even empty.
        let of_host = |name: &str| text(&format!("BAO_{name}")).or_else(|| text(&format!("VAULT_{name}")));
        let is_set = |name: &str| of_host(name).is_some_and(|value| parse_bool(&value));

        let multiplex = not_empty("PLUGIN_MULTIPLEX_GRPC");
        Self {
            has_cookie: text(COOKIE_NAME).is_some_and(|value| value == COOKIE_VALUE),
            unreadable_versions: text("PLUGIN_PROTOCOL_VERSIONS")
                .map(|versions| unreadable_versions(&versions))
                .unwrap_or_default(),
            client_certificate: not_empty("PLUGIN_CLIENT_CERT"),
            announce_multiplexing: multiplex.is_some(),
            multiplexed: multiplex.is_some_and(|value| parse_bool(&value)),
            socket_folder: lookup("PLUGIN_UNIX_SOCKET_DIR")
                .filter(|folder| !folder.is_empty())
                .map_or_else(std::env::temp_dir, PathBuf::from),
            socket_group: not_empty("PLUGIN_UNIX_SOCKET_GROUP"),
            host: if OPENBAO_VARIABLES.iter().any(|name| lookup(name).is_some()) {
                HostFlavor::OpenBao
            } else {
                HostFlavor::Vault
            },
            host_version: of_host("VERSION").filter(|version| !version.is_empty()),
            metadata_mode: is_set("PLUGIN_METADATA_MODE"),
            lock_memory: is_set("PLUGIN_MLOCK_ENABLED"),
        }
    }
}

fn unreadable_versions(versions: &str) -> Vec<String> {
    versions.split(',').filter(|version| version.parse::<i64>().is_err()).map(str::to_owned).collect()
}

/// The spellings of "true" that Go accepts.
fn parse_bool(text: &str) -> bool {
    matches!(text, "1" | "t" | "T" | "true" | "TRUE" | "True")
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    fn read(variables: &[(&str, &str)]) -> LaunchEnvironment {
        let variables: HashMap<&str, &str> = variables.iter().copied().collect();
        LaunchEnvironment::read(|name| variables.get(name).map(OsString::from))
    }

    #[test]
    fn only_the_exact_cookie_counts() {
        assert!(read(&[("VAULT_BACKEND_PLUGIN", COOKIE_VALUE)]).has_cookie);
        assert!(!read(&[]).has_cookie);
        assert!(!read(&[("VAULT_BACKEND_PLUGIN", "6669da05")]).has_cookie);
        assert!(
            !read(&[("VAULT_DATABASE_PLUGIN", "926a0820-aea2-be28-51d6-83cdf00e8edb")]).has_cookie,
            "the cookie of a database plugin"
        );
    }

    #[test]
    fn a_name_of_openbao_wins_over_that_of_vault_even_when_empty() {
        let version = |variables: &[(&str, &str)]| read(variables).host_version;
        assert_eq!(version(&[("VAULT_VERSION", "1.20.0")]).as_deref(), Some("1.20.0"));
        assert_eq!(version(&[("VAULT_VERSION", "a"), ("BAO_VERSION", "b")]).as_deref(), Some("b"));
        assert_eq!(version(&[("VAULT_VERSION", "a"), ("BAO_VERSION", "")]), None);

        let metadata_mode = |variables: &[(&str, &str)]| read(variables).metadata_mode;
        assert!(metadata_mode(&[("VAULT_PLUGIN_METADATA_MODE", "true")]));
        assert!(!metadata_mode(&[("VAULT_PLUGIN_METADATA_MODE", "true"), ("BAO_PLUGIN_METADATA_MODE", "")]));
        assert!(read(&[("VAULT_PLUGIN_MLOCK_ENABLED", "true")]).lock_memory);
        assert!(!read(&[("VAULT_PLUGIN_MLOCK_ENABLED", "false")]).lock_memory);
    }

    #[test]
    fn openbao_is_known_by_any_variable_of_its_own() {
        assert_eq!(read(&[("VAULT_VERSION", "1.20.0")]).host, HostFlavor::Vault);
        assert_eq!(read(&[("BAO_ADDR", "http://127.0.0.1:8200")]).host, HostFlavor::Vault);
        for name in OPENBAO_VARIABLES {
            assert_eq!(read(&[(name, "")]).host, HostFlavor::OpenBao, "{name}");
        }
    }

    #[test]
    fn protocol_versions_that_are_no_numbers_are_noticed() {
        assert_eq!(read(&[("PLUGIN_PROTOCOL_VERSIONS", "5")]).unreadable_versions, [] as [&str; 0]);
        assert_eq!(read(&[("PLUGIN_PROTOCOL_VERSIONS", "4,x,3,")]).unreadable_versions, ["x", ""]);
        assert_eq!(read(&[]).unreadable_versions, [] as [&str; 0]);
    }

    #[test]
    fn any_value_asks_for_the_multiplexing_segment_but_only_true_for_multiplexing() {
        for (value, announce, multiplexed) in [
            ("", false, false),
            ("true", true, true),
            ("1", true, true),
            ("false", true, false),
            ("x", true, false),
        ] {
            let launch = read(&[("PLUGIN_MULTIPLEX_GRPC", value)]);
            assert_eq!(
                (launch.announce_multiplexing, launch.multiplexed),
                (announce, multiplexed),
                "{value}"
            );
        }
        assert!(!read(&[]).announce_multiplexing);
    }

    #[test]
    fn the_socket_goes_to_the_temporary_folder_unless_the_host_names_one() {
        assert_eq!(read(&[]).socket_folder, std::env::temp_dir());
        assert_eq!(read(&[("PLUGIN_UNIX_SOCKET_DIR", "")]).socket_folder, std::env::temp_dir());
        let launch = read(&[("PLUGIN_UNIX_SOCKET_DIR", "/s"), ("PLUGIN_UNIX_SOCKET_GROUP", "1000")]);
        assert_eq!(launch.socket_folder, PathBuf::from("/s"));
        assert_eq!(launch.socket_group.as_deref(), Some("1000"));
    }
}
