//! Identities, in both directions: a renewal brings back what a login returned.

use serde_json::Value;
use vault_plugin_auth_aws::framework::{
    Alias, Auth, DataError, LeaseOptions, Timestamp, TokenType, parse_data,
};
use vault_plugin_auth_aws::go::GoDuration;

use crate::plugin::wire::protocol::{logical, pb};

/// Longest internal data of an identity, in bytes. What a login leaves there takes a few hundred.
const MAX_INTERNAL_DATA: usize = 64 * 1024;

/// An identity of a login or renewal, for the host.
pub(crate) fn to_wire(auth: Auth) -> pb::Auth {
    pb::Auth {
        lease_options: Some(lease_to_wire(&auth.lease)),
        internal_data: Value::Object(auth.internal_data).to_string(),
        display_name: auth.display_name,
        policies: auth.policies,
        metadata: auth.metadata,
        client_token: auth.client_token,
        accessor: auth.accessor,
        period: auth.period.0,
        num_uses: auth.num_uses,
        entity_id: auth.entity_id,
        alias: auth.alias.map(alias_to_wire),
        group_aliases: auth.group_aliases.into_iter().map(alias_to_wire).collect(),
        bound_cidrs: auth.bound_cidrs,
        token_policies: auth.token_policies,
        identity_policies: auth.identity_policies,
        explicit_max_ttl: auth.explicit_max_ttl.0,
        token_type: auth.token_type.0,
        no_default_policy: auth.no_default_policy,
    }
}

/// An identity the host gives back. The internal data is refused unless it is what a login returns:
/// a JSON object, or nothing at all.
pub(crate) fn from_wire(auth: pb::Auth) -> Result<Auth, DataError> {
    Ok(Auth {
        lease: auth.lease_options.map(lease_from_wire).unwrap_or_default(),
        internal_data: parse_data(&auth.internal_data, MAX_INTERNAL_DATA)?,
        display_name: auth.display_name,
        policies: auth.policies,
        metadata: auth.metadata,
        client_token: auth.client_token,
        accessor: auth.accessor,
        period: GoDuration(auth.period),
        num_uses: auth.num_uses,
        entity_id: auth.entity_id,
        alias: auth.alias.map(alias_from_wire),
        group_aliases: auth.group_aliases.into_iter().map(alias_from_wire).collect(),
        bound_cidrs: auth.bound_cidrs,
        token_policies: auth.token_policies,
        identity_policies: auth.identity_policies,
        explicit_max_ttl: GoDuration(auth.explicit_max_ttl),
        token_type: TokenType(auth.token_type),
        no_default_policy: auth.no_default_policy,
    })
}

fn lease_to_wire(lease: &LeaseOptions) -> pb::LeaseOptions {
    pb::LeaseOptions {
        ttl: lease.ttl.0,
        renewable: lease.renewable,
        increment: lease.increment.0,
        issue_time: Some(prost_types::Timestamp {
            seconds: lease.issue_time.seconds,
            nanos: lease.issue_time.nanos,
        }),
        max_ttl: lease.max_ttl.0,
    }
}

fn lease_from_wire(lease: pb::LeaseOptions) -> LeaseOptions {
    LeaseOptions {
        ttl: GoDuration(lease.ttl),
        max_ttl: GoDuration(lease.max_ttl),
        renewable: lease.renewable,
        increment: GoDuration(lease.increment),
        issue_time: lease
            .issue_time
            .map_or(Timestamp::UNSET, |time| Timestamp { seconds: time.seconds, nanos: time.nanos }),
    }
}

/// An alias in its other form; both have the same members.
macro_rules! alias_as {
    ($form:path, $alias:ident) => {{
        type Form = $form;
        Form {
            mount_type: $alias.mount_type,
            mount_accessor: $alias.mount_accessor,
            name: $alias.name,
            metadata: $alias.metadata,
            id: $alias.id,
            namespace_id: $alias.namespace_id,
            custom_metadata: $alias.custom_metadata,
            local: $alias.local,
        }
    }};
}

fn alias_to_wire(alias: Alias) -> logical::Alias {
    alias_as!(logical::Alias, alias)
}

fn alias_from_wire(alias: logical::Alias) -> Alias {
    alias_as!(Alias, alias)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::json;

    use super::*;

    fn alias(name: &str) -> Alias {
        Alias {
            mount_type: "aws".to_owned(),
            mount_accessor: "auth_aws_1".to_owned(),
            name: name.to_owned(),
            metadata: BTreeMap::from([("account".to_owned(), "1".to_owned())]),
            id: "alias-id".to_owned(),
            namespace_id: "root".to_owned(),
            custom_metadata: BTreeMap::from([("team".to_owned(), "a".to_owned())]),
            local: true,
        }
    }

    fn full() -> Auth {
        let Value::Object(internal_data) = json!({"role_name": "dev", "n": 1}) else { unreachable!() };
        Auth {
            lease: LeaseOptions {
                ttl: GoDuration(1),
                max_ttl: GoDuration(2),
                renewable: true,
                increment: GoDuration(3),
                issue_time: Timestamp { seconds: 4, nanos: 5 },
            },
            internal_data,
            display_name: "display".to_owned(),
            policies: vec!["a".to_owned()],
            metadata: BTreeMap::from([("k".to_owned(), "v".to_owned())]),
            client_token: "token".to_owned(),
            accessor: "accessor".to_owned(),
            period: GoDuration(6),
            num_uses: 7,
            entity_id: "entity".to_owned(),
            alias: Some(alias("one")),
            group_aliases: vec![alias("two")],
            bound_cidrs: vec!["10.0.0.0/8".to_owned()],
            token_policies: vec!["b".to_owned()],
            identity_policies: vec!["c".to_owned()],
            explicit_max_ttl: GoDuration(8),
            token_type: TokenType(2),
            no_default_policy: true,
        }
    }

    #[test]
    fn nothing_is_lost_on_the_way_to_the_host_and_back() {
        assert_eq!(from_wire(to_wire(full())).unwrap(), full());
    }

    #[test]
    fn an_empty_identity_still_has_an_issue_time_and_an_object() {
        let wire = to_wire(Auth::default());
        assert_eq!(wire.internal_data, "{}");
        let issued = wire.lease_options.unwrap().issue_time.unwrap();
        assert_eq!((issued.seconds, issued.nanos), (-62_135_596_800, 0));
    }

    #[test]
    fn internal_data_may_be_missing_but_neither_malformed_nor_large() {
        for text in ["", "null", "{}"] {
            let auth = from_wire(pb::Auth { internal_data: text.to_owned(), ..pb::Auth::default() });
            assert!(auth.unwrap().internal_data.is_empty(), "{text}");
        }
        let large = format!("{{\"a\":\"{}\"}}", "x".repeat(MAX_INTERNAL_DATA));
        for text in ["[]", "{", "\"x\"", &large] {
            let auth = from_wire(pb::Auth { internal_data: text.to_owned(), ..pb::Auth::default() });
            assert!(auth.is_err(), "{text}");
        }
    }

    #[test]
    fn a_missing_lease_is_an_unset_one() {
        assert_eq!(from_wire(pb::Auth::default()).unwrap().lease, LeaseOptions::default());
    }
}
