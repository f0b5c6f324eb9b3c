//! The environment variables by which a host launches the plugin, read once.

use std::ffi::OsString;
use std::path::PathBuf;

use vault_plugin_auth_aws::framework::HostFlavor;

const COOKIE_NAME: &str = "VAULT_BACKEND_PLUGIN";
const COOKIE_VALUE: &str = "6669da05-b1c8-4f49-97d9-c8e5bed98e20";

/// What OpenBao always sets, to a boolean, and nobody sets for a server. Other variables of its prefix may stand
/// in the environment of a Vault, which the plugin inherits.
const OPENBAO_VARIABLES: [&str; 2] = ["BAO_PLUGIN_METADATA_MODE", "BAO_PLUGIN_AUTOMTLS_ENABLED"];

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
        let is_openbao =
            OPENBAO_VARIABLES.iter().any(|name| text(name).and_then(|t| parse_bool(&t)).is_some());
        let host = if is_openbao { HostFlavor::OpenBao } else { HostFlavor::Vault };
        // OpenBao sets both names; its own wins as soon as it is there, even empty.
        let of_host = |name: &str| {
            let own = text(&format!("BAO_{name}")).filter(|_| host == HostFlavor::OpenBao);
            own.or_else(|| text(&format!("VAULT_{name}")))
        };
        let is_true = |text: String| parse_bool(&text) == Some(true);
        let is_set = |name: &str| of_host(name).is_some_and(is_true);

        let multiplex = not_empty("PLUGIN_MULTIPLEX_GRPC");
        Self {
            has_cookie: text(COOKIE_NAME).is_some_and(|value| value == COOKIE_VALUE),
            unreadable_versions: text("PLUGIN_PROTOCOL_VERSIONS")
                .map(|versions| unreadable_versions(&versions))
                .unwrap_or_default(),
            client_certificate: not_empty("PLUGIN_CLIENT_CERT"),
            announce_multiplexing: multiplex.is_some(),
            multiplexed: multiplex.is_some_and(is_true),
            socket_folder: lookup("PLUGIN_UNIX_SOCKET_DIR")
                .filter(|folder| !folder.is_empty())
                .map_or_else(std::env::temp_dir, PathBuf::from),
            socket_group: not_empty("PLUGIN_UNIX_SOCKET_GROUP"),
            host,
            host_version: of_host("VERSION").filter(|version| !version.is_empty()),
            metadata_mode: is_set("PLUGIN_METADATA_MODE"),
            lock_memory: is_set("PLUGIN_MLOCK_ENABLED"),
        }
    }
}

fn unreadable_versions(versions: &str) -> Vec<String> {
    versions.split(',').filter(|version| version.parse::<i64>().is_err()).map(str::to_owned).collect()
}

/// A boolean in the spellings that Go accepts.
fn parse_bool(text: &str) -> Option<bool> {
    match text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Some(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Some(false),
        _ => None,
    }
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
        let with = |own: (&'static str, &'static str), variables: &[(&'static str, &'static str)]| {
            read(&[&[own], variables].concat())
        };
        let mtls = ("BAO_PLUGIN_AUTOMTLS_ENABLED", "true");
        let version = |variables: &[(&'static str, &'static str)]| with(mtls, variables).host_version;
        assert_eq!(version(&[("VAULT_VERSION", "1.20.0")]).as_deref(), Some("1.20.0"));
        assert_eq!(version(&[("VAULT_VERSION", "a"), ("BAO_VERSION", "b")]).as_deref(), Some("b"));
        assert_eq!(version(&[("VAULT_VERSION", "a"), ("BAO_VERSION", "")]), None);

        let metadata_mode = |variables: &[(&'static str, &'static str)]| with(mtls, variables).metadata_mode;
        assert!(metadata_mode(&[("VAULT_PLUGIN_METADATA_MODE", "true")]));
        assert!(!metadata_mode(&[("VAULT_PLUGIN_METADATA_MODE", "true"), ("BAO_PLUGIN_METADATA_MODE", "")]));
        assert!(read(&[("VAULT_PLUGIN_MLOCK_ENABLED", "true")]).lock_memory);
        assert!(!read(&[("VAULT_PLUGIN_MLOCK_ENABLED", "false")]).lock_memory);
    }

    #[test]
    fn openbao_is_known_by_what_only_it_sets_for_plugins() {
        for name in OPENBAO_VARIABLES {
            for (value, host) in [
                ("true", HostFlavor::OpenBao),
                ("false", HostFlavor::OpenBao),
                ("0", HostFlavor::OpenBao),
                ("", HostFlavor::Vault),
                ("yes", HostFlavor::Vault),
            ] {
                assert_eq!(read(&[(name, value)]).host, host, "{name}={value}");
            }
        }
    }

    #[test]
    fn what_a_vault_inherits_of_openbaos_names_is_not_heard() {
        let inherited = [
            ("BAO_ADDR", "http://127.0.0.1:8200"),
            ("BAO_VERSION", "2.7.2"),
            ("BAO_UNWRAP_TOKEN", ""),
            ("BAO_PLUGIN_MLOCK_ENABLED", "true"),
            ("BAO_PLUGIN_METADATA_MODE", ""),
            ("VAULT_VERSION", "1.20.0"),
            ("VAULT_PLUGIN_METADATA_MODE", "true"),
            ("VAULT_PLUGIN_MLOCK_ENABLED", "false"),
        ];
        let launch = read(&inherited);
        assert_eq!((launch.host, launch.host_version.as_deref()), (HostFlavor::Vault, Some("1.20.0")));
        assert_eq!((launch.metadata_mode, launch.lock_memory), (true, false));
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
