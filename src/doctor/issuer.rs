//! `issuer.…`: where the mount is an issuer of identity tokens, what stands at its public URL is what it signs with.
//!
//! The documents are fetched as AWS fetches them, but from this server, which may see another network.

use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode, Uri};
use serde_json::Value;

use super::round::Round;
use crate::entry::Issuer;
use crate::issuer::documents::{CONFIGURATION_PATH, web_keys};
use crate::issuer::schedule;
use crate::mount::doctor_report::{Finding, Probe, Verdict};
use crate::ports::{HttpRequest, unix_seconds};
use crate::refusal::Blame;

const CONFIGURATION: &str = "issuer.configuration";
const KEYS: &str = "issuer.keys";

/// Longest document that is read, in bytes.
const MAX_DOCUMENT: usize = 256 * 1024;
/// Longest value of a document that is shown, in characters.
const MAX_VALUE: usize = 200;

const TO_REACH: &str = "Have the issuer's URL answer by https on port 443, without a token and with a certificate that AWS trusts: by a proxy in front of this server, or by copies of what issuer/export answers.";
const TO_NAME: &str = "Publish openid_configuration of issuer/export there, or write into config/issuer which URL it is published at.";
const TO_PUBLISH: &str = "Publish jwks of issuer/export anew; it changes with each rotation of the keys.";

pub(super) async fn probes(round: &Round) -> Vec<Probe> {
    let stored = match round.mount().store().issuer().await {
        Ok(stored) => stored,
        Err(error) => {
            let failed = async { Finding::failed(&error) };
            return round.probe("issuer", "config/issuer can be read", failed).await.into_iter().collect();
        }
    };
    let Some(issuer) = stored.as_ref() else { return Vec::new() };
    let mut found = None;
    let wanted = format!("the discovery document of {} stands at its URL", issuer.issuer);
    let look = async {
        match configuration(round, issuer).await {
            Ok(keys_url) => {
                let seen = format!("it names keys at {}", shown(&keys_url));
                found = Some(keys_url);
                Finding::ok(seen)
            }
            Err(finding) => finding,
        }
    };
    let mut probes: Vec<Probe> = round.probe(CONFIGURATION, wanted, look).await.into_iter().collect();
    let look = async {
        let keys_url = match found {
            Some(url) => url,
            None if !probes.is_empty() => {
                return Finding::skipped(format!("nothing names them, see {CONFIGURATION}"));
            }
            None => match configuration(round, issuer).await {
                Ok(url) => url,
                Err(finding) => return finding,
            },
        };
        match fetched(round, &keys_url).await {
            Ok(published) => compare(issuer, &published, unix_seconds(round.mount().world().clock.now())),
            Err(finding) => finding,
        }
    };
    let keys = round.probe(KEYS, "the published keys are those of this mount", look).await;
    probes.extend(keys);
    probes
}

/// Where the discovery document says that the keys are.
async fn configuration(round: &Round, issuer: &Issuer) -> Result<String, Finding> {
    let url = format!("{}{CONFIGURATION_PATH}", issuer.issuer);
    let document = fetched(round, &url).await?;
    let named = text(&document, "issuer");
    if named != issuer.issuer {
        let seen = format!("the document at {url} is of the issuer \"{}\"", shown(named));
        return Err(to_do(seen, TO_NAME));
    }
    let keys_url = text(&document, "jwks_uri");
    if !keys_url.starts_with("https://") {
        let seen = format!("the document at {url} names no https URL of keys, but \"{}\"", shown(keys_url));
        return Err(to_do(seen, TO_NAME));
    }
    Ok(keys_url.to_owned())
}

/// A JSON document of the internet.
async fn fetched(round: &Round, url: &str) -> Result<Value, Finding> {
    let Ok(uri) = url.parse::<Uri>() else {
        return Err(to_do(format!("{} is no URL", shown(url)), TO_NAME));
    };
    let url = shown(url);
    let request = HttpRequest {
        method: Method::GET,
        uri,
        headers: HeaderMap::new(),
        body: Bytes::new(),
        response_limit: MAX_DOCUMENT,
        host_chosen_in: None,
    };
    let answer = round.mount().world().transport.send(request).await;
    let answer = answer.map_err(|error| to_do(format!("{url}: {error}"), TO_REACH))?;
    if answer.status != StatusCode::OK {
        return Err(to_do(format!("{url} answers with status {}", answer.status.as_u16()), TO_REACH));
    }
    serde_json::from_slice(&answer.body)
        .map_err(|_| to_do(format!("what {url} answers is no JSON"), TO_REACH))
}

/// The published keys beside those of the mount.
fn compare(issuer: &Issuer, published: &Value, now: i64) -> Finding {
    let list = |keys: &Value| keys.get("keys").and_then(Value::as_array).cloned().unwrap_or_default();
    let (own, published) = (list(&web_keys(issuer)), list(published));
    let is_published = |id: &str| {
        let of = |keys: &[Value]| keys.iter().find(|key| text(key, "kid") == id).cloned();
        match (of(&own), of(&published)) {
            (Some(Value::Object(own)), Some(key)) => {
                Some(own.iter().all(|(name, value)| key.get(name) == Some(value)))
            }
            _ => None,
        }
    };
    let count = published.len();
    let Some(signer) = schedule::signer(&issuer.keys, now) else {
        return Finding::skipped("this mount has no key");
    };
    let id = &signer.id;
    match is_published(id) {
        Some(true) => {}
        Some(false) => {
            return to_do(format!("the key {id}, which signs now, is published as another one"), TO_PUBLISH);
        }
        None => return to_do(format!("of {count} keys none is {id}, which signs now"), TO_PUBLISH),
    }
    match schedule::next(&issuer.keys, now) {
        Some(next) if is_published(&next.id) != Some(true) => {
            let seen = format!(
                "of {count} keys one is {id}, which signs now, and none {}, which signs next",
                next.id
            );
            Finding::to_do(Verdict::Warning, seen, Blame::Operator, TO_PUBLISH)
        }
        _ => Finding::ok(format!("{count}, and one of them is {id}, which signs now")),
    }
}

fn to_do(seen: impl Into<String>, hint: &str) -> Finding {
    Finding::to_do(Verdict::Failed, seen, Blame::Operator, hint)
}

fn text<'v>(document: &'v Value, name: &str) -> &'v str {
    document.get(name).and_then(Value::as_str).unwrap_or_default()
}

/// What others wrote, on one line and not too long.
fn shown(value: &str) -> String {
    value.chars().filter(|character| !character.is_control()).take(MAX_VALUE).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::entry::IssuerKey;

    const DAY: i64 = 24 * 3600;

    fn key(id: &str, signs_from: i64) -> IssuerKey {
        let public_key = [("kty", "EC"), ("x", id)].map(|(name, value)| (name.to_owned(), value.to_owned()));
        IssuerKey { id: id.to_owned(), signs_from, public_key: public_key.into(), ..IssuerKey::default() }
    }

    #[test]
    fn the_key_that_signs_and_the_next_one_must_be_published() {
        let issuer = Issuer { keys: vec![key("a", 0), key("b", DAY)], ..Issuer::default() };
        let all = web_keys(&issuer);
        let [a, b] = &all["keys"].as_array().unwrap()[..] else { panic!("{all}") };
        let mut other = a.clone();
        other["x"] = json!("other");
        for (published, now, verdict, seen) in [
            (json!([a, b]), 0, Verdict::Ok, "2, and one of them is a, which signs now"),
            (json!([b, a, {"kid": "z"}]), DAY, Verdict::Ok, "3, and one of them is b, which signs now"),
            (
                json!([a]),
                0,
                Verdict::Warning,
                "of 1 keys one is a, which signs now, and none b, which signs next",
            ),
            (json!([a]), DAY, Verdict::Failed, "of 1 keys none is b, which signs now"),
            (json!([]), 0, Verdict::Failed, "of 0 keys none is a, which signs now"),
            (json!("x"), 0, Verdict::Failed, "of 0 keys none is a, which signs now"),
            (
                json!([other, b]),
                0,
                Verdict::Failed,
                "the key a, which signs now, is published as another one",
            ),
        ] {
            let finding = compare(&issuer, &json!({ "keys": published }), now);
            assert_eq!((finding.verdict, finding.seen.as_str()), (verdict, seen), "{published}");
        }
    }
}
