//! Verification of identity documents: computation for a stranger, so it has its own few threads.

use std::sync::Arc;

use thiserror::Error;
use tokio::sync::Semaphore;

use crate::concurrency::bounded_work::{BoundedWork, QueueFull};
use crate::entry::StoredCertificate;
use crate::proof::identity_document::{ClaimedDocument, VerificationError, VerifiedDocument};
use crate::refusal::{Code, Coded};

/// Documents that are verified at once, over all mounts of the process.
static RUNNING: Semaphore = Semaphore::const_new(2);
/// Documents of one mount that are verified or wait for it.
const PLACES: usize = 64;

/// As many documents as may be wait for their verification.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("too many identity documents are being verified; try again in a moment")]
pub struct TooManyDocuments;

impl Coded for TooManyDocuments {
    fn code(&self) -> Code {
        Code::Ec2Busy
    }
}

impl From<QueueFull> for TooManyDocuments {
    fn from(_: QueueFull) -> Self {
        Self
    }
}

/// The documents of a mount.
pub(crate) struct DocumentVerifications(BoundedWork);

impl Default for DocumentVerifications {
    fn default() -> Self {
        Self(BoundedWork::new(&RUNNING, PLACES))
    }
}

impl DocumentVerifications {
    /// Verifies a document with the certificates that are built in and these.
    pub(crate) async fn verify(
        &self,
        claimed: Arc<ClaimedDocument>,
        stored: Arc<Vec<StoredCertificate>>,
    ) -> Result<Result<VerifiedDocument, VerificationError>, TooManyDocuments> {
        Ok(self.0.run(move || claimed.verify(stored.iter())).await?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_queue_has_its_own_code() {
        let refused = TooManyDocuments::from(QueueFull);
        assert_eq!(
            (refused.to_string().as_str(), refused.code()),
            ("too many identity documents are being verified; try again in a moment", Code::Ec2Busy)
        );
    }
}
