//! What an attacker has seen on the wire.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use serde_json::Value;

/// So many are kept: those of the last minute, and some of before.
const ROOM: usize = 512;

/// A signed login of somebody else, and how often it gave a token.
pub(super) struct Capture {
    pub(super) login: Value,
    tokens: AtomicUsize,
}

impl Capture {
    /// Notes a token; whether it is the first one.
    pub(super) fn is_first_token(&self) -> bool {
        self.tokens.fetch_add(1, Ordering::SeqCst) == 0
    }
}

/// The captures that are kept.
#[derive(Default)]
pub(super) struct Captures(Mutex<VecDeque<Arc<Capture>>>);

impl Captures {
    /// Keeps a login that is about to be sent.
    pub(super) fn take(&self, login: Value) -> Arc<Capture> {
        let capture = Arc::new(Capture { login, tokens: AtomicUsize::new(0) });
        let mut kept = self.0.lock().unwrap();
        if kept.len() == ROOM {
            kept.pop_front();
        }
        kept.push_back(Arc::clone(&capture));
        capture
    }

    /// One of them: in turn the newest that gave a token, any that did, and any at all.
    pub(super) fn one(&self, number: usize) -> Option<Arc<Capture>> {
        let kept = self.0.lock().unwrap();
        let any = number % 3 == 2;
        let mut eligible = kept.iter().filter(|capture| any || capture.tokens.load(Ordering::SeqCst) > 0);
        let count = eligible.clone().count();
        let index =
            if number.is_multiple_of(3) { count.checked_sub(1)? } else { number.checked_rem(count)? };
        eligible.nth(index).map(Arc::clone)
    }
}
