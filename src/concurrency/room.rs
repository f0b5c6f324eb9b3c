//! Room for work that waits for somebody else.

use tokio::sync::{Semaphore, SemaphorePermit};

/// Lets only so many go on at the same time; the others wait for their turn in the order of coming. Only so
/// many are in it, and only so many bytes with them. Whoever finds no room is told at once: a queue without
/// bounds would hold what the room is to bound.
pub struct Room {
    places: Semaphore,
    bytes: Semaphore,
    turns: Semaphore,
}

/// How large a [`Room`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    /// Those who are in it, whether or not they have their turn.
    pub places: usize,
    /// What they bring together, in bytes.
    pub bytes: usize,
    /// Those who go on at the same time.
    pub turns: usize,
}

/// A place in a [`Room`], until it is dropped.
pub struct Place<'a> {
    room: &'a Room,
    _held: [SemaphorePermit<'a>; 2],
}

/// Leave to go on, until it is dropped.
pub struct Turn<'a> {
    _turn: Option<SemaphorePermit<'a>>,
}

impl Room {
    /// A room of this size.
    #[must_use]
    pub const fn new(size: Size) -> Self {
        Self {
            places: Semaphore::const_new(size.places),
            bytes: Semaphore::const_new(size.bytes),
            turns: Semaphore::const_new(size.turns),
        }
    }

    /// Whether somebody with so many bytes would find a place now.
    #[must_use]
    pub fn has_place(&self, bytes: usize) -> bool {
        self.places.available_permits() > 0 && self.bytes.available_permits() >= bytes
    }

    /// A place for somebody with so many bytes; `None` if there is no room.
    #[must_use]
    pub fn enter(&self, bytes: usize) -> Option<Place<'_>> {
        let place = self.places.try_acquire().ok()?;
        let bytes = self.bytes.try_acquire_many(u32::try_from(bytes).ok()?).ok()?;
        Some(Place { room: self, _held: [place, bytes] })
    }
}

impl Place<'_> {
    /// Waits for the turn.
    pub async fn turn(&self) -> Turn<'_> {
        // Nobody closes it.
        Turn { _turn: self.room.turns.acquire().await.ok() }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    #[test]
    fn there_is_room_for_so_many_and_so_much() {
        let room = Room::new(Size { places: 2, bytes: 10, turns: 1 });
        let first = room.enter(6);
        assert!(first.is_some());
        assert!(room.enter(5).is_none(), "too much");
        let second = room.enter(4);
        assert!(second.is_some(), "what found no room took none");
        assert!(room.enter(0).is_none(), "too many");
        assert!(!room.has_place(0));
        drop(first);
        assert!(room.has_place(6) && !room.has_place(7));
        assert!(room.enter(6).is_some());
        assert!(room.enter(usize::MAX).is_none());
    }

    #[tokio::test]
    async fn so_many_go_on_and_the_others_in_their_turn() {
        let room = Room::new(Size { places: 9, bytes: 9, turns: 1 });
        let places: Vec<_> = (0..3).filter_map(|_| room.enter(1)).collect();
        let first = places[0].turn().now_or_never();
        let mut second = Box::pin(places[1].turn());
        let mut third = Box::pin(places[2].turn());
        assert!(first.is_some());
        assert!((&mut second).now_or_never().is_none() && (&mut third).now_or_never().is_none());
        drop(first);
        assert!((&mut third).now_or_never().is_none());
        let second = second.now_or_never();
        assert!(second.is_some());
        drop(second);
        assert!(third.now_or_never().is_some());
    }
}
