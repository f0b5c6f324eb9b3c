//! Whether a login costs the same however many roles and mounts there are.

use std::path::Path;

use crate::Bench;
use crate::driver::{Part, closed_loop};
use crate::figure::{Aim, Figure};
use crate::login::Logins;
use crate::subject::{ROLE, Subject, role_name};
use testkit::statistics::median_ratio;

/// Both costs may be that much higher.
const WITHIN: Aim = Aim::AtMost(1.05);
/// Comparisons in a round.
const PAIRS: usize = 20;

pub(super) const FIGURES: &[Figure] = &[
    Figure::aimed("roles_cpu", "CPU per login, many roles to one", "", WITHIN),
    Figure::aimed("roles_latency", "Latency of a login, median, many roles to one", "", WITHIN),
    Figure::information("roles_cold_cpu", "CPU per login, every login another role", "ms"),
    Figure::information("roles_cold_latency", "Latency, every login another role, median", "ms"),
    Figure::aimed("mounts_cpu", "CPU per login, many mounts to one", "", WITHIN),
    Figure::aimed("mounts_latency", "Latency of a login, median, many mounts to one", "", WITHIN),
    Figure::information("mounts_spread_cpu", "CPU per login, every login at another mount", "ms"),
    Figure::information("mounts_spread_latency", "Latency, every login at another mount, median", "ms"),
];

pub(super) async fn measure(bench: &Bench, binary: &Path) -> Vec<f64> {
    let options = &bench.options;
    let logins = Logins::of_role(ROLE);

    let one_role = Subject::with_roles(bench, binary, 1).await;
    let many_roles = Subject::with_roles(bench, binary, options.roles).await;
    let roles_ratios = compare(bench, &one_role, &many_roles, &logins).await;
    let count = options.logins.min(options.roles - 1);
    let others = Logins::of_roles((0..count).map(role_name));
    let cold = many_roles.cost(&others, Part::Whole, options.clients, count).await;
    drop((one_role, many_roles));

    let one_mount = Subject::open(bench, binary).await;
    let many_mounts = Subject::open(bench, binary).await;
    let mut mounts = vec![many_mounts.mount.clone()];
    for number in 1..options.mounts {
        let mount = many_mounts.further_mount(bench, &format!("aws-{number}")).await;
        closed_loop(&mount, &logins, Part::Whole, 1, 1).await;
        mounts.push(mount);
    }
    let mounts_ratios = compare(bench, &one_mount, &many_mounts, &logins).await;
    let spread = many_mounts.cost_over(&mounts, &logins, Part::Whole, options.clients, options.logins).await;
    [roles_ratios, [cold.cpu, cold.median], mounts_ratios, [spread.cpu, spread.median]].concat()
}

/// Ratios of CPU and latency, big to small, each the median of the ratios of short turns.
async fn compare(bench: &Bench, small: &Subject, big: &Subject, logins: &Logins) -> [f64; 2] {
    let clients = bench.options.clients;
    let subjects = [small, big];
    for subject in subjects {
        subject.warm_up(logins, clients).await;
    }
    // CPU and latency of small and big, turn by turn.
    let mut cpu = [Vec::new(), Vec::new()];
    let mut latency = [Vec::new(), Vec::new()];
    for pair in 0..PAIRS {
        // Whatever drifts meets both alike: each goes first every other time.
        let order = if pair.is_multiple_of(2) { [0, 1] } else { [1, 0] };
        for index in order {
            let cost = subjects[index].cost(logins, Part::Whole, clients, bench.options.logins / 4).await;
            cpu[index].push(cost.cpu);
            latency[index].push(cost.median);
        }
    }
    [median_ratio(&cpu[1], &cpu[0]), median_ratio(&latency[1], &latency[0])]
}
