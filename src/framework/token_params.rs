//! The token fields that roles of all auth methods share.

use std::net::IpAddr;
use std::str::FromStr;

use ipnet::IpNet;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value, json};

use crate::framework::{Auth, DisplayAttributes, Failure, Field, FieldKind, Fields, TokenType};
use crate::go::GoDuration;
use crate::go::text::quote;
use crate::refusal::Code;

/// An address or network a token may be used from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BoundCidr {
    text: String,
    /// `None` for stored texts that are neither; they match nothing.
    network: Option<IpNet>,
}

impl BoundCidr {
    fn from_stored(text: String) -> Self {
        let network = IpNet::from_str(&text).or_else(|_| IpAddr::from_str(&text).map(IpNet::from)).ok();
        Self { text, network }
    }

    fn parse(text: &str) -> Result<Self, Failure> {
        let cidr = Self::from_stored(text.to_owned());
        if cidr.network.is_none() {
            let text = quote(text);
            return Err(Failure::Invalid(format!(
                "error parsing address {text}: Unable to convert {text} to an IPv4 or IPv6 address, or a UNIX Socket"
            )));
        }
        Ok(cidr)
    }

    /// As it was given.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether an address lies in it.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        self.network.is_some_and(|network| network.contains(&address.to_canonical()))
    }
}

impl Serialize for BoundCidr {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

impl<'de> Deserialize<'de> for BoundCidr {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self::from_stored)
    }
}

/// The token parameters of a role.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct TokenParams {
    /// Where tokens may be used from; empty is everywhere.
    pub token_bound_cidrs: Option<Vec<BoundCidr>>,
    /// Hard upper bound of a token's life.
    pub token_explicit_max_ttl: GoDuration,
    /// Upper bound of a token's life across renewals.
    pub token_max_ttl: GoDuration,
    /// Whether the policy `default` is left out.
    pub token_no_default_policy: bool,
    /// How often a token may be used; zero is without limit.
    pub token_num_uses: i64,
    /// Period of periodic tokens.
    pub token_period: GoDuration,
    /// Policies, as given.
    pub token_policies: Option<Vec<String>>,
    /// Kind of token.
    #[serde(with = "stored_token_type")]
    pub token_type: TokenType,
    /// Life of a token.
    pub token_ttl: GoDuration,
    /// Whether a token is bound to the address of its login (OpenBao).
    pub token_strictly_bind_ip: bool,
}

const BATCH: TokenType = TokenType(2);

fn word_of(token_type: TokenType) -> &'static str {
    match token_type.0 {
        1 => "service",
        2 => "batch",
        3 => "default-service",
        4 => "default-batch",
        _ => "default",
    }
}

/// Token types are stored as numbers; very old entries hold the word.
mod stored_token_type {
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serializer};
    use serde_json::Value;

    use crate::framework::TokenType;
    use crate::go::text::quote;

    pub(super) fn serialize<S: Serializer>(token_type: &TokenType, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u32(token_type.0)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<TokenType, D::Error> {
        let value = Value::deserialize(deserializer)?;
        let number = match &value {
            Value::Number(number) => {
                number.as_u64().and_then(|number| u32::try_from(number).ok()).filter(|n| *n <= 4)
            }
            Value::String(word) => match word.as_str() {
                "" | "default" => Some(0),
                "service" => Some(1),
                "batch" => Some(2),
                "default-service" => Some(3),
                "default-batch" => Some(4),
                _ => None,
            },
            _ => None,
        };
        number.map(TokenType).ok_or_else(|| {
            let shown = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            D::Error::custom(format!("unknown token type {}", quote(&shown)))
        })
    }
}

/// Form group of the token fields in user interfaces.
const GROUP: DisplayAttributes = DisplayAttributes {
    name: "",
    value: None,
    sensitive: false,
    edit_type: "",
    group: "Tokens",
    operation_prefix: "",
    operation_verb: "",
    operation_suffix: "",
};

/// The fields by which a role's token parameters are set.
pub const TOKEN_FIELDS: [Field; 10] = [
    Field::new(
        "token_bound_cidrs",
        FieldKind::CommaStringSlice,
        "Addresses or CIDR blocks from which a login must come and a token may be used.",
    )
    .display(DisplayAttributes { name: "Generated Token's Bound CIDRs", ..GROUP }),
    Field::new(
        "token_explicit_max_ttl",
        FieldKind::DurationSecond,
        "Hard upper bound of a token's life; renewal does not extend it.",
    )
    .display(DisplayAttributes { name: "Generated Token's Explicit Maximum TTL", ..GROUP }),
    Field::new("token_max_ttl", FieldKind::DurationSecond, "Upper bound of a token's life across renewals.")
        .display(DisplayAttributes { name: "Generated Token's Maximum TTL", ..GROUP }),
    Field::new(
        "token_no_default_policy",
        FieldKind::Bool,
        "Whether the policy `default` is left out of tokens.",
    )
    .display(DisplayAttributes { name: "Do Not Attach 'default' Policy To Generated Tokens", ..GROUP }),
    Field::new("token_num_uses", FieldKind::Int, "How often a token may be used; 0 is without limit.")
        .display(DisplayAttributes { name: "Maximum Uses of Generated Tokens", ..GROUP }),
    Field::new(
        "token_period",
        FieldKind::DurationSecond,
        "Makes tokens periodic: each renewal extends them by this time, without an upper bound.",
    )
    .display(DisplayAttributes { name: "Generated Token's Period", ..GROUP }),
    Field::new("token_policies", FieldKind::CommaStringSlice, "Policies of tokens.")
        .display(DisplayAttributes { name: "Generated Token's Policies", ..GROUP }),
    Field::new(
        "token_strictly_bind_ip",
        FieldKind::Bool,
        "Whether a token may be used only from the address of its login.",
    )
    .display(DisplayAttributes { name: "Strictly Bind Generated Tokens To Login IP", ..GROUP }),
    Field::new("token_ttl", FieldKind::DurationSecond, "First time to live of a token.")
        .display(DisplayAttributes { name: "Generated Token's Initial TTL", ..GROUP }),
    Field::new("token_type", FieldKind::String, "Kind of token: `default`, `service` or `batch`.")
        .default_json("\"default-service\"")
        .display(DisplayAttributes { name: "Generated Token's Type", ..GROUP }),
];

impl TokenParams {
    /// Takes over the supplied fields and checks the whole.
    ///
    /// # Errors
    /// What the operator must change.
    pub fn update(&mut self, fields: &Fields) -> Result<(), Failure> {
        let invalid = |text: &str| Failure::Invalid(text.to_owned());
        if let Some(cidrs) = fields.list("token_bound_cidrs") {
            self.token_bound_cidrs =
                Some(cidrs.iter().map(|text| BoundCidr::parse(text)).collect::<Result<_, _>>()?);
        }
        let seconds = |name| fields.seconds(name).map(GoDuration::from_secs);
        if let Some(ttl) = seconds("token_explicit_max_ttl") {
            self.token_explicit_max_ttl = ttl;
        }
        if let Some(ttl) = seconds("token_max_ttl") {
            self.token_max_ttl = ttl;
        }
        if let Some(flag) = fields.bool("token_no_default_policy") {
            self.token_no_default_policy = flag;
        }
        if let Some(period) = seconds("token_period") {
            self.token_period = period;
        }
        if let Some(policies) = fields.list("token_policies") {
            self.token_policies = Some(policies.to_vec());
        }
        if let Some(word) = fields.text("token_type") {
            self.token_type = match word {
                "" | "default" => TokenType(0),
                "service" => TokenType(1),
                "batch" => BATCH,
                _ => return Err(Failure::Invalid(format!("invalid 'token_type' value {}", quote(word)))),
            };
        }
        if let Some(uses) = fields.int("token_num_uses") {
            if uses < 0 {
                return Err(invalid("'token_num_uses' cannot be negative"));
            }
            self.token_num_uses = uses;
        }
        if matches!(self.token_type.0, 2 | 4) {
            if self.token_period.is_positive() {
                return Err(invalid(
                    "'token_type' cannot be 'batch' or 'default_batch' when set to generate periodic tokens",
                ));
            }
            if self.token_num_uses != 0 {
                return Err(invalid(
                    "'token_type' cannot be 'batch' or 'default_batch' when set to generate tokens with limited use count",
                ));
            }
        }
        if let Some(ttl) = seconds("token_ttl") {
            self.token_ttl = ttl;
        }
        if self.token_max_ttl.is_positive() && self.token_ttl > self.token_max_ttl {
            return Err(invalid("'token_ttl' cannot be greater than 'token_max_ttl'"));
        }
        if let Some(flag) = fields.bool("token_strictly_bind_ip") {
            self.token_strictly_bind_ip = flag;
        }
        if self.token_strictly_bind_ip && !self.bound_cidrs().is_empty() {
            return Err(invalid("'token_strictly_bind_ip' conflicts with 'token_bound_cidrs'; set only one"));
        }
        Ok(())
    }

    /// The bound addresses and networks.
    #[must_use]
    pub fn bound_cidrs(&self) -> &[BoundCidr] {
        self.token_bound_cidrs.as_deref().unwrap_or_default()
    }

    /// The policies.
    #[must_use]
    pub fn policies(&self) -> &[String] {
        self.token_policies.as_deref().unwrap_or_default()
    }

    /// Whether a caller at this address may log in.
    ///
    /// # Errors
    /// Permission denied, also when the address is needed and unknown.
    pub fn check_address(&self, remote_addr: Option<&str>) -> Result<(), Failure> {
        if self.bound_cidrs().is_empty() {
            return Ok(());
        }
        let address = remote_addr
            .and_then(|text| text.parse::<IpAddr>().ok())
            .ok_or(Failure::permission_denied(Code::LoginAddress))?;
        if self.bound_cidrs().iter().any(|cidr| cidr.contains(address)) {
            Ok(())
        } else {
            Err(Failure::permission_denied(Code::LoginAddress))
        }
    }

    /// Sets the token parameters of an identity.
    ///
    /// # Errors
    /// Permission denied when tokens are bound to the caller's address and it is unknown.
    pub fn apply(&self, auth: &mut Auth, remote_addr: Option<&str>) -> Result<(), Failure> {
        auth.bound_cidrs = self.bound_cidrs().iter().map(|cidr| cidr.text.clone()).collect();
        if self.token_strictly_bind_ip {
            let address = remote_addr
                .and_then(|text| text.parse::<IpAddr>().ok())
                .ok_or(Failure::permission_denied(Code::LoginAddress))?;
            auth.bound_cidrs = vec![address.to_canonical().to_string()];
        }
        auth.explicit_max_ttl = self.token_explicit_max_ttl;
        auth.lease.max_ttl = self.token_max_ttl;
        auth.lease.ttl = self.token_ttl;
        auth.lease.renewable = true;
        auth.no_default_policy = self.token_no_default_policy;
        auth.period = self.token_period;
        auth.policies = self.policies().to_vec();
        auth.token_type = self.token_type;
        auth.num_uses = self.token_num_uses;
        Ok(())
    }

    /// Adds the fields as a role read shows them.
    pub fn read_into(&self, data: &mut Map<String, Value>) {
        let cidrs: Vec<&str> = self.bound_cidrs().iter().map(BoundCidr::as_str).collect();
        for (name, value) in [
            ("token_bound_cidrs", json!(cidrs)),
            ("token_explicit_max_ttl", json!(self.token_explicit_max_ttl.as_secs())),
            ("token_max_ttl", json!(self.token_max_ttl.as_secs())),
            ("token_no_default_policy", json!(self.token_no_default_policy)),
            ("token_num_uses", json!(self.token_num_uses)),
            ("token_period", json!(self.token_period.as_secs())),
            ("token_policies", json!(self.policies())),
            ("token_strictly_bind_ip", json!(self.token_strictly_bind_ip)),
            ("token_ttl", json!(self.token_ttl.as_secs())),
            ("token_type", json!(word_of(self.token_type))),
        ] {
            data.insert(name.to_owned(), value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::framework::FieldValue;

    fn fields(values: &[(&'static str, FieldValue)]) -> Fields {
        let mut fields = Fields::new();
        for (name, value) in values {
            fields.insert(name, value.clone());
        }
        fields
    }

    fn text(text: &str) -> FieldValue {
        FieldValue::Text(text.to_owned())
    }

    fn list(list: &[&str]) -> FieldValue {
        FieldValue::List(list.iter().map(|&text| text.to_owned()).collect())
    }

    #[test]
    fn refusals_have_their_texts() {
        for (values, refusal) in [
            (vec![("token_type", text("default-service"))], "invalid 'token_type' value \"default-service\""),
            (vec![("token_num_uses", FieldValue::Int(-1))], "'token_num_uses' cannot be negative"),
            (
                vec![("token_type", text("batch")), ("token_period", FieldValue::Seconds(60))],
                "'token_type' cannot be 'batch' or 'default_batch' when set to generate periodic tokens",
            ),
            (
                vec![("token_type", text("batch")), ("token_num_uses", FieldValue::Int(3))],
                "'token_type' cannot be 'batch' or 'default_batch' when set to generate tokens with limited use count",
            ),
            (
                vec![("token_ttl", FieldValue::Seconds(61)), ("token_max_ttl", FieldValue::Seconds(60))],
                "'token_ttl' cannot be greater than 'token_max_ttl'",
            ),
            (
                vec![("token_bound_cidrs", list(&["bogus"]))],
                "error parsing address \"bogus\": Unable to convert \"bogus\" to an IPv4 or IPv6 address, or a UNIX Socket",
            ),
            (
                vec![
                    ("token_bound_cidrs", list(&["10.0.0.0/8"])),
                    ("token_strictly_bind_ip", FieldValue::Bool(true)),
                ],
                "'token_strictly_bind_ip' conflicts with 'token_bound_cidrs'; set only one",
            ),
        ] {
            let refused = TokenParams::default().update(&fields(&values)).unwrap_err();
            assert_eq!(refused, Failure::Invalid(refusal.to_owned()));
        }
    }

    #[test]
    fn an_update_without_addresses_keeps_the_network_as_it_is() {
        let mut params = TokenParams::default();
        params.update(&fields(&[("token_bound_cidrs", list(&["2001:db8::/32"]))])).unwrap();
        params.update(&fields(&[("token_ttl", FieldValue::Seconds(10))])).unwrap();
        assert_eq!(params.bound_cidrs()[0].as_str(), "2001:db8::/32");
        assert!(params.check_address(Some("2001:db8::1")).is_ok());
        assert!(params.check_address(Some("2001:db9::1")).is_err());
    }

    #[test]
    fn addresses_are_checked_and_unknown_ones_denied() {
        let mut params = TokenParams::default();
        assert!(params.check_address(None).is_ok());
        params.update(&fields(&[("token_bound_cidrs", list(&["10.0.0.0/8", "192.0.2.7"]))])).unwrap();
        for (address, admitted) in [
            (Some("10.1.2.3"), true),
            (Some("::ffff:10.1.2.3"), true),
            (Some("192.0.2.7"), true),
            (Some("192.0.2.8"), false),
            (Some("nonsense"), false),
            (None, false),
        ] {
            assert_eq!(params.check_address(address).is_ok(), admitted, "{address:?}");
        }
    }

    #[test]
    fn stored_types_are_numbers_and_old_ones_words() {
        for (stored, number) in [("0", 0), ("4", 4), ("\"batch\"", 2), ("\"default-service\"", 3)] {
            let params: TokenParams = serde_json::from_str(&format!("{{\"token_type\":{stored}}}")).unwrap();
            assert_eq!(params.token_type, TokenType(number));
        }
        let unknown =
            serde_json::from_str::<TokenParams>("{\"token_type\":\"odd\"}").unwrap_err().to_string();
        assert!(unknown.contains("unknown token type \"odd\""), "{unknown}");
        assert_eq!(serde_json::to_value(TokenParams::default()).unwrap()["token_type"], 0);
    }

    #[test]
    fn a_strictly_bound_token_needs_the_address() {
        let params = TokenParams { token_strictly_bind_ip: true, ..TokenParams::default() };
        let mut auth = Auth::default();
        params.apply(&mut auth, Some("192.0.2.1")).unwrap();
        assert_eq!(auth.bound_cidrs, ["192.0.2.1"]);
        assert_eq!(params.apply(&mut auth, None), Err(Failure::permission_denied(Code::LoginAddress)));
    }
}
