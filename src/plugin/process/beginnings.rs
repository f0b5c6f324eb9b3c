//! Beginnings, and the code that they leave in memory: loading the program, making keys, handshakes. Requests need
//! little of it, and whatever they need comes back with its first use.

use std::time::Duration;

use tokio::sync::Notify;

/// How long after a beginning most of what follows it has been done too: further mounts, the first logins with the
/// certificates that are trusted for them. Also the shortest time between two times that code is let go of.
const SETTLED: Duration = Duration::from_secs(2);

/// Tells that something has begun.
#[derive(Default)]
pub(crate) struct Beginnings {
    begun: Notify,
}

impl Beginnings {
    /// A mount has been set up.
    pub(crate) fn tell(&self) {
        self.begun.notify_one();
    }

    /// Lets go of code at once when something begins, and again when it has settled. Many beginnings are one.
    pub(crate) async fn let_go_after_each(&self, let_go: impl Fn()) {
        loop {
            self.begun.notified().await;
            let_go();
            tokio::time::sleep(SETTLED).await;
            let_go();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn code_is_let_go_of_at_once_and_when_many_beginnings_have_settled() {
        let (beginnings, count) = (Arc::new(Beginnings::default()), Arc::new(AtomicUsize::new(0)));
        let task = tokio::spawn({
            let (beginnings, count) = (Arc::clone(&beginnings), Arc::clone(&count));
            async move {
                let let_go = || {
                    count.fetch_add(1, Ordering::SeqCst);
                };
                beginnings.let_go_after_each(let_go).await;
            }
        });
        let count_after = async |time| {
            tokio::time::sleep(time).await;
            count.load(Ordering::SeqCst)
        };
        assert_eq!(count_after(SETTLED * 10).await, 0, "nothing has begun");
        beginnings.tell();
        assert_eq!(count_after(SETTLED / 2).await, 1, "at once");
        for _ in 0..1000 {
            beginnings.tell();
        }
        assert_eq!(count_after(SETTLED / 4).await, 1, "not for each");
        assert_eq!(count_after(SETTLED * 10).await, 4, "once more each, at once and settled");
        assert_eq!(count_after(SETTLED * 10).await, 4);
        task.abort();
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn what_is_let_go_of_is_not_resident_and_comes_back() {
        let resident_files = || {
            let status = fs::read_to_string("/proc/self/status").unwrap();
            let value = status.lines().find_map(|line| line.strip_prefix("RssFile:")).unwrap();
            value.trim().trim_end_matches("kB").trim().parse::<u64>().unwrap()
        };
        let before = resident_files();
        heap::let_go_of_code();
        let after = resident_files();
        assert!(after < before, "{before} KiB before, {after} after");
    }
}
