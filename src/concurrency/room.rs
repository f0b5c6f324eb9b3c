//! Room for work that waits for somebody else.

use tokio::sync::{Semaphore, SemaphorePermit};

/// Lets in only so many at a time, and only so many bytes with them. Whoever finds no room is told at
/// once: a queue would hold what the room is to bound.
pub struct Room {
    places: Semaphore,
    bytes: Semaphore,
}

/// A place in a [`Room`], until it is dropped.
pub struct Place<'a> {
    _place: SemaphorePermit<'a>,
    _bytes: SemaphorePermit<'a>,
}

impl Room {
    /// A room for so many, who together bring at most so many bytes.
    #[must_use]
    pub const fn new(places: usize, bytes: usize) -> Self {
        Self { places: Semaphore::const_new(places), bytes: Semaphore::const_new(bytes) }
    }

    /// A place for somebody with so many bytes; `None` if there is no room.
    #[must_use]
    pub fn enter(&self, bytes: usize) -> Option<Place<'_>> {
        let place = self.places.try_acquire().ok()?;
        let bytes = self.bytes.try_acquire_many(u32::try_from(bytes).ok()?).ok()?;
        Some(Place { _place: place, _bytes: bytes })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_room_for_so_many_and_so_much() {
        let room = Room::new(2, 10);
        let first = room.enter(6);
        assert!(first.is_some());
        assert!(room.enter(5).is_none(), "too much");
        let second = room.enter(4);
        assert!(second.is_some(), "what found no room took none");
        assert!(room.enter(0).is_none(), "too many");
        drop(first);
        assert!(room.enter(6).is_some());
        assert!(room.enter(usize::MAX).is_none());
    }
}
