//! The kinds of findings about entries, but for those of our own fields.

use super::finding::{Row, Severity};

/// All rows, in the order of the documentation.
pub static ROWS: [&Row; 25] = [
    &BINDS_NOTHING,
    &ONLY_OWN_BOUNDS,
    &IPV6_REWRITTEN,
    &ALL_IPV6,
    &NETWORK_MATCHES_NOTHING,
    &WILDCARD,
    &ACCOUNT_NOT_CONFIGURED,
    &ARN_WITH_PATH,
    &INFERRED_OTHER_PARTITION,
    &INFERRED_WITHOUT_PRINCIPAL,
    &OLDER_VERSION,
    &OLDER_VERSION_NEEDS_IAM,
    &STRICTLY_BIND_IP,
    &NAME_NOT_LOWER_CASE,
    &CLIENT_MISSING,
    &NO_SERVER_ID,
    &ENDPOINT_UNPROTECTED,
    &ENDPOINT_INVALID,
    &STATIC_KEYS,
    &LONG_METADATA,
    &CERTIFICATE_UNREADABLE,
    &CERTIFICATE_KEY,
    &CERTIFICATE_EXPIRED,
    &ENTRY_UNREADABLE,
    &UNKNOWN_MEMBERS,
];

pub(super) static BINDS_NOTHING: Row = Row {
    code: "role.binds_nothing",
    severity: Severity::Danger,
    built_in: "admits every caller who proves any AWS identity",
    here: "admits nobody",
    to_do: "Bind what the role is for (CLI write PATH bound_…=…), or delete it: CLI delete PATH",
};

pub(super) static ONLY_OWN_BOUNDS: Row = Row {
    code: "role.only_own_bindings",
    severity: Severity::Danger,
    built_in: "ignores all that the role binds, so it admits every caller who proves any AWS identity",
    here: "admits whom these bindings admit",
    to_do: "Before going back, bind what the built-in method knows (CLI write PATH bound_iam_principal_arn=…), or delete the role: CLI delete PATH",
};

pub(super) static IPV6_REWRITTEN: Row = Row {
    code: "role.ipv6_network_rewritten",
    severity: Severity::Danger,
    built_in: "turns an IPv6 network into ::/0, and an IPv6 address with a port into 0.0.0.0, at the next write of the role",
    here: "keeps it as it is",
    to_do: "Before going back, name single addresses or IPv4 networks instead: CLI write PATH token_bound_cidrs=…",
};

pub(super) static ALL_IPV6: Row = Row {
    code: "role.all_ipv6",
    severity: Severity::Danger,
    built_in: "leaves ::/0 where an update rewrote a narrower IPv6 network; it admits every IPv6 address",
    here: "admits every IPv6 address too, because that is what is stored",
    to_do: "If a narrower network was meant, write it again: CLI write PATH token_bound_cidrs=…",
};

pub(super) static NETWORK_MATCHES_NOTHING: Row = Row {
    code: "role.network_matches_nothing",
    severity: Severity::Change,
    built_in: "takes the text for the name of a socket, which no address matches, and can fail to read the role after its next write",
    here: "reads the role; the text matches no address, and a write that gives it is refused",
    to_do: "Write the networks that were meant: CLI write PATH token_bound_cidrs=…",
};

pub(super) static WILDCARD: Row = Row {
    code: "role.wildcard",
    severity: Severity::Info,
    built_in: "asks IAM for the caller's full ARN and may keep the answer for as long as the process lives",
    here: "asks IAM too, but keeps the answer for 24 hours, and it counts only if it speaks of the caller's unique id",
    to_do: "The server needs iam:GetUser and iam:GetRole in each account of the pattern; CLI read …/config/doctor tries it.",
};

pub(super) static ACCOUNT_NOT_CONFIGURED: Row = Row {
    code: "role.account_not_configured",
    severity: Severity::Change,
    built_in: "in versions without the correction of CVE-2025-11621 may ask the server's own account in the place of another one",
    here: "refuses every login that needs a look-up in an account that is neither the server's own nor in config/sts",
    to_do: "Unless it is the server's own account, name a role of it: CLI write …/config/sts/ACCOUNT sts_role=…",
};

pub(super) static ARN_WITH_PATH: Row = Row {
    code: "role.arn_with_path",
    severity: Severity::Info,
    built_in: "never matches it: without unique ids ARNs are compared as they are, and that of a caller has no path",
    here: "never matches it either",
    to_do: "Leave the path out (arn:aws:iam::ACCOUNT:role/NAME), or set resolve_aws_unique_ids=true and write the ARN again: CLI write PATH …",
};

pub(super) static INFERRED_OTHER_PARTITION: Row = Row {
    code: "role.inferred_other_partition",
    severity: Severity::Change,
    built_in: "looks the caller's instance up in the partition of inferred_aws_region, whatever partition the caller is of",
    here: "refuses a caller of another partition than the region's",
    to_do: "Set inferred_aws_region to a region of the partition of the bound principals, or make a role for each.",
};

pub(super) static INFERRED_WITHOUT_PRINCIPAL: Row = Row {
    code: "role.inferred_without_principal",
    severity: Severity::Danger,
    built_in: "admits whoever names a session after an instance that satisfies the role, of any partition with an equal account number",
    here: "admits whoever names a session after such an instance, of the region's partition alone",
    to_do: "Bind a role that only EC2 may assume: CLI write PATH bound_iam_principal_arn=…",
};

pub(super) static OLDER_VERSION: Row = Row {
    code: "role.older_version",
    severity: Severity::Info,
    built_in: "brings the entry to the current version when the mount comes up on an active node",
    here: "does the same in the background, or when the role is first used; until it is done the report reads it as it will be",
    to_do: "Nothing; if it stays so, read the server's log for why the entry cannot be written.",
};

pub(super) static OLDER_VERSION_NEEDS_IAM: Row = Row {
    code: "role.older_version_needs_iam",
    severity: Severity::Change,
    built_in: "asks IAM for the unique id of the bound principal before the entry is brought to the current version",
    here: "does the same; until it succeeds the role admits nobody",
    to_do: "Give the server iam:GetUser and iam:GetRole in the principal's account, or write the role anew: CLI write PATH bound_iam_principal_arn=…",
};

pub(super) static STRICTLY_BIND_IP: Row = Row {
    code: "role.token_strictly_bind_ip",
    severity: Severity::Change,
    built_in: "of Vault does not know the member, so tokens are bound to no address, and drops it at the next write",
    here: "binds tokens to the address of the login until the role is written next, and drops it then",
    to_do: "On Vault, write token_bound_cidrs instead: CLI write PATH token_bound_cidrs=…",
};

pub(super) static NAME_NOT_LOWER_CASE: Row = Row {
    code: "role.name_not_lower_case",
    severity: Severity::Info,
    built_in: "folds names to lower case, so nobody reaches the entry",
    here: "does the same",
    to_do: "Write the role again by its name in lower case if it is missed; the old entry can stay.",
};

pub(super) static CLIENT_MISSING: Row = Row {
    code: "config.client_missing",
    severity: Severity::Change,
    built_in: "accepts any X-Amz- header of a login, because there is no list, and demands no server id",
    here: "accepts the default list of X-Amz- headers, and demands no server id",
    to_do: "CLI write PATH iam_server_id_header_value=…, and where clients sign other X-Amz- headers allowed_sts_header_values=…",
};

pub(super) static NO_SERVER_ID: Row = Row {
    code: "config.no_server_id",
    severity: Severity::Info,
    built_in: "takes a request that was signed for another server or mount",
    here: "takes it too, unless it is marked for another product, or strict mode is on and it names another server",
    to_do: "Give each mount a value of its own and have clients sign it: CLI write PATH iam_server_id_header_value=…",
};

pub(super) static ENDPOINT_UNPROTECTED: Row = Row {
    code: "config.endpoint_unprotected",
    severity: Severity::Danger,
    built_in: "sends logins and its own calls there, and believes the answers",
    here: "does the same, and config/doctor warns: whoever answers there decides who is admitted",
    to_do: "Give an https URL of AWS that is no address of the server's link, or an empty one: CLI write PATH FIELD=…",
};

pub(super) static ENDPOINT_INVALID: Row = Row {
    code: "config.endpoint_invalid",
    severity: Severity::Change,
    built_in: "builds a URL of it as it can",
    here: "refuses every call that would go there",
    to_do: "Give an https URL without user name, query and fragment, or an empty one: CLI write PATH FIELD=…",
};

pub(super) static STATIC_KEYS: Row = Row {
    code: "config.static_keys",
    severity: Severity::Info,
    built_in: "stores the secret key, and rotates it by config/rotate-root",
    here: "does the same, and the entry goes back and forth with it",
    to_do: "Where the server runs on AWS, leave them empty and let its own role serve: CLI write PATH access_key= secret_key=",
};

pub(super) static LONG_METADATA: Row = Row {
    code: "config.long_metadata",
    severity: Severity::Change,
    built_in: "fails a login, with an internal error of the host, whose alias metadata has a value of more than 512 bytes",
    here: "cuts such a value to 512 bytes with a hash of the whole at its end; the token's metadata stays whole",
    to_do: "Where policies compare long ARNs, leave these names out and compare account_id: CLI write PATH iam_metadata=…",
};

pub(super) static CERTIFICATE_UNREADABLE: Row = Row {
    code: "certificate.unreadable",
    severity: Severity::Change,
    built_in: "refuses logins with identity documents while a certificate cannot be read; it reads others than this plugin does",
    here: "refuses logins with identity documents whose form the certificate is for",
    to_do: "Delete it, the certificates of AWS are built in: CLI delete PATH",
};

pub(super) static CERTIFICATE_KEY: Row = Row {
    code: "certificate.key_not_verified",
    severity: Severity::Change,
    built_in: "tries whatever keys its library knows",
    here: "verifies nothing with it: messages are verified with RSA, DSA and the curves P-256, P-384 and P-521, detached signatures with RSA",
    to_do: "Delete it if no login needs it: CLI delete PATH",
};

pub(super) static CERTIFICATE_EXPIRED: Row = Row {
    code: "certificate.expired",
    severity: Severity::Info,
    built_in: "goes on believing signatures whose time lies in the validity, or that tell none",
    here: "does the same",
    to_do: "Delete it if AWS no longer signs with it: CLI delete PATH",
};

pub(super) static ENTRY_UNREADABLE: Row = Row {
    code: "entry.unreadable",
    severity: Severity::Change,
    built_in: "fails the requests that need the entry, or reads another value than this plugin would",
    here: "fails every request that needs the entry; unreadable never counts as absent",
    to_do: "Restore it, or delete and write it anew: CLI delete PATH",
};

pub(super) static UNKNOWN_MEMBERS: Row = Row {
    code: "entry.unknown_members",
    severity: Severity::Info,
    built_in: "drops members that it does not know at the next write",
    here: "keeps them, so that the entry can go back to the version that wrote them",
    to_do: "Nothing, unless the version that they are of is to serve the mount again: then do not write the entry elsewhere.",
};

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::migration::{EVERYWHERE, OWN_FIELDS};

    #[test]
    fn no_two_rows_are_alike_and_each_says_all() {
        let own = OWN_FIELDS.iter().map(|field| &field.row);
        let all: Vec<&Row> = ROWS.into_iter().chain(own).chain(&EVERYWHERE).collect();
        let codes: BTreeSet<&str> = all.iter().map(|row| row.code).collect();
        assert_eq!(codes.len(), all.len());
        for row in all {
            assert!(!row.built_in.is_empty() && !row.here.is_empty() && !row.to_do.is_empty(), "{row:?}");
        }
    }
}
