//! Host names that clients choose, as far as a mount lets them: those of regions. Anybody may invent
//! some, and a name that nobody has may take its name server long to deny.
//!
//! So the first look-up of such a name takes one of a few places of its mount, and a name that had no
//! address is not looked up again for some seconds. A name that has had one is a name like any other:
//! there are only so many regions.

use std::future::Future;
use std::io;
use std::num::NonZeroUsize;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use thiserror::Error;
use tokio::sync::Semaphore;
use tokio::time::Instant;

use super::resolver::NotResolved;
use crate::concurrency::bounded_cache::BoundedCache;
use crate::concurrency::shares::Shares;
use crate::concurrency::single_flight::SingleFlight;

/// Look-ups of such names for one mount at a time.
const MAX_OF_MOUNT: usize = 8;
/// Look-ups of such names in all. Each takes a thread of the runtime, which has hundreds, so that those
/// of other names find one.
const MAX_IN_ALL: usize = 64;
/// How long a name without an address is not looked up again.
const FAILED_FOR: Duration = Duration::from_secs(5);
/// Names that are remembered, of those that had an address and of those that had none.
const MAX_NAMES: NonZeroUsize = NonZeroUsize::MIN.saturating_add(1023);

type Found = Result<(), Arc<io::Error>>;
type LookUp = dyn Fn(String) -> Pin<Box<dyn Future<Output = Found> + Send>> + Send + Sync;

/// A chosen name has no address. It is told as the connection would have.
#[derive(Debug, Error)]
#[error("dns error")]
pub(super) struct NoAddress(#[source] NotResolved);

/// What is known of chosen names.
pub(super) struct ChosenNames {
    look_up: Box<LookUp>,
    flights: SingleFlight<String, Found>,
    of_mount: Shares,
    in_all: Arc<Semaphore>,
    with_address: BoundedCache<String, ()>,
    without_address: Arc<BoundedCache<String, (Instant, Arc<io::Error>)>>,
}

impl std::fmt::Debug for ChosenNames {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ChosenNames")
    }
}

impl Default for ChosenNames {
    fn default() -> Self {
        // The port is set by whoever connects.
        Self::asking(|name| {
            Box::pin(async move { tokio::net::lookup_host((name, 0)).await.map(drop).map_err(Arc::new) })
        })
    }
}

impl ChosenNames {
    fn asking(
        look_up: impl Fn(String) -> Pin<Box<dyn Future<Output = Found> + Send>> + Send + Sync + 'static,
    ) -> Self {
        Self {
            look_up: Box::new(look_up),
            flights: SingleFlight::default(),
            of_mount: Shares::new(MAX_OF_MOUNT),
            in_all: Arc::new(Semaphore::new(MAX_IN_ALL)),
            with_address: BoundedCache::new(MAX_NAMES),
            without_address: Arc::new(BoundedCache::new(MAX_NAMES)),
        }
    }

    /// Whether a name that a client of a mount chose has an address. It may wait long.
    pub(super) async fn check(&self, name: &str, mount: &str) -> Result<(), NoAddress> {
        if self.with_address.get(name).is_some() {
            return Ok(());
        }
        let found = match self.flights.running(name) {
            Some(running) => running.await,
            None => self.find(name, mount).await,
        };
        if found.is_ok() {
            self.with_address.put(name.to_owned(), ());
        }
        found.map_err(|error| NoAddress(NotResolved::from(error)))
    }

    async fn find(&self, name: &str, mount: &str) -> Found {
        self.remembered(name)?;
        let closed = |error| Arc::new(io::Error::other(error));
        let of_mount = self.of_mount.take(mount).await.map_err(closed)?;
        let in_all = Arc::clone(&self.in_all).acquire_owned().await.map_err(closed)?;
        // Others may have asked meanwhile.
        self.remembered(name)?;
        let (look_up, failed) = ((self.look_up)(name.to_owned()), Arc::clone(&self.without_address));
        let key = name.to_owned();
        let work = async move {
            // The places are taken as long as the thread is, whoever still waits for it.
            let _places = (of_mount, in_all);
            let found = look_up.await;
            if let Err(error) = &found {
                failed.put(key, (Instant::now(), Arc::clone(error)));
            }
            found
        };
        self.flights.run_to_end(name.to_owned(), work).await
    }

    fn remembered(&self, name: &str) -> Found {
        let is_fresh = |(since, _): &(Instant, Arc<io::Error>)| {
            Instant::now().saturating_duration_since(*since) < FAILED_FOR
        };
        match self.without_address.get_if(name, is_fresh) {
            Some((_, error)) => Err(error),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use futures_util::future::join_all;
    use tokio::sync::Notify;

    use super::*;

    /// A name server that knows `sts.*`, denies `no.*` and has no answer to others until it is told.
    #[derive(Default)]
    struct NameServer {
        asked: Mutex<Vec<String>>,
        under_way: AtomicUsize,
        answer: Notify,
    }

    fn names() -> (Arc<NameServer>, Arc<ChosenNames>) {
        let server = Arc::new(NameServer::default());
        let asked = Arc::clone(&server);
        let names = ChosenNames::asking(move |name| {
            let server = Arc::clone(&asked);
            Box::pin(async move {
                server.asked.lock().unwrap().push(name.clone());
                server.under_way.fetch_add(1, Ordering::SeqCst);
                if !name.starts_with("sts.") && !name.starts_with("no.") {
                    server.answer.notified().await;
                }
                server.under_way.fetch_sub(1, Ordering::SeqCst);
                if name.starts_with("sts.") { Ok(()) } else { Err(Arc::new(io::Error::other("unknown"))) }
            })
        });
        (server, Arc::new(names))
    }

    async fn gives_up(names: &ChosenNames, name: &str, mount: &str) {
        let waiting = tokio::time::timeout(Duration::from_secs(5), names.check(name, mount)).await;
        assert!(waiting.is_err(), "{name}");
    }

    #[tokio::test(start_paused = true)]
    async fn invented_names_of_one_mount_take_a_few_places_and_none_of_others() {
        let (server, names) = names();
        let invented: Vec<String> = (0..620).map(|number| format!("slow.{number}")).collect();
        join_all(invented.iter().map(|name| gives_up(&names, name, "flooded"))).await;
        assert_eq!(server.under_way.load(Ordering::SeqCst), MAX_OF_MOUNT, "whoever gave up left nothing");
        assert_eq!(server.asked.lock().unwrap().len(), MAX_OF_MOUNT);
        names.check("sts.a", "other").await.unwrap();
        // What is known needs no place.
        names.check("sts.a", "flooded").await.unwrap();
        gives_up(&names, "sts.b", "flooded").await;
        // Many mounts together have a bound as well.
        let mounts: Vec<String> = (0..100).map(|number| format!("mount.{number}")).collect();
        join_all(mounts.iter().map(|mount| gives_up(&names, mount, mount))).await;
        assert_eq!(server.under_way.load(Ordering::SeqCst), MAX_IN_ALL);
    }

    #[tokio::test(start_paused = true)]
    async fn equal_names_are_looked_up_once() {
        let (server, names) = names();
        join_all((0..100).map(|_| gives_up(&names, "slow", "a"))).await;
        assert_eq!(*server.asked.lock().unwrap(), ["slow"]);
        let (found, ()) = tokio::join!(names.check("slow", "b"), async { server.answer.notify_waiters() });
        assert_eq!(found.unwrap_err().to_string(), "dns error");
        assert_eq!(*server.asked.lock().unwrap(), ["slow"]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_name_without_an_address_is_not_asked_for_again_for_some_seconds() {
        let (server, names) = names();
        for _ in 0..3 {
            assert!(names.check("no.1", "a").await.is_err());
        }
        assert_eq!(*server.asked.lock().unwrap(), ["no.1"]);
        tokio::time::advance(FAILED_FOR).await;
        assert!(names.check("no.1", "a").await.is_err());
        assert_eq!(server.asked.lock().unwrap().len(), 2);
        for _ in 0..3 {
            names.check("sts.1", "a").await.unwrap();
        }
        assert_eq!(server.asked.lock().unwrap().len(), 3);
    }
}
