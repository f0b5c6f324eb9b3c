//! The library is usable without the plugin protocol.

use std::process::Command;

/// What a build of the plugin without its client is called with.
const PLUGIN_ALONE: [&str; 3] = ["--no-default-features", "--features", "plugin"];

/// Names of the packages a build of the library needs.
fn packages(features: &[&str]) -> Vec<String> {
    let output = Command::new(env!("CARGO"))
        .args(["tree", "--edges", "normal", "--prefix", "none", "--offline", "--locked"])
        .args(["--manifest-path", concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml")])
        .args(features)
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).expect("names are UTF-8");
    text.lines().filter_map(|line| line.split_whitespace().next()).map(str::to_owned).collect()
}

fn speaks_grpc(package: &str) -> bool {
    ["tonic", "prost", "yamux", "h2"]
        .iter()
        .any(|name| package.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with('-')))
}

#[test]
fn the_library_has_no_grpc() {
    let library = packages(&["--no-default-features"]);
    assert!(library.iter().any(|package| package == "vault-plugin-auth-aws"), "{library:?}");
    let found: Vec<_> = library.iter().filter(|package| speaks_grpc(package)).collect();
    assert!(found.is_empty(), "{found:?}");

    let plugin = packages(&PLUGIN_ALONE);
    for package in ["tonic", "prost"] {
        assert!(plugin.iter().any(|name| name == package), "{package} is what the test looks for");
    }
}

/// Without its feature, nothing of the client is built.
#[test]
fn nothing_of_the_client_is_in_the_plugin_alone() {
    let of_client = ["clap", "clap_complete", "clap_mangen", "aws-sdk-sso", "aws-sdk-ssooidc"];
    let is_of_client = |package: &&String| of_client.contains(&package.as_str());
    assert_eq!(packages(&PLUGIN_ALONE).iter().find(is_of_client), None);
    let both = packages(&["--features", "client"]);
    assert_eq!(packages(&[]), packages(&PLUGIN_ALONE), "it is off by default");
    assert!(of_client.iter().all(|name| both.iter().any(|package| package == name)), "{both:?}");
}

/// ring has no P-521, and a second provider makes the default of rustls panic.
#[test]
fn there_is_one_crypto_provider() {
    assert!(!packages(&[]).iter().any(|package| package == "ring"));
}
