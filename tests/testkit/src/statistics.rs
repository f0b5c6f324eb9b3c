//! Medians, percentiles and ratios.

use std::time::Duration;

/// The middle value; of an even number the mean of the two in the middle. NaN of none.
#[must_use]
pub fn median(values: &[f64]) -> f64 {
    let sorted = sorted(values);
    let middle = sorted.len() / 2;
    match sorted.len() {
        0 => f64::NAN,
        length if length.is_multiple_of(2) => f64::midpoint(sorted[middle - 1], sorted[middle]),
        _ => sorted[middle],
    }
}

/// The smallest value that so many per cent of the values do not exceed. NaN of none.
#[must_use]
pub fn percentile(values: &[f64], percent: f64) -> f64 {
    let sorted = sorted(values);
    let rank = (percent / 100.0 * as_f64(sorted.len())).ceil();
    (1..=sorted.len()).find(|index| as_f64(*index) >= rank).map_or(f64::NAN, |index| sorted[index - 1])
}

/// The median of the ratios of pairs.
#[must_use]
pub fn median_ratio(values: &[f64], bases: &[f64]) -> f64 {
    // Two zeros are alike.
    let ratio = |(value, base): (&f64, &f64)| if value == base { 1.0 } else { value / base };
    let ratios: Vec<f64> = values.iter().zip(bases).map(ratio).collect();
    median(&ratios)
}

/// Milliseconds.
#[must_use]
pub fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1_000.0
}

/// A count as a number to reckon with.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "counts here are far below 2^52")]
pub fn as_f64(count: usize) -> f64 {
    count as f64
}

fn sorted(values: &[f64]) -> Vec<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted
}

#[cfg(test)]
mod tests;
