//! How many files and connections the process may have open.

use rustix::process::{Resource, getrlimit, setrlimit};

/// Where its lines stand in the log. Operators filter by it, so it does not follow the file.
const LOG: &str = concat!(env!("CARGO_CRATE_NAME"), "::plugin::open_files");

/// Raises the limit to what the system lets the process have, as Go programs do. Each login that
/// waits for AWS holds a connection, so with the usual thousand one endpoint that does not answer would
/// leave none to the other mounts. A failure leaves the limit as it is.
pub(crate) fn raise_limit() {
    let mut limit = getrlimit(Resource::Nofile);
    if limit.current != limit.maximum {
        limit.current = limit.maximum;
        if let Err(error) = setrlimit(Resource::Nofile, limit) {
            tracing::warn!(target: LOG, %error, "cannot raise the limit of open files");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_is_that_of_the_system() {
        let mut low = getrlimit(Resource::Nofile);
        low.current = low.maximum.map(|maximum| maximum.min(512));
        setrlimit(Resource::Nofile, low).unwrap();
        raise_limit();
        let raised = getrlimit(Resource::Nofile);
        assert_eq!(raised.current, raised.maximum);
    }
}
