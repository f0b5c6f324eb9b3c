//! `rotate_root`: not tried, because it would make a key.

use super::round::Round;
use crate::mount::doctor_report::{Finding, Probe};

pub(super) async fn probes(round: &Round) -> Vec<Probe> {
    let skipped = async {
        Finding::skipped(
            "it would make a key: config/rotate-root needs iam:GetUser, iam:CreateAccessKey and iam:DeleteAccessKey",
        )
    };
    let wanted = "the server may replace its own access key";
    round.probe("rotate_root", wanted, skipped).await.into_iter().collect()
}
