//! What others on the machine can take from the process, and what it could become.

use std::io;

use rustix::process::{DumpableBehavior, Resource, Rlimit, set_dumpable_behavior, setrlimit};
use rustix::thread::set_no_new_privs;

/// Where its lines stand in the log. Operators filter by it, so it does not follow the file.
const LOG: &str = concat!(env!("CARGO_CRATE_NAME"), "::plugin::confinement");

/// Keeps the secrets of the process in it: other processes of its user may not read its memory, a crash leaves none of
/// it on a disk, and no program that it would start gets more rights than it has. A system that refuses one of them
/// still has the others. Returns what is missing, and why, for [`tell`].
pub(crate) fn confine() -> Vec<(&'static str, io::Error)> {
    let no_core = Rlimit { current: Some(0), maximum: Some(0) };
    let results = [
        ("other processes of the user may read its memory", hide_memory()),
        ("a crash may leave a core dump", setrlimit(Resource::Core, no_core).map_err(io::Error::from)),
        ("programs it starts may gain rights", set_no_new_privs(true).map_err(io::Error::from)),
    ];
    results.into_iter().filter_map(|(otherwise, result)| Some((otherwise, result.err()?))).collect()
}

/// Says in the log what is missing; the log has a thread, so it starts later.
pub(crate) fn tell(missing: &[(&'static str, io::Error)]) {
    for (otherwise, error) in missing {
        tracing::warn!(target: LOG, %error, "the system does not confine the plugin: {otherwise}");
    }
}

fn hide_memory() -> io::Result<()> {
    set_dumpable_behavior(DumpableBehavior::NotDumpable).map_err(io::Error::from)
}

#[cfg(test)]
mod tests {
    use rustix::process::{dumpable_behavior, getrlimit};
    use rustix::thread::no_new_privs;

    use super::*;

    #[test]
    fn memory_is_hidden_and_no_core_is_left_and_no_rights_are_gained() {
        assert!(confine().is_empty());
        assert_eq!(dumpable_behavior().unwrap(), DumpableBehavior::NotDumpable);
        let core = getrlimit(Resource::Core);
        assert_eq!((core.current, core.maximum), (Some(0), Some(0)));
        assert!(no_new_privs().unwrap());
    }
}
