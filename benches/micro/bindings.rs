//! The decision whether a role admits a principal.

use divan::{Bencher, black_box};
use vault_plugin_auth_aws::binding::principal::{
    Principal, PrincipalMatch, check_principal, matches_pattern,
};
use vault_plugin_auth_aws::entry::Role;

/// A role that binds so many principals; the last one is the one that comes.
fn role(principals: usize, pattern: &str) -> Role {
    let arn = |number: usize| format!("arn:aws:iam::123456789012:role/App{number}{pattern}");
    let id = |number: usize| format!("AROAEXAMPLEEXAMPLE{number:03}");
    Role {
        bound_iam_principal_arn_list: Some((1..=principals).map(arn).collect()),
        bound_iam_principal_id_list: Some((1..=principals).map(id).collect()),
        resolve_aws_unique_ids: true,
        ..Role::default()
    }
}

#[divan::bench(args = [1, 100])]
fn by_unique_id(bencher: Bencher, principals: usize) {
    let role = role(principals, "");
    let unique_id = format!("AROAEXAMPLEEXAMPLE{principals:03}");
    let canonical_arn = format!("arn:aws:iam::123456789012:role/App{principals}");
    let principal = Principal { unique_id: &unique_id, canonical_arn: &canonical_arn };
    assert_eq!(check_principal(&role, principal), PrincipalMatch::Admitted);
    bencher.bench_local(|| check_principal(black_box(&role), black_box(principal)));
}

#[divan::bench(args = [1, 100])]
fn by_pattern(bencher: Bencher, principals: usize) {
    let role = role(principals, "-*");
    let arn = format!("arn:aws:iam::123456789012:role/App{principals}-blue");
    assert!(matches_pattern(&role, &arn));
    bencher.bench_local(|| matches_pattern(black_box(&role), black_box(&arn)));
}
