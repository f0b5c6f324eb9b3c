//! The property of signed logins: any change to what a signature covers is refused, and no other
//! change ever alters who is admitted.
//!
//! Both halves are one statement: whoever is admitted signed exactly what the request still says in the
//! parts a signature covers. Those parts are the method, the body, the path, the query, the host, the
//! values of the signed headers, and Credential, SignedHeaders and Signature themselves. The generator
//! combines changes of these with changes of everything else: unsigned headers, names in another case,
//! order, the ways to write the fields, and the parts of the URL that are not sent.
//!
//! What SigV4 itself makes equal before it signs is not a change: a path that is the root after `.`,
//! `..` and doubled slashes are taken out; runs of blanks in a header's value, and blanks around it; the
//! order and the escapes of query parameters; blanks around the parts of an Authorization header. Host
//! and Content-Length among the headers are not changes either: the server computes both itself, the
//! one from the URL, the other from the body. Nor is the body of a GET that is signed in a header: it
//! is not sent.
//!
//! Cases come from a fixed seed. One plugin process and one stand-in serve all of them.

mod changes;
mod signed_login;

use std::cell::Cell;

use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestRng, TestRunner};
use serde_json::json;

use crate::login_scene::{Admission, LoginScene, outcome};
use changes::{Change, change};
use signed_login::{Covered, SignedLogin};
use testkit::aws::{Credentials, LoginOptions};
use testkit::host::Mount;

/// Cases of each form of the signature.
const CASES: u32 = 300;
/// Changes of one case at the most.
const MAX_CHANGES: usize = 4;
/// The value the mount wants, signed.
const SERVER_ID: &str = "vault.example.com";

/// A principal's good login, what its signature covers, and who it admits.
struct Baseline {
    login: SignedLogin,
    covered: Covered,
    admission: Admission,
}

/// One shape of a login, signed by two principals.
struct Shape {
    victim: Baseline,
    /// The other one lends parts of its own login.
    other: Baseline,
}

#[test]
fn a_post_admits_only_whom_it_was_signed_by() {
    check(&[LoginOptions::vault_cli(), LoginOptions::hvac(), LoginOptions::boto3()]);
}

#[test]
fn a_presigned_get_admits_only_whom_it_was_signed_by() {
    check(&[LoginOptions::presigned_get()]);
}

#[test]
fn a_get_signed_in_a_header_admits_only_whom_it_was_signed_by() {
    check(&[LoginOptions::curl_get()]);
}

fn check(forms: &[LoginOptions]) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let (scene, open_mount, shapes) = runtime.block_on(prepare(forms));
    let pid = scene.host.pid();
    let config = Config { cases: CASES, failure_persistence: None, ..Config::default() };
    let mut runner = TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha));
    let (admitted, covered) = (Cell::new(0_u32), Cell::new(0_u32));
    let case = (0..shapes.len(), any::<bool>(), prop::collection::vec(change(), 1..=MAX_CHANGES));
    let result = runner.run(&case, |(shape, wants_server_id, changes)| {
        let shape = &shapes[shape];
        let login = changed(shape, &changes);
        let seen = login.covered();
        let mount = if wants_server_id { &scene.mount } else { &open_mount };
        let answer = runtime.block_on(mount.login_only(&login.data()));
        let alive = scene.host.plugin().process.is_running();
        prop_assert!(alive, "the process has ended");
        if seen != shape.victim.covered {
            covered.set(covered.get() + 1);
        }
        let Some(admission) = outcome(&answer) else { return Ok(()) };
        admitted.set(admitted.get() + 1);
        match [&shape.victim, &shape.other].into_iter().find(|signer| signer.covered == seen) {
            Some(signer) => {
                prop_assert_eq!(admission, signer.admission.clone(), "somebody else was admitted");
                Ok(())
            }
            None => Err(TestCaseError::fail(format!("admitted, but nobody signed {seen:#?}"))),
        }
    });
    result.unwrap_or_else(|error| panic!("{error}"));
    // The cases are about something: many change what is covered, and many others are good logins.
    assert!(covered.get() > CASES / 4, "{} covered changes", covered.get());
    assert!(admitted.get() > CASES / 10, "{} admissions", admitted.get());
    assert_eq!(scene.host.pid(), pid);
}

fn changed(shape: &Shape, changes: &[Change]) -> SignedLogin {
    let mut login = shape.victim.login.clone();
    for change in changes {
        change.apply(&mut login, &shape.other.login);
    }
    login
}

/// The mount of the scene wants its server id, the other one leaves more to AWS.
async fn prepare(forms: &[LoginOptions]) -> (LoginScene, Mount, Vec<Shape>) {
    let scene = LoginScene::open().await;
    let open_mount = scene.further_mount("open", &json!({})).await;
    scene.configure(&scene.mount, &json!({"iam_server_id_header_value": SERVER_ID})).await;
    let [app, job] = ["App", "Job"].map(|name| scene.aws.create_role(name));
    let mallory = scene.aws.create_user("mallory");
    let principals = [&scene.alice.arn, &mallory.arn, &app.arn, &job.arn];
    for role in ["role/dev", "role/ops"] {
        for mount in [&scene.mount, &open_mount] {
            mount.write(role, &json!({"bound_iam_principal_arn": principals})).await.expect(204);
        }
    }
    let sessions = [(&app, "one"), (&job, "two")].map(|(role, name)| scene.aws.session(role, name));
    let pairs = [
        [&scene.alice.credentials, &mallory.credentials],
        [&sessions[0].credentials, &sessions[1].credentials],
    ];
    // One date for all: then each part of a login fits into the other's.
    let date = scene.aws.now();
    let mut shapes = Vec::new();
    for form in forms {
        let options = form.clone().server_id(SERVER_ID).date(date).role("dev");
        for [victim, other] in pairs {
            let victim = baseline(&scene, victim, &options).await;
            let other = baseline(&scene, other, &options).await;
            assert_ne!(victim.admission, other.admission);
            assert_ne!(victim.covered, other.covered);
            shapes.push(Shape { victim, other });
        }
    }
    (scene, open_mount, shapes)
}

async fn baseline(scene: &LoginScene, credentials: &Credentials, options: &LoginOptions) -> Baseline {
    let login = SignedLogin::sign(credentials, options);
    let admission = scene.admitted(&login.data()).await;
    Baseline { covered: login.covered(), login, admission }
}
