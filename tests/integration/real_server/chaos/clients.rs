//! Honest clients: each signs anew for each try, asks one node after the other, and does not give up soon.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::arena::{Arena, Pauses, admits};

/// How long a client tries to log in. Longer than any fault lasts, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(90);

/// Logs in again and again until it is over.
pub(super) async fn log_in_again_and_again(arena: Arc<Arena>, client: usize) {
    let mut number = client;
    while !arena.is_over() {
        // Tokens of both kinds: only the service token is written by the host.
        log_in(&arena, client, number, ["dev", "batch"][number % 2]).await;
        number += 1;
    }
}

async fn log_in(arena: &Arena, client: usize, number: usize, role: &str) {
    let begun = Instant::now();
    let mut pauses = Pauses::new();
    for attempt in 0.. {
        let tried = Instant::now();
        let capture = arena.captures.take(arena.sign(&arena.alice.credentials, role));
        let outcome = arena.log_in(number + attempt, "aws", &capture.login).await;
        if outcome.as_ref().is_ok_and(admits) {
            if !capture.is_first_token() {
                arena.note_accepted_replays(1);
            }
            let time = begun.elapsed();
            arena.board.succeeded(client, begun);
            arena.board.count(|row| {
                row.logins += 1;
                row.slowest = row.slowest.max(time);
            });
            return;
        }
        arena.board.refused(client, tried);
        arena.board.count(|row| row.tries += 1);
        if begun.elapsed() > PATIENCE {
            arena.board.count(|row| row.failed += 1);
            arena.board.accident(format!("a login was given up after {PATIENCE:?}: {outcome:?}"));
            return;
        }
        pauses.pause().await;
    }
}
