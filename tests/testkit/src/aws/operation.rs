//! What an operation is given, and which one is meant.

use time::OffsetDateTime;
use time::macros::format_description;

use super::encoding::parse_form;
use super::endpoint::Service;
use super::http::Request;
use super::inventory::{Holder, Identity};
use super::refusal::Refusal;
use super::verify::{Repeated, pick};

/// Who asks, once the signature holds.
#[derive(Clone, Debug)]
pub(super) struct Caller {
    /// Who holds the key.
    pub holder: Holder,
    /// Who that is now.
    pub identity: Identity,
}

/// A request to an operation.
#[derive(Debug)]
pub(super) struct Operation {
    /// Service.
    pub service: Service,
    /// Region of the scope.
    pub region: String,
    /// `Action`.
    pub action: String,
    /// Parameters of query and body, those of the query first, without those of a signature.
    pub parameters: Vec<(String, String)>,
    /// Which of repeated parameters counts.
    pub repeated: Repeated,
    /// Caller; `None` for operations that need no signature.
    pub caller: Option<Caller>,
    /// Now.
    pub now: OffsetDateTime,
}

impl Operation {
    /// A parameter. An empty value is as good as none.
    pub(super) fn parameter(&self, name: &str) -> Result<Option<String>, Refusal> {
        Ok(pick(&self.parameters, name, self.repeated)?.filter(|value| !value.is_empty()))
    }

    /// A parameter that must be there.
    pub(super) fn required(&self, name: &str) -> Result<String, Refusal> {
        self.parameter(name)?.ok_or_else(|| {
            let member = format!("{}{}", name[..1].to_lowercase(), &name[1..]);
            Refusal::validation(format!(
                "1 validation error detected: Value null at '{member}' failed to satisfy constraint: Member \
                 must not be null"
            ))
        })
    }

    /// The caller of an operation that is only reached with a verified signature.
    pub(super) fn caller(&self) -> &Caller {
        self.caller.as_ref().expect("the signature was verified")
    }

    /// No such operation in this service and version.
    pub(super) fn unknown_action(&self) -> Refusal {
        let version = pick(&self.parameters, "Version", Repeated::First).ok().flatten();
        let version = version.as_deref().unwrap_or("NO_VERSION_SPECIFIED");
        let message = match self.service {
            Service::Ec2 => format!("The action {} is not valid for this web service.", self.action),
            _ => format!("Could not find operation {} for version {version}", self.action),
        };
        Refusal::new(400, "InvalidAction", message)
    }
}

/// The parameters of a request. The body counts if it is a form and says so.
pub(super) fn parameters(request: &Request) -> Vec<(String, String)> {
    if let Some(target) = request.header("X-Amz-Target") {
        return json_parameters(target, &request.body);
    }
    let mut pairs = parse_form(request.query());
    let form = request.header("Content-Type").is_some_and(|value| {
        let kind = value.split(';').next().unwrap_or_default().trim();
        kind.eq_ignore_ascii_case("application/x-www-form-urlencoded")
    });
    if request.method == "POST" && form {
        pairs.extend(parse_form(&String::from_utf8_lossy(&request.body)));
    }
    pairs.retain(|(name, _)| !name.starts_with("X-Amz-"));
    pairs
}

/// The action of a JSON request, and the texts of its body.
fn json_parameters(target: &str, body: &[u8]) -> Vec<(String, String)> {
    let action = target.strip_prefix("AWSOrganizationsV20161128.").unwrap_or_default();
    let mut pairs = vec![("Action".to_owned(), action.to_owned())];
    let members =
        serde_json::from_slice::<serde_json::Map<String, serde_json::Value>>(body).unwrap_or_default();
    pairs.extend(members.into_iter().filter_map(|(name, value)| Some((name, value.as_str()?.to_owned()))));
    pairs
}

/// A time as the XML documents of STS and IAM have it.
pub(super) fn timestamp(time: OffsetDateTime) -> String {
    let format = format_description!("[year]-[month]-[day]T[hour]:[minute]:[second]Z");
    time.to_offset(time::UtcOffset::UTC).format(format).expect("every date has this form")
}
