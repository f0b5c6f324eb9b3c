//! Ids that are of no instance, in any number.

use std::collections::HashSet;

use super::*;

/// EC2 that knows these ids alone, and names the others when it refuses a call, or does not.
struct Known {
    names_others: bool,
    ids: Arc<Mutex<HashSet<String>>>,
}

impl Known {
    fn scene(names_others: bool, ids: impl IntoIterator<Item = u32>) -> (Scene, Arc<Mutex<HashSet<String>>>) {
        let ids = Arc::new(Mutex::new(ids.into_iter().map(id).collect()));
        let known = Self { names_others, ids: Arc::clone(&ids) };
        (Scene::new(EC2_LATENCY, move |asked| known.answer(asked)), ids)
    }

    fn answer(&self, asked: &[String]) -> (u16, String) {
        let known = self.ids.lock().unwrap();
        let others: Vec<&str> = asked.iter().filter(|id| !known.contains(*id)).map(String::as_str).collect();
        let message = match others[..] {
            [] => return (200, described(asked)),
            [_, ..] if !self.names_others => "One of the instance IDs does not exist".to_owned(),
            [one] => format!("The instance ID '{one}' does not exist"),
            _ => format!("The instance IDs '{}' do not exist", others.join(", ")),
        };
        (400, error("InvalidInstanceID.NotFound", &message))
    }
}

#[tokio::test(start_paused = true)]
async fn an_unknown_id_is_the_trouble_of_its_own_login_alone() {
    let bad = id(0xbad);
    for (code, message) in [
        ("InvalidInstanceID.NotFound", format!("The instance ID '{bad}' does not exist")),
        ("InvalidInstanceID.Malformed", format!("Invalid id: \"{bad}\"")),
    ] {
        let scene = Scene::new(EC2_LATENCY, {
            let (bad, message) = (bad.clone(), message.clone());
            move |ids| if ids.contains(&bad) { (400, error(code, &message)) } else { (200, described(ids)) }
        });
        let (first, third) = (id(1), id(3));
        let answers = three(&scene, [&first, &bad, &third]).await;
        assert_own(&answers[0], &first);
        assert_own(&answers[2], &third);
        let text = answers[1].as_ref().unwrap_err().to_string();
        assert_eq!(text, format!("{code}: {message}\n\tstatus code: 400, request id: r"));
        assert_eq!(scene.sizes(), [1, 3, 2]);
        let counted = scene.calls.status().remove(0);
        assert_eq!((counted.counts.calls, counted.counts.errors), (3, 1));
        assert!(counted.budget.unwrap().remaining < 49, "each call was paid for");
    }
}

#[tokio::test(start_paused = true)]
async fn an_id_that_no_instance_can_have_is_not_asked_for() {
    let scene = Scene::answering(EC2_LATENCY);
    let (first, third) = (id(1), id(3));
    let answers = three(&scene, [&first, "laptop", &third]).await;
    assert_own(&answers[0], &first);
    assert_own(&answers[2], &third);
    assert_eq!(
        answers[1].as_ref().unwrap_err().to_string(),
        "InvalidInstanceID.Malformed: Invalid id: \"laptop\" (expecting \"i-...\")\n\tstatus code: 400, request id: "
    );
    assert_eq!(scene.sizes(), [1, 2]);
}

#[track_caller]
fn assert_unknown(answer: &Answer, text: &str) {
    let wanted = format!("InvalidInstanceID.NotFound: {text}\n\tstatus code: 400, request id: r");
    assert_eq!(answer.as_ref().unwrap_err().to_string(), wanted);
}

fn own_text(number: u32) -> String {
    format!("The instance ID '{}' does not exist", id(number))
}

/// The calls that a hundred ids take that are asked for together, of which some are of no instance.
async fn calls_of_a_hundred(names_others: bool, unknown: &[u32]) -> usize {
    let (scene, _) = Known::scene(names_others, (0..100).filter(|number| !unknown.contains(number)));
    let ids: Vec<String> = (0..100).map(id).collect();
    let answers = join_all(ids.iter().map(|id| scene.describe(id))).await;
    for (number, answer) in (0..100).zip(&answers) {
        match (unknown.contains(&number), names_others) {
            (false, _) => assert_own(answer, &id(number)),
            (true, true) => assert_unknown(answer, &own_text(number)),
            (true, false) => assert_unknown(answer, "One of the instance IDs does not exist"),
        }
    }
    assert_eq!(scene.sizes()[0], 100);
    scene.sizes().len()
}

#[tokio::test(start_paused = true)]
async fn an_unknown_id_that_ec2_names_costs_one_more_call() {
    for unknown in [0, 1, 49, 50, 98, 99] {
        assert_eq!(calls_of_a_hundred(true, &[unknown]).await, 2, "{unknown}");
    }
    assert_eq!(calls_of_a_hundred(true, &[0, 7, 50, 99]).await, 2);
    // So many names are more than is kept of a message.
    assert_eq!(calls_of_a_hundred(true, &(0..100).collect::<Vec<_>>()).await, 2);
}

/// Whoever is known must be in a call that succeeds, so a sequence of calls that ends the search ends with a success: of
/// `n` calls after the first there are 2^(n - 1) such sequences, and each stands for one place of the unknown id. For a
/// hundred places seven are too few, and with eight at most 28 places take fewer.
#[tokio::test(start_paused = true)]
async fn an_unknown_id_that_ec2_does_not_name_is_found_by_as_few_halves_as_can_be() {
    let mut fewer = 0;
    for unknown in 0..100 {
        let calls = calls_of_a_hundred(false, &[unknown]).await;
        assert!(calls <= 1 + 8, "{calls} for {unknown}");
        fewer += u32::from(calls < 1 + 8);
    }
    assert!(fewer >= 28, "{fewer}");
    let calls = calls_of_a_hundred(false, &[3, 4, 60, 99]).await;
    assert!(calls <= 4 * 10, "{calls}");
}

#[tokio::test(start_paused = true)]
async fn a_known_id_is_never_refused_whatever_others_are_unknown() {
    for seed in 1..200_u32 {
        let is_unknown = |number: u32| number.wrapping_mul(seed).wrapping_add(seed * seed) % 37 < seed % 12;
        let unknown: Vec<u32> = (0..100).filter(|number| is_unknown(*number)).collect();
        calls_of_a_hundred(seed % 2 == 0, &unknown).await;
    }
}

#[tokio::test(start_paused = true)]
async fn an_unknown_id_is_kept_out_of_batches_and_found_when_it_appears() {
    let (scene, known) = Known::scene(true, 0..100);
    let late = id(500);
    assert_unknown(&scene.describe(&late).await, &own_text(500));
    // Who asks again soon gets the same answer, at once and without a call.
    let start = Instant::now();
    assert_unknown(&scene.describe_after(2_000, &late).await, &own_text(500));
    assert_eq!((start.elapsed(), scene.sizes()), (Duration::from_secs(2), vec![1]));
    // Then it is asked for alone, once.
    tokio::time::sleep(Duration::from_secs(2)).await;
    let ids: Vec<String> = (0..30).map(id).collect();
    let others = ids
        .iter()
        .map(|id| scene.describe_of(Scene::key("1"), Wanted { id, caller: "other", arrival: None }));
    let again = join_all((0..5).map(|_| scene.describe(&late)));
    let (again, others) = tokio::join!(again, join_all(others));
    for answer in &again {
        assert_unknown(answer, &own_text(500));
    }
    for (answer, id) in others.iter().zip(&ids) {
        assert_own(answer, id);
    }
    let with_late = |scene: &Scene| {
        let calls = scene.ec2.calls.lock().unwrap();
        calls.iter().filter(|(ids, _)| ids.contains(&late)).map(|(ids, _)| ids.len()).collect::<Vec<_>>()
    };
    assert_eq!((with_late(&scene), scene.sizes().len()), (vec![1, 1], 3));
    known.lock().unwrap().insert(late.clone());
    assert_own(&scene.describe_after(3_500, &late).await, &late);
    // It is like any other again.
    let (first, second) = tokio::join!(scene.describe(&late), scene.describe_after(60_000, &late));
    assert_own(&first, &late);
    assert_own(&second, &late);
    tokio::time::sleep(LONGEST_WINDOW).await;
    assert!(scene.is_forgotten());
}

/// What became of a hundred logins of many principals, two a second, during a storm of sixty a second.
struct Outcome {
    slowest: Duration,
    calls: usize,
    refused_of_storm: Vec<String>,
}

async fn storm(scene: &Scene, name: impl Fn(u32) -> String) -> Outcome {
    let attack = (0..3_000_u32).map(|number| {
        let name = name(number);
        async move {
            tokio::time::sleep(Duration::from_micros(16_667 * u64::from(number))).await;
            let answer = scene
                .describe_of(Scene::key("1"), Wanted { id: &name, caller: "AROASTORM", arrival: None })
                .await;
            answer.unwrap_err().to_string()
        }
    });
    let honest = (0..100_u32).map(|number| async move {
        tokio::time::sleep(Duration::from_millis(500 * u64::from(number))).await;
        let start = Instant::now();
        let (id, caller) = (id(number), format!("AROA{}", number % 7));
        let wanted = Wanted { id: &id, caller: &caller, arrival: None };
        assert_own(&scene.describe_of(Scene::key("1"), wanted).await, &id);
        start.elapsed()
    });
    let (refused_of_storm, times) = tokio::join!(join_all(attack), join_all(honest));
    Outcome { slowest: times.into_iter().max().unwrap(), calls: scene.sizes().len(), refused_of_storm }
}

#[tokio::test(start_paused = true)]
async fn a_storm_of_names_that_are_no_ids_costs_others_nothing() {
    let (scene, _) = Known::scene(true, 0..100);
    let outcome = storm(&scene, |number| format!("session-{number}")).await;
    assert_eq!((outcome.calls, outcome.slowest), (100, EC2_LATENCY));
    for text in outcome.refused_of_storm {
        assert!(text.starts_with("InvalidInstanceID.Malformed: Invalid id: \"session-"), "{text}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_storm_of_unknown_ids_of_one_principal_keeps_nobody_else_waiting() {
    for names_others in [true, false] {
        let (scene, _) = Known::scene(names_others, 0..100);
        let outcome = storm(&scene, |number| id(10_000 + number)).await;
        assert!(outcome.slowest < Duration::from_secs(1), "{:?} {names_others}", outcome.slowest);
        if names_others {
            assert!(outcome.calls < 400, "{}", outcome.calls);
            assert!(outcome.refused_of_storm.iter().all(|text| text.contains("does not exist")));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_storm_of_one_unknown_id_costs_a_call_every_few_seconds() {
    let (scene, _) = Known::scene(true, 0..100);
    let outcome = storm(&scene, |_| id(10_000)).await;
    assert!(outcome.slowest <= EC2_LATENCY * 2, "{:?}", outcome.slowest);
    assert!(outcome.calls <= 100 + 50 / 3 + 2, "{}", outcome.calls);
}

/// Identity documents of instances that are gone, sent again and again beside three hundred logins.
#[tokio::test(start_paused = true)]
async fn documents_of_instances_that_are_gone_do_not_cost_batches() {
    let (scene, _) = Known::scene(true, 0..300);
    let scene = &scene;
    let gone = (0..220_u32).map(|number| async move {
        tokio::time::sleep(Duration::from_millis(14 * u64::from(number))).await;
        let id = id(10_000 + number % 22);
        let caller = format!("1/{id}");
        scene
            .describe_of(Scene::key("1"), Wanted { id: &id, caller: &caller, arrival: None })
            .await
            .unwrap_err();
    });
    let honest = (0..300_u32).map(|number| async move {
        tokio::time::sleep(Duration::from_millis(10 * u64::from(number))).await;
        let start = Instant::now();
        let id = id(number);
        let caller = format!("1/{id}");
        assert_own(
            &scene.describe_of(Scene::key("1"), Wanted { id: &id, caller: &caller, arrival: None }).await,
            &id,
        );
        start.elapsed()
    });
    let (_, times) = tokio::join!(join_all(gone), join_all(honest));
    let slowest = times.into_iter().max().unwrap();
    assert!(slowest < Duration::from_millis(500), "{slowest:?}");
    let calls = scene.sizes().len();
    assert!(calls <= 50, "{calls}");
}

#[tokio::test(start_paused = true)]
async fn accounts_do_not_wait_for_each_other() {
    let (scene, _) = Known::scene(true, 0..100);
    let scene = &scene;
    let storm = (0..2_000_u32).map(|number| async move {
        let (id, caller) = (id(10_000 + number), format!("AROA{number}"));
        let _ = scene.describe_of(Scene::key("1"), Wanted { id: &id, caller: &caller, arrival: None }).await;
    });
    let honest = async {
        tokio::time::sleep(Duration::from_millis(1)).await;
        for number in 0..10 {
            let start = Instant::now();
            let id = id(number);
            assert_own(&scene.describe_for(Scene::key("2"), &id).await, &id);
            assert!(start.elapsed() <= EC2_LATENCY + Duration::from_millis(10), "{:?}", start.elapsed());
        }
    };
    tokio::join!(join_all(storm), honest);
}
