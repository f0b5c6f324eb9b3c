//! Random bytes.

use aws_lc_rs::rand::SecureRandom;
use thiserror::Error;

/// A source of unpredictable bytes.
pub trait Random: Send + Sync {
    /// Fills the buffer; `false` when the source failed.
    #[must_use]
    fn fill(&self, buffer: &mut [u8]) -> bool;
}

/// The operating system's generator, through the crypto provider.
#[derive(Debug, Default)]
pub struct SystemRandom(aws_lc_rs::rand::SystemRandom);

impl Random for SystemRandom {
    fn fill(&self, buffer: &mut [u8]) -> bool {
        self.0.fill(buffer).is_ok()
    }
}

/// The source of random bytes failed.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("failed to read random bytes")]
pub struct RandomError;

/// Sixteen random bytes in the notation of a UUID, as role ids and tag keys are.
///
/// # Errors
/// When there is no randomness.
pub fn random_id(random: &dyn Random) -> Result<String, RandomError> {
    let mut bytes = [0; 16];
    if !random.fill(&mut bytes) {
        return Err(RandomError);
    }
    let mut id = String::with_capacity(36);
    for (position, byte) in bytes.iter().enumerate() {
        if matches!(position, 4 | 6 | 8 | 10) {
            id.push('-');
        }
        id.push_str(&format!("{byte:02x}"));
    }
    Ok(id)
}

/// Ten hexadecimal digits by which one event is found again; `unknown` when there is no randomness.
#[must_use]
pub fn short_id(random: &dyn Random) -> String {
    let mut bytes = [0; 5];
    if !random.fill(&mut bytes) {
        return "unknown".to_owned();
    }
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ports::testing::{Exhausted, Same};

    #[test]
    fn a_short_id_has_ten_digits() {
        assert_eq!(short_id(&Same(0x0a)), "0a0a0a0a0a");
        assert_eq!(short_id(&Exhausted), "unknown");
    }
}
