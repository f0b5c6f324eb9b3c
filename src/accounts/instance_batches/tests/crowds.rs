//! Many logins that are on their way at the same time.

use super::super::batch::SHORTEST_CROWD_WINDOW;
use super::*;

/// Logins that begin now and ask one after the other; how long each waited for its answer, and its age when it
/// asked.
async fn crowd(
    scene: &Scene,
    size: u32,
    accounts: u32,
    asks_at: impl Fn(u32) -> Duration,
) -> Vec<[Duration; 2]> {
    let logins = (0..size).map(|number| {
        let (arrival, deadline, age) = (scene.arriving.set_out(), Deadline::start(), asks_at(number));
        async move {
            tokio::time::sleep(age).await;
            let (id, account) = (id(number), number.checked_rem(accounts).unwrap().to_string());
            let start = Instant::now();
            let wanted = Wanted { id: &id, caller: "AROA", arrival: Some(&arrival) };
            assert_own(&scene.describe_by(Scene::key(&account), wanted, deadline).await, &id);
            [start.elapsed(), age]
        }
    });
    // All of them are there before the first goes on.
    let logins: Vec<_> = logins.collect();
    join_all(logins).await
}

/// Five thousand instances of twenty accounts, at any speed of STS.
#[tokio::test(start_paused = true)]
async fn a_crowd_takes_few_calls_of_each_account() {
    for first in [50, 200, 1_000] {
        for spread in [0, 100, 500, 1_000] {
            let scene = Scene::answering(EC2_LATENCY);
            let start = Instant::now();
            let first = Duration::from_millis(first);
            let waits =
                crowd(&scene, 5_000, 20, |number| first + Duration::from_micros(spread) * number).await;
            let last = first + Duration::from_micros(spread) * 5_000;
            let end = start.elapsed();
            assert!(end <= last + LONGEST_WINDOW + EC2_LATENCY * 2, "{end:?} for {last:?}");
            let sizes = scene.sizes();
            assert_eq!(sizes.iter().sum::<usize>(), 5_000);
            // Three full ones would be enough; each further one doubles the time that has passed.
            let doublings = std::iter::successors(Some(first), |time| Some(*time * 2));
            let most = 20 * (3 + doublings.take_while(|time| *time < last).count());
            assert!(sizes.len() <= most, "{} calls from {first:?} to {last:?}", sizes.len());
            for [waited, age] in waits {
                assert!(
                    waited <= (age * 2).max(SHORTEST_CROWD_WINDOW) + EC2_LATENCY * 2,
                    "{waited:?} at {age:?}"
                );
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_batch_goes_when_nobody_is_on_the_way_any_more() {
    let scene = Scene::answering(EC2_LATENCY);
    let at = |number| Duration::from_millis(if number == 0 { 2_000 } else { 2_300 });
    let waits = crowd(&scene, 150, 150, at).await;
    assert_eq!(waits[0][0], Duration::from_millis(300) + EC2_LATENCY);
    assert!(waits[1..].iter().all(|[waited, _]| *waited == EC2_LATENCY), "{waits:?}");
}

/// A login among few others waits for none of them, however long each has been under way.
#[tokio::test(start_paused = true)]
async fn a_few_are_no_crowd() {
    let scene = Scene::answering(EC2_LATENCY);
    let waits =
        crowd(&scene, 100, 100, |number| Duration::from_millis(1_000 + 200 * u64::from(number))).await;
    assert!(waits.iter().all(|[waited, _]| *waited == EC2_LATENCY), "{waits:?}");
}

#[tokio::test(start_paused = true)]
async fn a_crowd_that_comes_late_is_answered_in_time() {
    let scene = Scene::answering(EC2_LATENCY);
    let at = |number| Duration::from_millis(25_000 + u64::from(number));
    for [waited, _] in crowd(&scene, 500, 20, at).await {
        assert!(waited < Duration::from_secs(2), "{waited:?}");
    }
}

/// Five thousand instances of twenty accounts that come in waves: between two of them nobody is on the way.
#[tokio::test(start_paused = true)]
async fn a_crowd_that_comes_in_waves_takes_few_calls_of_each_account() {
    for [pause, length] in
        [[100, 20], [200, 20], [50, 50], [200, 50]].map(|wave| wave.map(Duration::from_millis))
    {
        let scene = Scene::answering(EC2_LATENCY);
        let waves = (0..10).map(|wave| {
            let scene = &scene;
            async move {
                tokio::time::sleep((pause + length) * wave).await;
                let asks_at = |number: u32| length / 2 + length * number / 1_000;
                let logins = (0..500).map(|number| {
                    let (arrival, deadline) = (scene.arriving.set_out(), Deadline::start());
                    async move {
                        tokio::time::sleep(asks_at(number)).await;
                        let (id, account) = (id(wave * 500 + number), (number % 20).to_string());
                        let wanted = Wanted { id: &id, caller: "AROA", arrival: Some(&arrival) };
                        assert_own(&scene.describe_by(Scene::key(&account), wanted, deadline).await, &id);
                    }
                });
                let logins: Vec<_> = logins.collect();
                join_all(logins).await;
            }
        });
        join_all(waves).await;
        let sizes = scene.sizes();
        assert_eq!(sizes.iter().sum::<usize>(), 5_000);
        let windows = ((pause + length) * 10).div_duration_f64(SHORTEST_CROWD_WINDOW).ceil();
        let most = 20.0 * f64::max(3.0, windows + 1.0);
        assert!(
            f64::from(u32::try_from(sizes.len()).unwrap()) <= most,
            "{} calls, at most {most}",
            sizes.len()
        );
    }
}
