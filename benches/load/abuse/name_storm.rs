//! Names that are no instances: each has a place in the queue to EC2.

use super::plan::{Pace, Plan};
use super::scene::{FLEET, Scene};

/// Logins per second.
const RATE: f64 = 60.0;
/// Clients of a flood.
const CLIENTS: usize = 16;
/// Names before the first comes again.
const NAMES: usize = 2_400;

pub(super) fn plan(scene: &Scene) -> Plan {
    let login = |number: usize| {
        let session = scene.stage.aws.session(&scene.fleet, &format!("host-{number}"));
        scene.stage.login_data(&session.credentials, FLEET)
    };
    let logins = (0..scene.scaled(NAMES)).map(login).collect();
    Plan { mount: scene.stage.mount.clone(), logins, paced: Pace::PerSecond(RATE), clients: CLIENTS }
}
