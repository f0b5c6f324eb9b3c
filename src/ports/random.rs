//! Random bytes.

use aws_lc_rs::rand::SecureRandom;

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
