//! The mounts of this process, by the id the host gave each.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tonic::Status;
use tonic::metadata::MetadataMap;
use vault_plugin_auth_aws::method::AuthMethod;

use crate::plugin::host::connection::HostConnection;
use crate::plugin::process::panics::caught;

const MULTIPLEX_ID: &str = "multiplex_id";

/// The id of the mount a call is for. The texts are those of Go plugins.
pub(crate) fn multiplex_id(metadata: &MetadataMap) -> Result<&str, Status> {
    let mut ids = metadata.get_all(MULTIPLEX_ID).iter();
    let Some(id) = ids.next() else { return Err(Status::unknown("no multiplexing ID found")) };
    match ids.count() {
        0 => {}
        more => {
            let all = more.saturating_add(1);
            return Err(Status::unknown(format!("unexpected number of IDs in metadata: ({all})")));
        }
    }
    match id.to_str() {
        Ok("") => Err(Status::unknown("empty multiplex ID in metadata")),
        Ok(id) => Ok(id),
        Err(_) => Err(Status::unknown("multiplex ID in metadata is not text")),
    }
}

/// One mount and its connection to the host.
pub(crate) struct Instance {
    method: Arc<AuthMethod>,
    connection: HostConnection,
}

impl Instance {
    /// A mount that is set up.
    pub(crate) fn new(method: Arc<AuthMethod>, connection: HostConnection) -> Self {
        Self { method, connection }
    }

    async fn end(self) {
        // A panic is logged by then; the connection must be closed all the same.
        let _ = caught(self.method.cleanup()).await;
        self.connection.close();
    }
}

/// All mounts of the process.
#[derive(Default)]
pub(crate) struct Instances {
    by_id: Mutex<HashMap<String, Instance>>,
}

impl Instances {
    /// Adds a mount. One of the same id is replaced and ended.
    pub(crate) async fn add(&self, id: String, instance: Instance) {
        let replaced = self.lock().insert(id, instance);
        if let Some(replaced) = replaced {
            replaced.end().await;
        }
    }

    /// The method of an id.
    pub(crate) fn method(&self, id: &str) -> Result<Arc<AuthMethod>, Status> {
        self.lock().get(id).map(|instance| instance.method.clone()).ok_or_else(unknown_instance)
    }

    /// Ends a mount and forgets it.
    pub(crate) async fn remove(&self, id: &str) -> Result<(), Status> {
        let removed = self.lock().remove(id);
        removed.ok_or_else(unknown_instance)?.end().await;
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Instance>> {
        self.by_id.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn unknown_instance() -> Status {
    Status::unknown("no backend instance found")
}

#[cfg(test)]
mod tests {
    use tonic::Code;
    use tonic::metadata::MetadataValue;

    use super::*;

    fn metadata(ids: &[&'static str]) -> MetadataMap {
        let mut metadata = MetadataMap::new();
        for id in ids {
            metadata.append(MULTIPLEX_ID, MetadataValue::from_static(id));
        }
        metadata
    }

    #[test]
    fn exactly_one_id_is_expected() {
        assert_eq!(multiplex_id(&metadata(&["zmxzsOtaku"])).unwrap(), "zmxzsOtaku");
        for (ids, text) in [
            (&[][..], "no multiplexing ID found"),
            (&["a", "b"][..], "unexpected number of IDs in metadata: (2)"),
            (&[""][..], "empty multiplex ID in metadata"),
        ] {
            let status = multiplex_id(&metadata(ids)).unwrap_err();
            assert_eq!((status.code(), status.message()), (Code::Unknown, text));
        }
    }

    #[tokio::test]
    async fn an_unknown_mount_is_an_error() {
        let instances = Instances::default();
        for status in [instances.method("a").err().unwrap(), instances.remove("a").await.err().unwrap()] {
            assert_eq!((status.code(), status.message()), (Code::Unknown, "no backend instance found"));
        }
    }
}
