//! The token fields that roles of all auth methods share.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::str::FromStr;

use ipnet::IpNet;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value, json};

use crate::framework::{
    Auth, DisplayAttributes, Failure, Field, FieldKind, Fields, HostFlavor, TokenParamsError, TokenType,
};
use crate::go::GoDuration;
use crate::refusal::Code;

/// An address or network a token may be used from. An address may have a port, which decides nothing; IPv4
/// written as IPv6 (`::ffff:10.0.0.1`) is IPv4.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BoundCidr {
    text: String,
    /// `None` for stored texts that are neither; they match nothing.
    network: Option<IpNet>,
}

impl BoundCidr {
    fn read(text: &str) -> Option<Self> {
        let (network, other_text) = if let Ok(given) = IpNet::from_str(text) {
            let network = unmapped(given);
            (network, (network != given).then(|| network.to_string()))
        } else if let Ok(given) = IpAddr::from_str(text) {
            let address = given.to_canonical();
            (IpNet::from(address), (address != given).then(|| address.to_string()))
        } else {
            let (address, port) = with_port(text)?;
            let shown = match port {
                0 => address.to_string(),
                port => SocketAddr::new(address, port).to_string(),
            };
            (IpNet::from(address), Some(shown))
        };
        Some(Self { text: other_text.unwrap_or_else(|| text.to_owned()), network: Some(network) })
    }

    fn from_stored(text: String) -> Self {
        Self::read(&text).unwrap_or(Self { text, network: None })
    }

    fn parse(text: &str) -> Result<Self, TokenParamsError> {
        Self::read(text).ok_or_else(|| TokenParamsError::Cidr(text.to_owned()))
    }

    /// As it was given, unless it can be said more simply.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether it is an address or network at all; a stored text may be neither, and then matches nothing.
    #[must_use]
    pub fn is_network(&self) -> bool {
        self.network.is_some()
    }

    /// Whether an address lies in it.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        self.network.is_some_and(|network| network.contains(&address.to_canonical()))
    }
}

/// An IPv4 network for one that is written as IPv6.
fn unmapped(network: IpNet) -> IpNet {
    /// Bits in front of the IPv4 address.
    const MAPPED: u8 = 96;
    let plain = match network.addr().to_canonical() {
        address @ IpAddr::V4(_) if matches!(network, IpNet::V6(_)) => {
            network.prefix_len().checked_sub(MAPPED).and_then(|length| IpNet::new(address, length).ok())
        }
        _ => None,
    };
    plain.unwrap_or(network)
}

/// An address in brackets or with a port, without a zone.
fn with_port(text: &str) -> Option<(IpAddr, u16)> {
    if text.contains('%') {
        return None;
    }
    if let Some(bare) = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        return bare.parse::<Ipv6Addr>().ok().map(|address| (address.to_canonical(), 0));
    }
    let socket = text.parse::<SocketAddr>().ok()?;
    Some((socket.ip().to_canonical(), socket.port()))
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
    /// Whether a token is bound to the address of its login. Entries of hosts without the field lack it;
    /// where it stands it holds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token_strictly_bind_ip: Option<bool>,
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

/// The name of the field that not every host has.
const STRICTLY_BIND_IP: &str = "token_strictly_bind_ip";

/// The fields by which a role's token parameters are set on a host.
pub fn token_fields(host: HostFlavor) -> impl Iterator<Item = Field> {
    TOKEN_FIELDS
        .into_iter()
        .filter(move |field| field.name != STRICTLY_BIND_IP || host.has_strictly_bind_ip())
}

const TOKEN_FIELDS: [Field; 10] = [
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
        STRICTLY_BIND_IP,
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
    /// Gives the parameters what entries of this host have, and takes away what they have not. To be done
    /// whenever they are written.
    pub fn settle(&mut self, host: HostFlavor) {
        let strictly = self.token_strictly_bind_ip.unwrap_or(false);
        self.token_strictly_bind_ip = host.has_strictly_bind_ip().then_some(strictly);
    }

    /// Settles the parameters for the host, takes over the supplied fields and checks the whole.
    ///
    /// # Errors
    /// What the operator must change.
    pub fn update(&mut self, fields: &Fields, host: HostFlavor) -> Result<(), TokenParamsError> {
        self.settle(host);
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
                _ => return Err(TokenParamsError::Type(word.to_owned())),
            };
        }
        if let Some(uses) = fields.int("token_num_uses") {
            if uses < 0 {
                return Err(TokenParamsError::NegativeUses);
            }
            self.token_num_uses = uses;
        }
        if matches!(self.token_type.0, 2 | 4) {
            if self.token_period.is_positive() {
                return Err(TokenParamsError::PeriodicBatch);
            }
            if self.token_num_uses != 0 {
                return Err(TokenParamsError::CountedBatch);
            }
        }
        if let Some(ttl) = seconds("token_ttl") {
            self.token_ttl = ttl;
        }
        if self.token_max_ttl.is_positive() && self.token_ttl > self.token_max_ttl {
            return Err(TokenParamsError::TtlAboveMax);
        }
        if let Some(flag) = fields.bool(STRICTLY_BIND_IP) {
            self.token_strictly_bind_ip = Some(flag);
        }
        if self.token_strictly_bind_ip == Some(true) && !self.bound_cidrs().is_empty() {
            return Err(TokenParamsError::StrictBind);
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
        if self.token_strictly_bind_ip == Some(true) {
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

    /// Adds the fields as a role read on this host shows them.
    pub fn read_into(&self, data: &mut Map<String, Value>, host: HostFlavor) {
        let cidrs: Vec<&str> = self.bound_cidrs().iter().map(BoundCidr::as_str).collect();
        for (name, value) in [
            ("token_bound_cidrs", json!(cidrs)),
            ("token_explicit_max_ttl", json!(self.token_explicit_max_ttl.as_secs())),
            ("token_max_ttl", json!(self.token_max_ttl.as_secs())),
            ("token_no_default_policy", json!(self.token_no_default_policy)),
            ("token_num_uses", json!(self.token_num_uses)),
            ("token_period", json!(self.token_period.as_secs())),
            ("token_policies", json!(self.policies())),
            ("token_ttl", json!(self.token_ttl.as_secs())),
            ("token_type", json!(word_of(self.token_type))),
        ] {
            data.insert(name.to_owned(), value);
        }
        if host.has_strictly_bind_ip() {
            let strictly = self.token_strictly_bind_ip.unwrap_or(false);
            data.insert(STRICTLY_BIND_IP.to_owned(), json!(strictly));
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
            let refused = TokenParams::default().update(&fields(&values), HostFlavor::OpenBao).unwrap_err();
            assert_eq!(refused.to_string(), refusal);
        }
    }

    #[test]
    fn an_update_without_addresses_keeps_the_network_as_it_is() {
        let mut params = TokenParams::default();
        params
            .update(&fields(&[("token_bound_cidrs", list(&["2001:db8::/32"]))]), HostFlavor::Vault)
            .unwrap();
        params.update(&fields(&[("token_ttl", FieldValue::Seconds(10))]), HostFlavor::Vault).unwrap();
        assert_eq!(params.bound_cidrs()[0].as_str(), "2001:db8::/32");
        assert!(params.check_address(Some("2001:db8::1")).is_ok());
        assert!(params.check_address(Some("2001:db9::1")).is_err());
    }

    #[test]
    fn addresses_are_checked_and_unknown_ones_denied() {
        let mut params = TokenParams::default();
        assert!(params.check_address(None).is_ok());
        params
            .update(&fields(&[("token_bound_cidrs", list(&["10.0.0.0/8", "192.0.2.7"]))]), HostFlavor::Vault)
            .unwrap();
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
    fn addresses_may_have_a_port_and_ipv4_may_be_written_as_ipv6() {
        for (given, shown, inside, outside) in [
            ("127.0.0.1:8200", "127.0.0.1:8200", "127.0.0.1", "127.0.0.2"),
            ("127.0.0.1:0", "127.0.0.1", "127.0.0.1", "127.0.0.2"),
            ("[::1]", "::1", "::1", "::2"),
            ("[::1]:8200", "[::1]:8200", "::1", "::2"),
            ("[2001:db8::1]:65535", "[2001:db8::1]:65535", "2001:db8::1", "2001:db8::2"),
            ("::1:8200", "::1:8200", "::1:8200", "::1"),
            ("::ffff:127.0.0.1", "127.0.0.1", "127.0.0.1", "127.0.0.2"),
            ("[::ffff:127.0.0.1]", "127.0.0.1", "127.0.0.1", "127.0.0.2"),
            ("[::ffff:127.0.0.1]:80", "127.0.0.1:80", "127.0.0.1", "127.0.0.2"),
            ("::ffff:127.0.0.0/104", "127.0.0.0/8", "127.9.9.9", "128.0.0.1"),
            ("::ffff:127.0.0.0/96", "127.0.0.0/0", "10.0.0.1", "::1"),
            ("::ffff:0.0.0.0/95", "::ffff:0.0.0.0/95", "::fffe:0:1", "10.0.0.1"),
            ("127.0.0.1/8", "127.0.0.1/8", "127.9.9.9", "128.0.0.1"),
            ("2001:DB8::1", "2001:DB8::1", "2001:db8::1", "2001:db8::2"),
        ] {
            let stored = BoundCidr::from_stored(given.to_owned());
            assert_eq!(BoundCidr::parse(given), Ok(stored.clone()), "{given}");
            assert_eq!(stored.as_str(), shown);
            for (address, contained) in [(inside, true), (outside, false)] {
                assert_eq!(stored.contains(address.parse().unwrap()), contained, "{address} in {given}");
            }
        }
    }

    #[test]
    fn what_is_no_address_is_refused_and_matches_nothing_where_it_is_stored() {
        for given in [
            "",
            "127.0.0.1:99999",
            "127.0.0.1:x",
            "127.0.0.1:",
            "127.0.0.0:80/8",
            "127.0.0.0/8:80",
            "127.0.0.1/33",
            "127.0.0.1/-1",
            "127.0.0.1/255.0.0.0",
            "::/129",
            "[::1/128]:80",
            "[127.0.0.1]",
            "[127.0.0.1]:80",
            "[::1",
            "::1]",
            "127.1",
            "127.0.0.1%lo",
            "[fe80::1%1]:80",
            "[fe80::1%1]",
            "localhost",
            "/tmp/sock",
        ] {
            assert!(BoundCidr::parse(given).is_err(), "{given}");
            let stored = BoundCidr::from_stored(given.to_owned());
            assert_eq!(stored.as_str(), given);
            for address in ["127.0.0.1", "::1", "fe80::1"] {
                assert!(!stored.contains(address.parse().unwrap()), "{address} in {given}");
            }
        }
    }

    #[test]
    fn only_a_host_that_has_the_strict_bind_shows_stores_and_keeps_it() {
        let names = |host| token_fields(host).map(|field| field.name).collect::<Vec<_>>();
        let mut of_openbao = names(HostFlavor::OpenBao);
        of_openbao.retain(|&name| name != STRICTLY_BIND_IP);
        assert_eq!(of_openbao, names(HostFlavor::Vault));

        for (host, stored, after) in [
            (HostFlavor::OpenBao, None, Some(false)),
            (HostFlavor::OpenBao, Some(true), Some(true)),
            (HostFlavor::Vault, None, None),
            (HostFlavor::Vault, Some(true), None),
        ] {
            let mut params = TokenParams { token_strictly_bind_ip: stored, ..TokenParams::default() };
            let mut shown = Map::new();
            params.read_into(&mut shown, host);
            let expected = host.has_strictly_bind_ip().then(|| json!(stored.unwrap_or(false)));
            assert_eq!(shown.get(STRICTLY_BIND_IP), expected.as_ref(), "{host:?} {stored:?}");
            params.update(&Fields::new(), host).unwrap();
            assert_eq!(params.token_strictly_bind_ip, after, "{host:?} {stored:?}");
            let written = serde_json::to_value(&params).unwrap();
            assert_eq!(written.get(STRICTLY_BIND_IP), after.map(Value::from).as_ref());
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
        let params = TokenParams { token_strictly_bind_ip: Some(true), ..TokenParams::default() };
        let mut auth = Auth::default();
        params.apply(&mut auth, Some("192.0.2.1")).unwrap();
        assert_eq!(auth.bound_cidrs, ["192.0.2.1"]);
        assert_eq!(params.apply(&mut auth, None), Err(Failure::permission_denied(Code::LoginAddress)));
    }
}
