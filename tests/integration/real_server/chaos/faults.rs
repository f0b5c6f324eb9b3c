//! The faults: how each strikes, what has to go on or to stand still meanwhile, and how it ends.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::arena::Arena;
use super::scene::ChaosScene;
use testkit::aws::{Fault as AwsFault, Rate, RefusingPort, Times};
use testkit::server::kill_hard;

/// How long what is waited for may take, on a busy machine.
const DEADLINE: Duration = Duration::from_secs(120);

/// How long a disk is full at most: less than a client tries to log in.
const FULL_DISK: Duration = Duration::from_secs(45);

/// So often a leader is asked to step down.
const STEP_DOWNS: usize = 2;

/// What happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    LeaderKilled,
    LeaderStandsStill,
    StepDown,
    PluginKilled,
    PluginReloaded,
    DiskFull,
    WritesRefused,
    StsSilent,
    StsRefusesConnections,
    StsBreaksOff,
    StsSlow,
    StsThrottles400,
    StsThrottles503,
    ClientClocksAhead,
    ClientClocksBehind,
    AwsClockAhead,
    AwsClockBehind,
}

impl Fault {
    pub(super) const ALL: [Self; 17] = [
        Self::LeaderKilled,
        Self::LeaderStandsStill,
        Self::StepDown,
        Self::PluginKilled,
        Self::PluginReloaded,
        Self::DiskFull,
        Self::WritesRefused,
        Self::StsSilent,
        Self::StsRefusesConnections,
        Self::StsBreaksOff,
        Self::StsSlow,
        Self::StsThrottles400,
        Self::StsThrottles503,
        Self::ClientClocksAhead,
        Self::ClientClocksBehind,
        Self::AwsClockAhead,
        Self::AwsClockBehind,
    ];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::LeaderKilled => "leader killed",
            Self::LeaderStandsStill => "leader stands still and goes on",
            Self::StepDown => "leader steps down",
            Self::PluginKilled => "plugins of all nodes killed, again and again",
            Self::PluginReloaded => "mount reloaded, again and again",
            Self::DiskFull => "disk of the leader full",
            Self::WritesRefused => "disk of the leader takes no writes",
            Self::StsSilent => "STS does not answer",
            Self::StsRefusesConnections => "STS refuses connections",
            Self::StsBreaksOff => "STS breaks off in its answers",
            Self::StsSlow => "STS answers after 500 ms",
            Self::StsThrottles400 => "STS throttles with 400",
            Self::StsThrottles503 => "STS throttles with 503",
            Self::ClientClocksAhead => "clocks of clients 290 s ahead",
            Self::ClientClocksBehind => "clocks of clients up to 290 s behind",
            Self::AwsClockAhead => "clock of AWS 290 s ahead",
            Self::AwsClockBehind => "clock of AWS 290 s behind",
        }
    }

    /// Lets it happen; it is over on return, but for what [`ChaosScene::recover`] does. `times` is how often it
    /// strikes if it does so again and again. The error says why it cannot happen here.
    pub(super) async fn happen(self, scene: &mut ChaosScene, times: usize) -> Result<(), String> {
        let leader = scene.leader().await;
        match self {
            Self::LeaderKilled => {
                scene.servers[leader].kill().await;
                scene.leader_beside(leader).await;
                logins_go_on(&scene.arena).await;
            }
            Self::LeaderStandsStill => {
                scene.servers[leader].pause();
                scene.leader_beside(leader).await;
                logins_go_on(&scene.arena).await;
                scene.servers[leader].resume();
            }
            Self::StepDown => step_down(scene, leader).await,
            Self::PluginKilled => {
                for _ in 0..times {
                    for server in &scene.servers {
                        server.plugin_ids().into_iter().for_each(kill_hard);
                    }
                    logins_go_on(&scene.arena).await;
                }
            }
            Self::PluginReloaded => {
                for _ in 0..times {
                    let mounts = json!({"mounts": ["auth/aws/"]});
                    for node in 0..scene.servers.len() {
                        scene.arena.insist(node, "PUT", "sys/plugins/reload/backend", &mounts).await;
                    }
                    logins_go_on(&scene.arena).await;
                }
            }
            Self::DiskFull => {
                scene.servers[leader].fill_volume()?;
                // A server that neither writes nor ends keeps the others from leading. Somebody makes room then.
                let _ =
                    tokio::time::timeout(FULL_DISK, logins_go_on_beside_large_entry(&scene.arena, leader))
                        .await;
                scene.servers[leader].free_volume();
            }
            Self::WritesRefused => {
                scene.servers[leader].refuse_writes()?;
                // Who writes nothing does not meet the fault.
                let small = json!({"value": "x"});
                scene.arena.insist(leader, "POST", "cubbyhole/small", &small).await;
                scene.leader_beside(leader).await;
                logins_go_on(&scene.arena).await;
                scene.servers[leader].kill().await;
            }
            Self::StsRefusesConnections => {
                let port = RefusingPort::start();
                point_at(&scene.arena, &port.url()).await;
                logins_stand_still(&scene.arena).await;
                point_at(&scene.arena, &scene.arena.aws.url()).await;
            }
            Self::StsSilent => sts(&scene.arena, Times::Always, AwsFault::Hang, false).await,
            Self::StsBreaksOff => sts(&scene.arena, Times::Always, AwsFault::Truncated, false).await,
            Self::StsSlow => {
                sts(&scene.arena, Times::Always, AwsFault::Latency(Duration::from_millis(500)), true).await
            }
            Self::StsThrottles400 => sts(&scene.arena, some(), AwsFault::throttling(), true).await,
            Self::StsThrottles503 => sts(&scene.arena, some(), AwsFault::throttled(503, None), true).await,
            Self::ClientClocksAhead => clients(&scene.arena, 290).await,
            Self::ClientClocksBehind => clients(&scene.arena, -scene.oldest_date()).await,
            Self::AwsClockAhead => clock(&scene.arena, 290).await,
            Self::AwsClockBehind => clock(&scene.arena, -290).await,
        }
        Ok(())
    }
}

/// Writes more than the leader may have room for, and waits until each client logs in all the same.
async fn logins_go_on_beside_large_entry(arena: &Arena, leader: usize) {
    // A database has pages of its own that are free; an entry this large seldom finds room there.
    let large = json!({"value": "x".repeat(500_000)});
    arena.insist(leader, "POST", "cubbyhole/large", &large).await;
    logins_go_on(arena).await;
}

/// Lets the leader give up its place.
async fn step_down(scene: &mut ChaosScene, leader: usize) {
    // On a busy machine the one that stepped down may be the first to lead again.
    for _ in 0..STEP_DOWNS {
        scene.arena.insist(leader, "PUT", "sys/step-down", &Value::Null).await;
        if tokio::time::timeout(DEADLINE / 6, scene.leader_beside(leader)).await.is_ok() {
            return;
        }
    }
    // OpenBao may take the wish and never act on it ("manual step-down operation already queued"), after it stood
    // still for a while.
    scene.servers[leader].kill().await;
    scene.leader_beside(leader).await;
}

/// The rate at which STS still answers when it throttles.
fn some() -> Times {
    Times::Beyond(Rate { burst: 1, per_second: 20 })
}

/// Each client succeeds with a login that it begins from now on, and each attack is refused.
pub(super) async fn logins_go_on(arena: &Arena) {
    let now = Instant::now();
    arena.wait("logins of all clients", DEADLINE, |board| board.all_succeeded_since(now)).await;
    arena.wait("refusals of all attacks", DEADLINE, |board| board.all_repelled_since(now)).await;
}

/// Each client fails with a try that it begins from now on.
async fn logins_stand_still(arena: &Arena) {
    let now = Instant::now();
    arena.wait("failures of all clients", DEADLINE, |board| board.all_refused_since(now)).await;
}

/// Lets STS fail until the logins go on all the same, or stand still.
async fn sts(arena: &Arena, times: Times, fault: AwsFault, go_on: bool) {
    arena.aws.fault("GetCallerIdentity", times, fault);
    if go_on {
        let now = Instant::now();
        arena.wait("logins of all clients", DEADLINE, |board| board.all_succeeded_since(now)).await;
    } else {
        logins_stand_still(arena).await;
    }
    arena.aws.clear_faults();
}

/// Lets the mount ask for identities at that address.
async fn point_at(arena: &Arena, url: &str) {
    arena.insist(0, "POST", "auth/aws/config/client", &json!({"sts_endpoint": url})).await;
}

/// Lets clients sign with a wrong date.
async fn clients(arena: &Arena, seconds: i64) {
    arena.client_clock.store(seconds, Ordering::Relaxed);
    logins_go_on(arena).await;
    arena.client_clock.store(0, Ordering::Relaxed);
}

/// Lets AWS judge dates by a wrong clock.
async fn clock(arena: &Arena, seconds: i64) {
    arena.aws.set_clock_offset(time::Duration::seconds(seconds));
    logins_go_on(arena).await;
    arena.aws.set_clock_offset(time::Duration::ZERO);
}
