//! `host.…`: the server that runs the plugin answers it, and what this node is.

use super::round::Round;
use crate::mount::doctor_report::{Finding, Probe};
use crate::ports::{ReplicationState, SystemViewError};

pub(super) async fn probes(round: &Round) -> Vec<Probe> {
    let mut probes = Vec::new();
    let mount = round.mount();
    let node = async {
        match mount.system_view().replication_state().await {
            Ok(state) => Finding::ok(what_node(state)),
            Err(SystemViewError::Unimplemented) => {
                Finding::skipped("this server does not tell what its node is")
            }
            Err(error) => Finding::failed(&error),
        }
    };
    probes.extend(round.probe("host.node", "the server tells what this node is", node).await);
    let version = async {
        let product = mount.host().product();
        match mount.system_view().host_version().await {
            Ok(version) => Finding::ok(format!("{product} {version}").trim().to_owned()),
            Err(SystemViewError::Unimplemented) => {
                Finding::skipped(format!("{product}, which does not tell its version"))
            }
            Err(error) => Finding::failed(&error),
        }
    };
    probes.extend(round.probe("host.version", "the server tells its version", version).await);
    probes
}

fn what_node(state: ReplicationState) -> &'static str {
    if state.performance_standby() {
        "a standby, which leaves what must be written to the active node"
    } else if state.dr_secondary() {
        "the active node of a disaster-recovery secondary"
    } else if state.performance_secondary() {
        "the active node of a performance secondary"
    } else {
        "the active node"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_of_node_has_its_words() {
        for (bits, words) in [
            (8224, "the active node"),
            (24576, "a standby, which leaves what must be written to the active node"),
            (64, "the active node of a performance secondary"),
            (512, "the active node of a disaster-recovery secondary"),
        ] {
            assert_eq!(what_node(ReplicationState(bits)), words);
        }
    }
}
