//! Signs logins, each with credentials that are valid then.

use std::sync::Arc;
use std::time::SystemTime;

use aws_credential_types::Credentials;
use serde_json::{Map, Value};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use vault_plugin_auth_aws::aws::endpoint::Endpoint;
use vault_plugin_auth_aws::aws::region::Region;
use vault_plugin_auth_aws::https::HttpsTransport;
use vault_plugin_auth_aws::ports::{Clock as _, Random as _, SystemClock, SystemRandom, Transport};

use super::aws_settings::AwsSettings;
use super::credentials::{CredentialSource, origin};
use super::environment::Environment;
use super::exit::Failure;
use super::region;
use super::signing::{Form, GOOD_FOR, ToSign};

/// Knows who signs, for which region, and which host the request names.
pub(crate) struct Signer {
    settings: AwsSettings,
    region: Region,
    endpoint: Endpoint,
    credentials: CredentialSource,
}

/// A signed login.
pub(crate) struct SignedLogin {
    /// The fields of the login.
    pub(crate) payload: Map<String, Value>,
    /// For people: what was signed, and with what.
    pub(crate) explanation: String,
}

/// The transport to AWS and to what stands for it on this machine.
///
/// # Errors
/// TLS is not available.
pub(crate) fn aws_transport() -> Result<Arc<dyn Transport>, Failure> {
    let transport = HttpsTransport::new().map_err(|error| Failure::Usage(error.to_string()))?;
    Ok(Arc::new(transport))
}

impl Signer {
    /// Looks the region up; credentials are looked for when something is signed.
    ///
    /// # Errors
    /// The region is none.
    pub(crate) async fn new(settings: AwsSettings, environment: Environment) -> Result<Self, Failure> {
        let transport = aws_transport()?;
        let profile = settings.profile.as_deref();
        let region = region::signing_region(settings.region.as_deref(), profile, &transport).await?;
        let endpoint = region::sts_endpoint(&region, environment)?;
        let chain_region = region::chain_region(profile, &transport, &region).await;
        let credentials =
            CredentialSource::new(settings.keys.clone(), profile, &transport, &chain_region).await;
        Ok(Self { settings, region, endpoint, credentials })
    }

    /// Signs a login.
    ///
    /// # Errors
    /// There are no credentials.
    pub(crate) async fn sign(&self, form: Form) -> Result<SignedLogin, Failure> {
        let credentials = self.credentials.get().await?;
        let nonce = if self.settings.with_nonce { Some(nonce()?) } else { None };
        let now = SystemClock.now();
        let to_sign = ToSign {
            form,
            endpoint: &self.endpoint,
            region: &self.region,
            credentials: &credentials,
            server_id: &self.settings.server_id,
            nonce: nonce.as_deref(),
            now,
        };
        let request = to_sign.sign()?;
        Ok(SignedLogin {
            payload: request.payload(&self.settings.role),
            explanation: self.explain(form, &credentials, &request.signed_headers, now),
        })
    }

    fn explain(
        &self,
        form: Form,
        credentials: &Credentials,
        signed_headers: &[String],
        now: SystemTime,
    ) -> String {
        let account =
            credentials.account_id().map(|id| format!(", account {}", id.as_str())).unwrap_or_default();
        let lifetime = match credentials.expiry() {
            Some(expiry) => format!("good until {}", date(expiry)),
            None if credentials.session_token().is_some() => {
                "temporary, until nobody here knows when".to_owned()
            }
            None => "without an end".to_owned(),
        };
        let of_signature = now.checked_add(GOOD_FOR).unwrap_or(now);
        let end = credentials.expiry().map_or(of_signature, |expiry| expiry.min(of_signature));
        let or = |text: &str, otherwise: &str| {
            if text.is_empty() { otherwise.to_owned() } else { text.to_owned() }
        };
        let method = if form == Form::Get { "GET (presigned)" } else { "POST" };
        let lines = [
            ("signed by", format!("access key {}{account}", credentials.access_key_id())),
            ("found in", origin(&self.credentials, credentials)),
            ("credentials", lifetime),
            ("region", self.region.name().to_owned()),
            ("request", format!("{method} for the host {}", self.endpoint.authority())),
            ("signed headers", signed_headers.join(", ")),
            ("server id", or(&self.settings.server_id, "none: a request for any server")),
            ("role", or(&self.settings.role, "the one named after the principal")),
            ("good until", format!("{}; the mount may want it sooner", date(end))),
        ];
        lines.map(|(name, text)| format!("{:16}{text}", format!("{name}:"))).join("\n")
    }
}

fn date(time: SystemTime) -> String {
    let date = OffsetDateTime::from(time).replace_nanosecond(0).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    date.format(&Rfc3339).unwrap_or_default()
}

fn nonce() -> Result<String, Failure> {
    let mut bytes = [0; 16];
    if !SystemRandom::default().fill(&mut bytes) {
        return Err(Failure::Usage("the system gives no random numbers".to_owned()));
    }
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}
