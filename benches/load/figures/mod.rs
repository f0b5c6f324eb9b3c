//! What each group of figures measures.

mod boot_storm;
mod by_hand;
mod calls;
mod cpu;
mod dead_account;
mod fleet;
mod latency;
mod memory;
mod per_mount;
mod real_host;
mod scale;
mod scaling;
mod single_use;
mod start;
mod whole_host;

use std::path::Path;

use crate::Bench;
use crate::figure::Figure;
use crate::group::Group;
use crate::options::Options;

/// The figures of a group.
#[must_use]
pub(crate) fn of(group: Group) -> &'static [Figure] {
    match group {
        Group::Cpu => cpu::FIGURES,
        Group::Memory => memory::FIGURES,
        Group::Start => start::FIGURES,
        Group::Calls => calls::FIGURES,
        Group::Latency => latency::FIGURES,
        Group::PerMount => per_mount::FIGURES,
        Group::Scaling => scaling::FIGURES,
        Group::BootStorm => boot_storm::FIGURES,
        Group::DeadAccount => dead_account::FIGURES,
        Group::Scale => scale::FIGURES,
        Group::Fleet => fleet::FIGURES,
        Group::RealHost => real_host::FIGURES,
        Group::SingleUse => single_use::FIGURES,
        Group::Abuse => crate::abuse::FIGURES,
        Group::ByHand => by_hand::FIGURES,
        Group::Curves => &[],
    }
}

/// How many rounds a group has.
#[must_use]
pub(crate) fn rounds(group: Group, options: &Options) -> usize {
    match group {
        Group::Cpu | Group::Latency | Group::Scaling => options.rounds,
        Group::Memory
        | Group::Start
        | Group::ByHand
        | Group::PerMount
        | Group::RealHost
        | Group::SingleUse => options.few_rounds(),
        Group::Calls | Group::BootStorm | Group::DeadAccount | Group::Scale | Group::Fleet | Group::Abuse => {
            1
        }
        Group::Curves => 0,
    }
}

/// One round of a group: a value for each figure, in their order.
pub(crate) async fn measure(group: Group, bench: &Bench, binary: &Path) -> Vec<f64> {
    match group {
        Group::Cpu => cpu::measure(bench, binary).await,
        Group::Memory => memory::measure(bench, binary).await,
        Group::Start => start::measure(bench, binary).await,
        Group::Calls => calls::measure(bench, binary).await,
        Group::Latency => latency::measure(bench, binary).await,
        Group::PerMount => per_mount::measure(bench, binary).await,
        Group::Scaling => scaling::measure(bench, binary).await,
        Group::BootStorm => boot_storm::measure(bench, binary).await,
        Group::DeadAccount => dead_account::measure(bench, binary).await,
        Group::Scale => scale::measure(bench, binary).await,
        Group::Fleet => fleet::measure(bench, binary).await,
        Group::RealHost => real_host::measure(bench, binary).await,
        Group::SingleUse => single_use::measure(bench, binary).await,
        Group::Abuse => crate::abuse::figures(bench, binary).await,
        Group::ByHand => by_hand::measure(bench, binary),
        Group::Curves => Vec::new(),
    }
}
