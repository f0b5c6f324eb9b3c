//! The faults that a login meets, each planted: the first line that is told names it and who must act.
//!
//! What is told stands in `docs/faults.md`. After an intended change, `UPDATE_FAULTS=1 cargo test --test
//! integration faults` writes it anew; the difference is for the commit to show.

mod document;
mod inside;
mod organizations;
mod own_calls;
mod rotation;
mod scene;
mod sts;

use scene::{Row, Scene};

#[tokio::test(flavor = "multi_thread")]
async fn each_fault_of_aws_is_told_with_who_must_act() {
    let mut scene = Scene::open().await;
    let mut rows: Vec<Row> = Vec::new();
    rows.extend(sts::refused_requests(&mut scene).await);
    rows.extend(own_calls::of_sts(&mut scene).await);
    rows.extend(own_calls::of_identity_tokens().await);
    rows.extend(own_calls::of_iam(&mut scene).await);
    rows.extend(own_calls::of_ec2(&mut scene).await);
    rows.extend(organizations::rows(&mut scene).await);
    rows.extend(rotation::rows(&scene).await);
    rows.extend(sts::unreachable(&mut scene).await);
    rows.extend(inside::rows(&mut scene).await);
    rows.extend(document::mapped());
    document::compare(rows);
}
