//! `token_bound_cidrs` of a role.

use super::finding::Finding;
use super::rows::{ALL_IPV6, IPV6_REWRITTEN, NETWORK_MATCHES_NOTHING};
use crate::framework::TokenParams;

/// At most one finding of each kind.
pub(super) fn findings(path: &str, token: &TokenParams) -> Vec<Finding> {
    let (mut rewritten, mut all, mut nothing) = (Vec::new(), Vec::new(), Vec::new());
    for bound in token.bound_cidrs() {
        let text = bound.as_str();
        if !bound.is_network() {
            nothing.push(text);
        } else if text == "::/0" {
            all.push(text);
        } else if text.contains(':') && (text.contains('/') || text.starts_with('[')) && !is_ipv4(text) {
            rewritten.push(text);
        }
    }
    [(rewritten, &IPV6_REWRITTEN), (all, &ALL_IPV6), (nothing, &NETWORK_MATCHES_NOTHING)]
        .into_iter()
        .filter(|(texts, _)| !texts.is_empty())
        .map(|(texts, row)| Finding::new(path, row, texts.join(", ")))
        .collect()
}

/// An IPv4 address with a port has a colon too.
fn is_ipv4(text: &str) -> bool {
    text.split(':').next().is_some_and(|start| start.contains('.'))
}
