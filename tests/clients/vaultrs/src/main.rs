//! Logs in with vaultrs to the mount aws, by a request that aws-sigv4 signs, and prints the token as JSON.

use std::collections::BTreeMap;
use std::env::var;
use std::error::Error;
use std::time::SystemTime;

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use base64::prelude::{BASE64_STANDARD, Engine as _};
use serde_json::json;
use vaultrs::auth::aws::iam_login;
use vaultrs::client::{VaultClient, VaultClientSettingsBuilder};

const BODY: &str = "Action=GetCallerIdentity&Version=2011-06-15";

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let region = var("AWS_DEFAULT_REGION")?;
    let url = format!("https://sts.{region}.amazonaws.com/");
    let mut headers = BTreeMap::from([
        ("Content-Type".to_owned(), "application/x-www-form-urlencoded; charset=utf-8".to_owned()),
        ("Host".to_owned(), format!("sts.{region}.amazonaws.com")),
    ]);
    if let Ok(id) = var("LOGIN_SERVER_ID") {
        headers.insert("X-Vault-AWS-IAM-Server-ID".to_owned(), id);
    }
    let identity = Credentials::new(
        var("AWS_ACCESS_KEY_ID")?,
        var("AWS_SECRET_ACCESS_KEY")?,
        var("AWS_SESSION_TOKEN").ok(),
        None,
        "environment",
    )
    .into();
    let parameters = v4::SigningParams::builder()
        .identity(&identity)
        .region(&region)
        .name("sts")
        .time(SystemTime::now())
        .settings(SigningSettings::default())
        .build()?
        .into();
    let signed = {
        let given = headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let request = SignableRequest::new("POST", &url, given, SignableBody::Bytes(BODY.as_bytes()))?;
        sign(request, &parameters)?.into_parts().0
    };
    for (name, value) in signed.headers() {
        headers.insert(name.to_owned(), value.to_owned());
    }

    let settings = VaultClientSettingsBuilder::default().address(var("VAULT_ADDR")?).build()?;
    let role = var("LOGIN_ROLE").ok();
    let auth = iam_login(
        &VaultClient::new(settings)?,
        "aws",
        "POST",
        &BASE64_STANDARD.encode(&url),
        &BASE64_STANDARD.encode(serde_json::to_vec(&headers)?),
        &BASE64_STANDARD.encode(BODY),
        role.as_deref(),
    )
    .await?;
    println!("{}", json!({"auth": {"client_token": auth.client_token}}));
    Ok(())
}
