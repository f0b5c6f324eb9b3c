//! The reckoning of the load bench.

use std::time::Duration;

use super::*;

#[test]
fn medians_and_percentiles_are_values_of_the_middle_and_of_the_rank() {
    assert!(median(&[]).is_nan() && percentile(&[], 99.0).is_nan());
    assert_eq!([median(&[3.0, 1.0, 2.0]), median(&[4.0, 1.0, 2.0, 3.0])], [2.0, 2.5]);
    let hundred: Vec<f64> = (1..=100).rev().map(as_f64).collect();
    assert_eq!(
        [50.0, 99.0, 99.5, 100.0].map(|percent| percentile(&hundred, percent)),
        [50.0, 99.0, 100.0, 100.0]
    );
    assert_eq!(percentile(&[7.0], 99.0), 7.0);
}

#[test]
fn ratios_are_those_of_pairs_and_two_zeros_are_alike() {
    assert_eq!(median_ratio(&[1.0, 40.0, 9.0], &[2.0, 20.0, 3.0]), 2.0);
    assert_eq!(median_ratio(&[0.0], &[0.0]), 1.0);
    assert_eq!(milliseconds(Duration::from_micros(1_500)), 1.5);
}
