//! Latency and processor time of logins against the number of clients and of roles.

use std::path::Path;

use crate::driver::Part;
use crate::login::Logins;
use crate::subject::{Cost, ROLE, Subject};
use crate::{Bench, progress};
use testkit::statistics::median;

/// Clients at the same time.
const CLIENTS: [usize; 7] = [1, 2, 4, 8, 16, 32, 64];

/// What depends on a number.
#[derive(Clone, Debug)]
pub(crate) struct Curve {
    /// Name of the file, and in JSON.
    pub id: &'static str,
    /// What the number is.
    pub of: &'static str,
    /// Points of the plugin.
    pub points: Vec<Point>,
    /// Points of the other one.
    pub others: Option<Vec<Point>>,
}

/// What a login costs at a number.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Point {
    /// The number.
    pub number: usize,
    /// The costs.
    pub cost: Cost,
}

/// Both curves; the plugins in turn, each point the median of the rounds.
pub(crate) async fn measure(bench: &Bench) -> Vec<Curve> {
    let mut roles = vec![1];
    roles.extend((1..).map(|power| 10_usize.pow(power)).take_while(|number| *number <= bench.options.roles));
    let mut clients: Vec<[Vec<Point>; 2]> = vec![Default::default(); CLIENTS.len()];
    let mut role_points: Vec<[Vec<Point>; 2]> = vec![Default::default(); roles.len()];
    let binaries: Vec<&Path> =
        std::iter::once(&bench.options.plugin).chain(&bench.options.other).map(AsRef::as_ref).collect();
    let rounds = bench.options.few_rounds();
    for round in 1..=rounds {
        progress(&format!("curves: round {round} of {rounds}"));
        for (index, number) in CLIENTS.into_iter().enumerate() {
            for (which, binary) in binaries.iter().enumerate() {
                let subject = Subject::open(bench, binary).await;
                clients[index][which].push(point(bench, &subject, number, number).await);
            }
        }
        for (index, number) in roles.iter().copied().enumerate() {
            for (which, binary) in binaries.iter().enumerate() {
                let subject = Subject::with_roles(bench, binary, number).await;
                role_points[index][which].push(point(bench, &subject, number, bench.options.clients).await);
            }
        }
    }
    vec![
        curve(bench, "clients", "clients at the same time", &clients),
        curve(bench, "roles", "roles", &role_points),
    ]
}

/// Costs of the logins of so many clients.
async fn point(bench: &Bench, subject: &Subject, number: usize, clients: usize) -> Point {
    let logins = Logins::of_role(ROLE);
    subject.warm_up(&logins, clients).await;
    Point { number, cost: subject.cost(&logins, Part::Whole, clients, bench.options.logins).await }
}

fn curve(bench: &Bench, id: &'static str, of: &'static str, rounds: &[[Vec<Point>; 2]]) -> Curve {
    let middle = |points: &[Point]| {
        let of = |part: fn(&Cost) -> f64| {
            median(&points.iter().map(|point| part(&point.cost)).collect::<Vec<_>>())
        };
        let cost =
            Cost { cpu: of(|cost| cost.cpu), median: of(|cost| cost.median), p99: of(|cost| cost.p99) };
        Point { number: points[0].number, cost }
    };
    let points = |which: usize| rounds.iter().map(|point| middle(&point[which])).collect();
    Curve { id, of, points: points(0), others: bench.options.other.as_ref().map(|_| points(1)) }
}
