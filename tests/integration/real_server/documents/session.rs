//! A reader who types what the documents show: a shell with a server and stand-ins for what a test has not.
//!
//! | As printed | Here |
//! |---|---|
//! | AWS | the strict stand-in: the server reaches it as its HTTPS proxy, under AWS's own host names |
//! | `vault` | on OpenBao its `bao`, but for what only Vault's command line knows |
//! | `curl http://169.254.169.254/…` | the metadata service of an instance; other addresses are asked by curl |
//! | `aws ec2 create-tags` | the arguments are kept, and [`Session::tag_instance`] looks at them |
//! | `cargo build --release` | puts the plugin of this test where that would |
//! | `/etc/vault/plugins`, `/etc/openbao/plugins`, `/run/vault`, `127.0.0.1:8100` | folders and a port of this test |
//! | `https://bao.example.com:8200` | the server |
//! | agents | end as soon as they have a token |

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};
use tempfile::TempDir;

use testkit::aws::{Aws, Entity, Instance, Role};
use testkit::identity::{Signer, pkcs7};
use testkit::server::{Flavor, Installation, Server, free_port};

const ACCOUNT: &str = "123456789012";
const OTHER_ACCOUNT: &str = "210987654321";
const INSTANCE: &str = "i-0a1b2c3d4e5f60718";
const IMAGE: &str = "ami-0a1b2c3d";
/// No command takes longer, on a busy machine.
const LIMIT_SECONDS: &str = "60";

/// The shell with what it works on.
pub(super) struct Session {
    pub(super) server: Server,
    pub(super) aws: Aws,
    pub(super) flavor: Flavor,
    /// Whether there is a command line of Vault for what `bao` does not know.
    pub(super) has_vault: bool,
    /// Signs the identity document of the instance.
    pub(super) signer: Signer,
    /// The principal of the role `dev`.
    pub(super) dev: Role,
    server_key: (String, String),
    /// Top of a checkout, as the reader's commands see it.
    checkout: PathBuf,
    places: Vec<(&'static str, String)>,
    environment: Vec<(String, String)>,
    folder: TempDir,
}

impl Session {
    /// Starts everything; `None` if something is not installed here and the test is skipped.
    pub(super) async fn open(test: &'static str, flavor: Flavor, plugin: &str) -> Option<Self> {
        let installation = Installation::of_this_checkout();
        let server_binary = installation.server(test, flavor)?;
        let python = installation.python_tool(test, "python")?;
        let curl = installation.command(test, "curl")?;
        let vault = match flavor {
            Flavor::Vault => Some(server_binary.clone()),
            Flavor::OpenBao => installation.server(test, Flavor::Vault),
        };

        let folder = tempfile::Builder::new().prefix("docs").tempdir_in("/tmp").unwrap();
        let at = |name: &str| folder.path().join(name);
        let (bin, checkout) = (at("bin"), at("checkout"));
        for name in ["bin", "checkout", "home", "run"] {
            fs::create_dir(at(name)).unwrap();
        }
        let source = Path::new(env!("CARGO_MANIFEST_DIR"));
        symlink(source.join("plugin-catalog"), checkout.join("plugin-catalog")).unwrap();
        symlink(plugin, bin.join("vault-plugin-auth-aws")).unwrap();

        let aws = Aws::start().await;
        let user = aws.create_user(Entity::named("vault").account(ACCOUNT));
        let [dev, _, _] =
            ["dev", "ci", "web"].map(|name| aws.create_role(Entity::named(name).account(ACCOUNT)));
        let lookup = aws.create_role(Entity::named("vault-lookup").account(OTHER_ACCOUNT));
        aws.require_external_id(&lookup, Some("0c1f64bd"));
        let instance = Instance { image_id: Some(IMAGE.to_owned()), ..Instance::with_id(INSTANCE) };
        aws.run_instance(instance.account(ACCOUNT));
        let signer = Signer::rsa("instance identity");
        fs::write(at("pkcs7"), pkcs7(&signer, &document())).unwrap();
        fs::write(at("ca.pem"), aws.ca_pem()).unwrap();

        let key = (user.credentials.access_key_id.clone(), user.credentials.secret_access_key.clone());
        let of_the_server = [
            ("AWS_ACCESS_KEY_ID", key.0.clone()),
            ("AWS_SECRET_ACCESS_KEY", key.1.clone()),
            ("AWS_EC2_METADATA_DISABLED", "true".to_owned()),
            ("HTTPS_PROXY", aws.proxy_url()),
            ("SSL_CERT_FILE", at("ca.pem").display().to_string()),
        ];
        let server = Server::start_with(&server_binary, plugin, &of_the_server).await;

        let own = server_binary.path.display().to_string();
        let vaults = vault.as_ref().map_or(own.clone(), |vault| vault.path.display().to_string());
        for (name, script) in [
            ("vault", command_line(&own, &vaults)),
            ("bao", command_line(&own, &own)),
            ("python3", format!("exec {} \"$@\"", python.display())),
            ("aws", format!("printf '%s\\n' \"$@\" > {}", at("aws-arguments").display())),
            (
                "cargo",
                format!(
                    "[[ \"$*\" =~ ^'build --release'(' --features client')?$ ]] && mkdir -p target/release && cp {plugin} target/release/"
                ),
            ),
            ("curl", curl_or_metadata_service(&curl, &at("pkcs7"))),
        ] {
            fs::write(bin.join(name), format!("#!/bin/bash\nset -e\n{script}\n")).unwrap();
            fs::set_permissions(bin.join(name), PermissionsExt::from_mode(0o755)).unwrap();
        }

        let places = vec![
            ("/etc/vault/plugins", server.plugin_folder().display().to_string()),
            ("/etc/openbao/plugins", server.plugin_folder().display().to_string()),
            ("https://bao.example.com:8200", server.url()),
            ("/run/vault", at("run").display().to_string()),
            ("127.0.0.1:8100", format!("127.0.0.1:{}", free_port())),
        ];
        let session = aws.session(&dev, "laptop").credentials;
        let path = std::env::var("PATH").unwrap();
        let mut environment = vec![
            ("PATH".to_owned(), format!("{}:{path}", bin.display())),
            ("HOME".to_owned(), at("home").display().to_string()),
            ("AWS_ACCESS_KEY_ID".to_owned(), session.access_key_id),
            ("AWS_SECRET_ACCESS_KEY".to_owned(), session.secret_access_key),
            ("AWS_SESSION_TOKEN".to_owned(), session.session_token.unwrap()),
            ("AWS_EC2_METADATA_DISABLED".to_owned(), "true".to_owned()),
        ];
        for prefix in ["VAULT", "BAO"] {
            environment.push((format!("{prefix}_ADDR"), server.url()));
            environment.push((format!("{prefix}_TOKEN"), server.root_token().to_owned()));
        }
        let has_vault = vault.is_some();
        Some(Self {
            server,
            aws,
            flavor,
            has_vault,
            signer,
            dev,
            server_key: key,
            checkout,
            places,
            environment,
            folder,
        })
    }

    /// Types commands into the shell: each must succeed. What it sets, later ones find. Returns what they
    /// print.
    pub(super) fn shell(&self, script: &str) -> String {
        let state = self.folder.path().join("state").display().to_string();
        let whole = format!(
            "set -euo pipefail\ntest ! -e {state} || . {state}\nset -ax\n{}\nset +ax\nexport -p > {state}\n",
            self.placed(script)
        );
        self.succeed("bash", &whole)
    }

    /// Runs a Python program; returns what it prints.
    pub(super) fn python(&self, program: &str) -> String {
        self.succeed("python3", &self.placed(program))
    }

    /// Puts a block into the file that its first line names.
    pub(super) fn file(&self, block: &str) {
        let name = block.lines().next().and_then(|line| line.strip_prefix("# ")).unwrap();
        fs::write(self.checkout.join(name), self.placed(block)).unwrap();
    }

    fn placed(&self, text: &str) -> String {
        self.places.iter().fold(text.to_owned(), |text, (printed, here)| text.replace(printed, here))
    }

    fn succeed(&self, interpreter: &str, program: &str) -> String {
        let Output { status, stdout, stderr } = Command::new("timeout")
            .args([LIMIT_SECONDS, interpreter, "-c", program])
            .current_dir(&self.checkout)
            .env_clear()
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let (stdout, stderr) = (String::from_utf8(stdout).unwrap(), String::from_utf8_lossy(&stderr));
        assert!(status.success(), "{status}:\n{program}\n{stdout}\n{stderr}\n{}", self.server.log());
        stdout
    }

    /// Whether this plugin serves the mount, and not the built-in method.
    pub(super) async fn plugin_serves(&self) -> bool {
        let token = self.server.root_token();
        self.server.call("GET", "auth/aws/status/aws", &Value::Null, token).await.0.is_success()
    }

    /// The mount has an access key of its own.
    pub(super) async fn configure_key(&self) {
        let key = json!({"access_key": self.server_key.0, "secret_key": self.server_key.1});
        self.server.root("POST", "auth/aws/config/client", &key).await;
    }

    /// Puts the tag on the instance that `aws ec2 create-tags` was told to put there, in the shorthand of the
    /// AWS command line: `Key=…,Value="…"`.
    pub(super) fn tag_instance(&self) {
        let arguments = fs::read_to_string(self.folder.path().join("aws-arguments")).unwrap();
        let arguments: Vec<&str> = arguments.lines().collect();
        let ["ec2", "create-tags", "--resources", INSTANCE, "--tags", tag] = arguments[..] else {
            panic!("{arguments:?}")
        };
        let (key, value) = tag.strip_prefix("Key=").unwrap().split_once(",Value=\"").unwrap();
        let tag = (key.to_owned(), value.strip_suffix('"').unwrap().to_owned());
        self.aws.change_instance(INSTANCE, |instance| instance.tags.push(tag));
    }
}

/// `vault` or `bao`: a command line of this server, where needed that of Vault.
fn command_line(own: &str, vaults: &str) -> String {
    format!(
        r#"case "$1" in
  login) exec {vaults} "$@" ;;
  agent | proxy) exec {vaults} "$1" -exit-after-auth "${{@:2}}" ;;
  *) exec {own} "$@" ;;
esac"#
    )
}

/// A refused login is an error here. The metadata service answers as it does with IMDSv2 alone.
fn curl_or_metadata_service(curl: &Path, document: &Path) -> String {
    format!(
        r#"case "$*" in
  *"-X PUT"*"X-aws-ec2-metadata-token-ttl-seconds: "*" http://169.254.169.254/latest/api/token")
    printf %s imds-token ;;
  *"-H X-aws-ec2-metadata-token: imds-token http://169.254.169.254/latest/dynamic/instance-identity/pkcs7")
    fold -w 64 {document} ;;
  *169.254.169.254*) exit 22 ;;
  *) exec {curl} --fail-with-body "$@" ;;
esac"#,
        document = document.display(),
        curl = curl.display(),
    )
}

fn document() -> Vec<u8> {
    json!({
        "accountId": ACCOUNT, "imageId": IMAGE, "instanceId": INSTANCE,
        "pendingTime": "2026-01-02T03:04:05Z", "region": "us-east-1",
    })
    .to_string()
    .into_bytes()
}
