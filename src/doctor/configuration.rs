//! `config.…`: what is stored can be read, and is not what nobody would want.

use super::roles::Roles;
use super::round::Round;
use crate::aws::endpoint::Endpoint;
use crate::binding::binds_anything::check_binds_anything;
use crate::entry::ClientConfig;
use crate::mount::doctor_report::{Finding, Probe, Verdict};
use crate::refusal::Blame;

/// Names of roles that are shown.
const MAX_NAMES: usize = 10;

pub(super) async fn probes(round: &Round) -> Vec<Probe> {
    let mut probes = Vec::new();
    let readable = async {
        match round.snapshot().await {
            Ok(snapshot) if snapshot.is_stored => Finding::ok("config/client is stored"),
            Ok(_) => Finding::ok("config/client is not stored, so its defaults hold"),
            Err(error) => Finding::failed(error),
        }
    };
    probes.extend(round.probe("config.readable", "config/client can be read", readable).await);
    let wanted = "https URLs, and none of the link of this server";
    let endpoints = async { with_config(round, endpoints).await };
    probes.extend(round.probe("config.endpoints", wanted, endpoints).await);
    let wanted = "iam_server_id_header_value is set";
    let server_id = async { with_config(round, server_id).await };
    probes.extend(round.probe("config.server_id", wanted, server_id).await);
    let wanted = "no other mount of this process demands the same server id";
    probes.extend(round.probe("config.mounts", wanted, mounts(round)).await);
    let wanted = "strict mode is on";
    let strict = async { with_config(round, strict).await };
    probes.extend(round.probe("config.strict", wanted, strict).await);
    let wanted = "the requests that were used are known, where each may be used once";
    probes.extend(round.probe("config.single_use", wanted, single_use(round)).await);
    let wanted = "each role can be read and binds something";
    let roles = async { roles(round.roles().await) };
    probes.extend(round.probe("config.roles", wanted, roles).await);
    probes
}

async fn with_config(round: &Round, look: fn(&ClientConfig) -> Finding) -> Finding {
    match round.snapshot().await {
        Ok(snapshot) => look(&snapshot.config),
        Err(_) => Finding::skipped("config/client cannot be read"),
    }
}

fn endpoints(config: &ClientConfig) -> Finding {
    const HINT: &str = "Give an https URL of AWS, or leave the field empty: then it is where AWS has it.";
    let mut set = Vec::new();
    let mut odd = Vec::new();
    for (field, value) in [
        ("sts_endpoint", &config.sts_endpoint),
        ("iam_endpoint", &config.iam_endpoint),
        ("endpoint", &config.endpoint),
        ("organizations_endpoint", &config.organizations_endpoint),
    ] {
        if value.is_empty() {
            continue;
        }
        let endpoint = match Endpoint::configured(value) {
            Ok(endpoint) => endpoint,
            Err(error) => return Finding::failed(&error),
        };
        set.push(format!("{field} {endpoint}"));
        if endpoint.is_link_local() {
            odd.push(format!("{field} {endpoint} is an address of this server's link"));
        } else if endpoint.is_unprotected() {
            odd.push(format!("{field} {endpoint} is not protected by TLS"));
        }
    }
    match (set.is_empty(), odd.is_empty()) {
        (true, _) => Finding::ok("none is set, so they are where AWS has them"),
        (false, true) => Finding::ok(set.join(", ")),
        (false, false) => Finding::to_do(Verdict::Warning, odd.join(", "), Blame::Operator, HINT),
    }
}

fn server_id(config: &ClientConfig) -> Finding {
    if config.iam_server_id_header_value.is_empty() {
        return Finding::to_do(
            Verdict::Warning,
            "it is empty, so a request that was signed for another server logs in here as well",
            Blame::Operator,
            "Set iam_server_id_header_value of config/client, and have clients sign it.",
        );
    }
    Finding::ok("it is set")
}

/// It is off by default, as the built-in method is; so it is told, and no fault.
fn strict(config: &ClientConfig) -> Finding {
    if config.iam_strict_request {
        return Finding::ok("iam_strict_request is on");
    }
    Finding::ok("iam_strict_request is off: signed requests are taken as the built-in method takes them")
}

async fn single_use(round: &Round) -> Finding {
    let is_on = match round.snapshot().await {
        Ok(snapshot) => snapshot.config.request_rules.single_use,
        Err(_) => return Finding::skipped("config/client cannot be read"),
    };
    if !is_on && round.roles().await.known.iter().all(|(_, role)| !role.request_rules.single_use) {
        return Finding::skipped("iam_request_single_use is off");
    }
    let Some(status) = round.mount().uses_status() else {
        return Finding::ok("no request was used yet");
    };
    if status.is_loaded {
        return Finding::ok(format!("{} used requests are known", status.entries_of_process));
    }
    Finding::to_do(
        Verdict::Warning,
        "what is stored of used requests was not loaded yet",
        Blame::Host,
        "The next login loads it; at a node that cannot write, logins are forwarded and nothing is loaded.",
    )
}

/// Other mounts are counted and not named: they may be of other namespaces.
async fn mounts(round: &Round) -> Finding {
    let own = match round.snapshot().await {
        Ok(snapshot) => snapshot.config.iam_server_id_header_value.as_str(),
        Err(_) => return Finding::skipped("config/client cannot be read"),
    };
    let neighbours = round.mount().neighbours();
    let (mut same, mut unreadable) = (0_usize, 0_usize);
    for neighbour in &neighbours {
        match neighbour.store().config_snapshot().await {
            Ok(snapshot) if snapshot.config.iam_server_id_header_value == own => {
                same = same.saturating_add(1);
            }
            Ok(_) => {}
            Err(_) => unreadable = unreadable.saturating_add(1),
        }
    }
    let unread = match unreadable {
        0 => String::new(),
        count => format!("; the configuration of {count} cannot be read"),
    };
    let all = neighbours.len();
    if same == 0 {
        return Finding::ok(format!("of {all} other mounts none demands the same{unread}"));
    }
    let what = if own.is_empty() { "demand none either" } else { "demand the same" };
    Finding::to_do(
        Verdict::Warning,
        format!("of {all} other mounts of this process {same} {what}{unread}"),
        Blame::Operator,
        "Give each mount an iam_server_id_header_value of its own: a request that was signed for one logs in at the others.",
    )
}

fn roles(roles: &Roles) -> Finding {
    if let Some(error) = &roles.not_listed {
        let hint = "See the log of the host about its storage.";
        return Finding::to_do(Verdict::Failed, error.text(), Blame::Host, hint);
    }
    if let Some((name, error)) = roles.unreadable.first() {
        let mut finding = Finding::failed(error);
        let others = roles.unreadable.len().saturating_sub(1);
        finding.seen = format!("role {name} cannot be read: {} ({others} others neither)", finding.seen);
        return finding;
    }
    let bind_nothing: Vec<&str> = roles
        .known
        .iter()
        .filter(|(name, role)| check_binds_anything(role, name).is_err())
        .map(|(name, _)| name.as_str())
        .collect();
    if !bind_nothing.is_empty() {
        let shown: Vec<&str> = bind_nothing.iter().copied().take(MAX_NAMES).collect();
        return Finding::to_do(
            Verdict::Warning,
            format!("{} bind nothing, so they admit nobody: {}", bind_nothing.len(), shown.join(", ")),
            Blame::Operator,
            "Write these roles anew with a binding, or delete them.",
        );
    }
    let mut seen = format!("{} roles", roles.known.len());
    if !roles.old.is_empty() {
        seen.push_str(&format!(", {} more of an older version, which were not looked at", roles.old.len()));
    }
    if roles.left_out > 0 {
        seen.push_str(&format!(", {} more that were not looked at", roles.left_out));
    }
    Finding::ok(seen)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(sts_endpoint: &str) -> ClientConfig {
        ClientConfig { sts_endpoint: sts_endpoint.to_owned(), ..ClientConfig::default() }
    }

    #[test]
    fn endpoints_that_nobody_would_want_are_told() {
        for (url, verdict, seen) in [
            ("", Verdict::Ok, "none is set, so they are where AWS has them"),
            ("https://sts.example", Verdict::Ok, "sts_endpoint https://sts.example"),
            (
                "http://sts.example",
                Verdict::Warning,
                "sts_endpoint http://sts.example is not protected by TLS",
            ),
            (
                "https://169.254.169.254",
                Verdict::Warning,
                "sts_endpoint https://169.254.169.254 is an address of this server's link",
            ),
            (
                "https://u:hunter2@x",
                Verdict::Failed,
                "the configured endpoint has a user name, which is not supported",
            ),
        ] {
            let finding = endpoints(&config(url));
            assert_eq!((finding.verdict, finding.seen.as_str()), (verdict, seen), "{url}");
        }
    }

    #[test]
    fn a_server_without_an_id_is_told() {
        let mut config = config("");
        assert_eq!(server_id(&config).verdict, Verdict::Warning);
        config.iam_server_id_header_value = "vault".to_owned();
        assert_eq!(server_id(&config).verdict, Verdict::Ok);
    }

    #[test]
    fn roles_that_bind_nothing_are_named() {
        use crate::entry::Role;
        let role = Role { auth_type: "iam".to_owned(), version: Role::VERSION, ..Role::default() };
        let found = |known| {
            roles(&Roles { known, old: Vec::new(), unreadable: Vec::new(), left_out: 0, not_listed: None })
        };
        let finding = found(vec![("dev".to_owned(), role.clone())]);
        assert_eq!(finding.verdict, Verdict::Warning);
        assert_eq!(finding.seen, "1 bind nothing, so they admit nobody: dev");
        let arns = Some(vec!["arn:aws:iam::1:user/a".to_owned()]);
        let bound = Role { bound_iam_principal_arn_list: arns, ..role };
        assert_eq!(found(vec![("dev".to_owned(), bound)]), Finding::ok("1 roles"));
    }
}
