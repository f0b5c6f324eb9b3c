//! From the start of the process to the handshake line.

use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::time::Duration;

use crate::under_test;
use testkit::host::{Address, Finished, Host, Launch, MountOptions, StartError};

/// Far more than any start that fails needs.
const LIMIT: Duration = Duration::from_secs(20);

const NOTICE: [&str; 3] = [
    "This binary is a plugin. These are not meant to be executed directly.",
    "Please execute the program that consumes these plugins, which will",
    "load any plugins automatically",
];

async fn run(launch: Launch) -> Finished {
    launch.spawn().process.finish(LIMIT).await
}

/// The end of a plugin that must not get as far as its handshake.
async fn refused(launch: Launch) -> Finished {
    match launch.spawn().handshake().await {
        Err(StartError::Exited(finished)) => {
            assert!(finished.code().is_some_and(|code| code != 0), "{finished:#?}");
            assert!(finished.stdout.is_empty(), "{finished:#?}");
            assert!(!finished.stderr.is_empty(), "no reason is given");
            finished
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn without_the_cookie_the_notice_is_printed() {
    let database = ("VAULT_DATABASE_PLUGIN", "926a0820-aea2-be28-51d6-83cdf00e8edb");
    for launch in [
        under_test::open_bao().cookie(None),
        under_test::open_bao().cookie(Some("")),
        under_test::open_bao().cookie(Some("6669da05-b1c8-4f49-97d9-c8e5bed98e21")),
        under_test::vault().cookie(None).env(database.0, database.1),
    ] {
        let finished = run(launch).await;
        assert_eq!(finished.code(), Some(1));
        assert_eq!(finished.stderr, NOTICE);
        assert!(finished.stdout.is_empty(), "{:?}", finished.stdout);
    }
}

#[tokio::test]
async fn version_and_help_need_no_cookie() {
    for flag in ["--version", "--help"] {
        let finished = run(under_test::open_bao().cookie(None).argument(flag)).await;
        assert_eq!(finished.code(), Some(0), "{finished:#?}");
        assert!(!finished.stdout.is_empty() && finished.stderr.is_empty(), "{finished:#?}");
        if flag == "--version" {
            assert_eq!(finished.stdout, [concat!("vault-plugin-auth-aws ", env!("CARGO_PKG_VERSION"))]);
        }
    }
}

#[tokio::test]
async fn the_handshake_line_names_socket_and_certificate() {
    let started = under_test::open_bao().spawn();
    let handshake = started.handshake().await.unwrap();
    assert_eq!(handshake.raw.split('|').count(), 6);
    assert_eq!(handshake.protocol_version, 5);
    assert_eq!(handshake.multiplexed_broker, None);
    assert!(handshake.certificate.is_some());
    let Address::Unix(path) = &handshake.address else { panic!("{handshake:?}") };
    assert_eq!(path.parent(), Some(started.folders.plugin().as_path()));
    let name = path.file_name().unwrap().to_str().unwrap();
    let digits = name.strip_prefix("plugin").unwrap_or_else(|| panic!("{name}"));
    assert!(!digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()), "{name}");
    let socket = std::fs::metadata(path).unwrap();
    assert!(socket.file_type().is_socket());
    assert_eq!(socket.permissions().mode() & 0o002, 0, "who may not write cannot connect");
    assert_eq!(started.process.stdout().lines.len(), 1);
}

#[tokio::test]
async fn two_processes_have_two_certificates() {
    let (one, other) = (under_test::open_bao().spawn(), under_test::open_bao().spawn());
    let (one, other) = (one.handshake().await.unwrap(), other.handshake().await.unwrap());
    assert_ne!(one.certificate, other.certificate);
}

#[tokio::test]
async fn only_version_five_is_spoken() {
    for versions in [Some("5"), Some("3,4"), Some("4,3"), Some("5,3,4"), Some("x,5"), Some(""), None] {
        let handshake = under_test::vault().protocol_versions(versions).spawn().handshake().await.unwrap();
        assert_eq!(handshake.protocol_version, 5, "{versions:?}");
    }
}

#[tokio::test]
async fn without_a_client_certificate_nothing_is_served() {
    let finished = refused(under_test::open_bao().without_client_certificate()).await;
    assert!(finished.stderr.iter().any(|line| line.contains("PLUGIN_CLIENT_CERT")), "{:#?}", finished.stderr);
}

#[tokio::test]
async fn an_unreadable_client_certificate_is_refused() {
    for text in [
        "",
        "garbage",
        "-----BEGIN CERTIFICATE-----\nnot base64!\n-----END CERTIFICATE-----\n",
        "-----BEGIN CERTIFICATE-----\nQUJD\n",
        "-----BEGIN PRIVATE KEY-----\nQUJD\n-----END PRIVATE KEY-----\n",
    ] {
        let finished = refused(under_test::open_bao().client_certificate_text(text)).await;
        assert!(
            finished.stderr.iter().any(|line| line.contains("PLUGIN_CLIENT_CERT")),
            "{:#?}",
            finished.stderr
        );
    }
}

#[tokio::test]
async fn flags_of_go_plugins_are_ignored() {
    let mut launch = under_test::vault();
    for argument in ["-ca-cert=/nowhere", "--ca-path", "/nowhere", "-tls-skip-verify", "--tls-server-name=x"]
    {
        launch = launch.argument(argument);
    }
    launch.spawn().handshake().await.unwrap();
}

#[tokio::test]
async fn the_socket_goes_where_a_container_runner_wants_it() {
    let folder = tempfile::Builder::new().prefix("vpd").tempdir_in("/tmp").unwrap();
    let group = folder.path().metadata().unwrap().gid();
    let started = under_test::vault()
        .env("PLUGIN_UNIX_SOCKET_DIR", folder.path())
        .env("PLUGIN_UNIX_SOCKET_GROUP", group.to_string())
        .spawn();
    let handshake = started.handshake().await.unwrap();
    let Address::Unix(path) = &handshake.address else { panic!("{handshake:?}") };
    assert_eq!(path.parent(), Some(folder.path()));
    let socket = std::fs::metadata(path).unwrap();
    assert_eq!(socket.gid(), group);
    assert_eq!(socket.permissions().mode() & 0o777, 0o660);
}

#[tokio::test]
async fn memory_is_locked_or_the_start_refused() {
    let started = under_test::vault().env("VAULT_PLUGIN_MLOCK_ENABLED", "true").spawn();
    match started.handshake().await {
        Ok(_) => {
            let status = std::fs::read_to_string(format!("/proc/{}/status", started.process.pid())).unwrap();
            let locked = status.lines().find_map(|line| line.strip_prefix("VmLck:")).unwrap();
            assert_ne!(locked.trim(), "0 kB");
        }
        Err(StartError::Exited(finished)) => {
            assert_ne!(finished.code(), Some(0));
            assert!(finished.stderr.iter().any(|line| line.contains("mlock")), "{:#?}", finished.stderr);
        }
        Err(other) => panic!("{other}"),
    }
}

/// OpenBao's variables win over Vault's, even when they are empty.
#[tokio::test(flavor = "multi_thread")]
async fn an_empty_open_bao_variable_wins() {
    let mode = "PLUGIN_METADATA_MODE";
    for (bao, vault, metadata_mode) in [
        (Some(""), "true", false),
        (Some("false"), "true", false),
        (None, "true", true),
        (None, "false", false),
    ] {
        let mut launch = under_test::open_bao().env(format!("VAULT_{mode}"), vault);
        launch = match bao {
            Some(value) => launch.env(format!("BAO_{mode}"), value),
            None => launch.env_remove(format!("BAO_{mode}")),
        };
        let host = Host::launch(launch).await;
        let mounted = host.try_mount("aws", MountOptions::default()).await;
        assert_eq!(mounted.is_err(), metadata_mode, "BAO_ {bao:?}, VAULT_ {vault}");
    }
}
