//! Stored certificates as they are read: brought to the current form, which is written back.

use super::Mount;
use crate::entry::StoredCertificate;
use crate::store::StoreError;

impl Mount {
    /// A stored certificate.
    pub(crate) async fn certificate(&self, name: &str) -> Result<Option<StoredCertificate>, StoreError> {
        let key = StoredCertificate::key(name);
        loop {
            let mut loaded = self.store().load::<StoredCertificate>(&key).await?;
            let Some(mut certificate) = loaded.entry.take() else {
                return Ok(None);
            };
            if !certificate.upgrade() {
                return Ok(Some(certificate));
            }
            // On a node that cannot write, the host sends the request to one that can.
            if self.store().replace(&key, &loaded, &certificate).await?.is_ok() {
                return Ok(Some(certificate));
            }
        }
    }
}
