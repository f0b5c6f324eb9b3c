//! The narrow openings through which the core reaches the world. Each is a small trait, so that
//! tests replace it.

mod clock;
mod random;
mod secret;
mod storage;
mod system_view;
#[cfg(test)]
pub(crate) mod testing;
mod transport;
mod world;

pub use clock::{Clock, SystemClock, unix_seconds};
pub use random::{Random, RandomError, SystemRandom, random_id, short_id};
pub use secret::Secret;
pub use storage::{Storage, StorageError};
pub use system_view::{IdentityToken, ReplicationState, RotationJob, SystemView, SystemViewError};
pub use transport::{HttpRequest, HttpResponse, Transport, TransportError, Way};
pub use world::World;
