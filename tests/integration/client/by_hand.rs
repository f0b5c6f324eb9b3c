//! Without a server: what the program says of itself.

use super::Caller;

#[tokio::test]
async fn without_arguments_it_says_what_it_is_and_what_it_can() {
    let said = Caller::new().failed(2, &[]).await;
    for part in
        ["AWS auth method", "A server starts this program itself", "login", "sign", "--help", "Exit codes"]
    {
        assert!(said.contains(part), "{part}: {said}");
    }
}

#[tokio::test]
async fn help_and_version_are_no_errors() {
    let caller = Caller::new();
    let version = concat!("vault-plugin-auth-aws ", env!("CARGO_PKG_VERSION"), "\n");
    for option in ["--version", "-version", "-V"] {
        assert_eq!(caller.done(&[option]).await, version);
    }
    for arguments in [&["--help"][..], &["-help"], &["-h"]] {
        assert!(caller.done(arguments).await.contains("login"), "{arguments:?}");
    }
    for (command, option) in [("login", "--token-only"), ("sign", "--explain"), ("agent", "--sink")] {
        assert!(caller.done(&[command, "-h"]).await.contains(option));
    }
}

#[tokio::test]
async fn completions_and_man_pages_come_from_the_same_definition() {
    let caller = Caller::new();
    for shell in ["bash", "zsh", "fish"] {
        let text = caller.done(&["completions", shell]).await;
        for word in ["login", "sign", "token-only"] {
            assert!(text.contains(word), "{shell}: {word}");
        }
    }
    assert!(caller.done(&["man"]).await.contains(".TH vault-plugin-auth-aws 1"));
    let page = caller.done(&["man", "login"]).await;
    assert!(
        page.contains(".TH vault-plugin-auth-aws-login 1") && page.contains(r"\-\-token\-only"),
        "{page}"
    );
    caller.failed(2, &["man", "nothing"]).await;
    caller.failed(2, &["completions", "cobol"]).await;
}

#[tokio::test]
async fn wrong_use_has_its_code() {
    let caller = Caller::new();
    for arguments in [
        &["log-in"][..],
        &["login", "-no-such-option"],
        &["login", "rol=dev"],
        &["login", "dev"],
        &["login", "region=nowhere"],
        &["login", "-format=xml"],
        &["login", "-method=ldap"],
        &["login", "-address=ftp://x"],
        &["login", "-ca-cert=/no/such/file", "aws_access_key_id=x", "aws_secret_access_key=@/no/such/file"],
        &["sign", "aws_access_key_id=x"],
        &["sign", "mount=a?b"],
    ] {
        caller.failed(2, arguments).await;
    }
}

#[tokio::test]
async fn without_credentials_it_says_where_it_looked() {
    for command in ["login", "sign"] {
        let said = Caller::new().failed(3, &[command]).await;
        for place in ["Environment", "Profile", "WebIdentityToken", "EcsContainer", "Ec2InstanceMetadata"] {
            assert!(said.contains(place), "{place}: {said}");
        }
    }
}

#[tokio::test]
async fn a_server_that_is_not_there_has_its_code() {
    let caller = Caller::new().with("AWS_ACCESS_KEY_ID", "AKID").with("AWS_SECRET_ACCESS_KEY", "s3cret");
    let said = caller.failed(4, &["login", "-address=http://127.0.0.1:1"]).await;
    assert!(said.contains("127.0.0.1:1") && !said.contains("s3cret"), "{said}");
}

/// Hosts pass whatever stands in their catalog.
#[tokio::test]
async fn started_by_a_host_it_is_no_client() {
    let caller = Caller::new().with("PLUGIN_PROTOCOL_VERSIONS", "5");
    let said = caller.failed(1, &["login", "role=dev"]).await;
    assert!(said.starts_with("This binary is a plugin."), "{said}");
}
