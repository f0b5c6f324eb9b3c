//! Chaos: three servers under load while one thing after the other fails. Whatever fails, nobody gets in who may not,
//! no used request is used again where single use is on, what was acknowledged is there, and who may log in does so
//! in the end.
//!
//! With `CHAOS=full` each fault happens many times, for at least [`FULL`], and the counts are printed; with another
//! value once, and they are printed as well.

mod arena;
mod attackers;
mod captures;
mod clients;
mod counts;
mod faults;
mod operators;
mod scene;

use std::io::Write as _;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use faults::{Fault, logins_go_on};
use operators::Ledger;
use scene::{CLIENTS, ChaosScene};
use testkit::server::on_each_server;

on_each_server! {
    ChaosScene:
    whatever_fails_nobody_wrong_gets_in_and_nothing_is_lost,
}

/// How long the full form lasts at least.
const FULL: Duration = Duration::from_secs(600);

/// How long clients may take to come to an end.
const END: Duration = Duration::from_secs(120);

async fn whatever_fails_nobody_wrong_gets_in_and_nothing_is_lost(mut scene: ChaosScene) {
    let form = std::env::var("CHAOS").ok();
    let full = form.as_deref() == Some("full");
    let begun = Instant::now();
    let arena = Arc::clone(&scene.arena);
    let ledger = Arc::new(Ledger::default());
    let mut load = start_load(&arena, &ledger);
    let mut checked = 0;
    let mut skipped = Vec::new();
    loop {
        for fault in Fault::ALL {
            if skipped.contains(&fault) {
                continue;
            }
            let struck = Instant::now();
            arena.board.enter(fault.name());
            if let Err(reason) = fault.happen(&mut scene, if full { 10 } else { 2 }).await {
                say(&format!("skipped: {:?}: {}: {reason}", scene.flavor, fault.name()));
                skipped.push(fault);
                continue;
            }
            let leader = scene.recover().await;
            logins_go_on(&arena).await;
            checked = ledger.check(&arena, leader, checked).await;
            arena.board.count(|row| {
                row.rounds += 1;
                row.time += struck.elapsed();
            });
            assert_eq!(arena.board.accidents(), [""; 0], "{}\n{}", fault.name(), arena.board.table());
        }
        if !full || begun.elapsed() > FULL {
            break;
        }
    }

    arena.over.store(true, Ordering::Relaxed);
    let ended = tokio::time::timeout(END, async {
        while let Some(task) = load.join_next().await {
            task.unwrap();
        }
    });
    ended.await.expect("the load comes to an end");
    for node in 0..arena.nodes.len() {
        ledger.check(&arena, node, 0).await;
    }
    if form.is_some() {
        let single_use = if arena.single_use { "on" } else { "off" };
        say(&format!("{:?}, single use {single_use}\n{}", scene.flavor, arena.board.table()));
    }
    let total = arena.board.total();
    assert_eq!(arena.board.accidents(), [""; 0]);
    assert_eq!((total.wrong_admissions, total.failed, total.lost_writes), (0, 0, 0));
    assert!(total.replays_accepted == 0 || !arena.single_use, "{} replays accepted", total.replays_accepted);
    assert!(total.logins > 0 && total.attacks > 0 && total.replays > 0 && total.writes > 0);
}

fn start_load(arena: &Arc<arena::Arena>, ledger: &Arc<Ledger>) -> JoinSet<()> {
    let mut load = JoinSet::new();
    for client in 0..CLIENTS {
        load.spawn(clients::log_in_again_and_again(Arc::clone(arena), client));
    }
    load.spawn(attackers::attack_again_and_again(Arc::clone(arena)));
    load.spawn(attackers::replay_again_and_again(Arc::clone(arena)));
    load.spawn(attackers::race_again_and_again(Arc::clone(arena)));
    load.spawn(operators::write_again_and_again(Arc::clone(arena), Arc::clone(ledger)));
    load
}

/// Written past the test harness, which hides what a passing test prints.
fn say(text: &str) {
    std::io::stderr().lock().write_all(format!("{text}\n").as_bytes()).unwrap();
}
