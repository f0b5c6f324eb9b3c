//! What one request asks credentials for.

use std::future::Future;

use super::credentials::own_sts;
use super::look_up_error::LookUpError;
use crate::aws::deadline::Deadline;
use crate::aws::region::Region;
use crate::store::ConfigSnapshot;

/// Under which configuration credentials are asked for, where they will be used, and how long the
/// request that asks can wait.
pub(super) struct Asked<'a> {
    pub(super) snapshot: &'a ConfigSnapshot,
    pub(super) region: &'a Region,
    pub(super) deadline: Deadline,
}

impl Asked<'_> {
    /// Waits for a call of the server to STS that others may wait for as well. It has a time of its
    /// own, so this request may end before it.
    pub(super) async fn wait<T>(
        &self,
        action: &'static str,
        call: impl Future<Output = Result<T, LookUpError>>,
    ) -> Result<T, LookUpError> {
        match self.deadline.limit_call(call).await {
            Some(result) => result,
            None => {
                let (endpoint, _) = own_sts(&self.snapshot.config, self.region)?;
                Err(LookUpError::NotInTime { action, endpoint })
            }
        }
    }
}
