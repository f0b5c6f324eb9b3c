//! The mount's storage, behind the host's `Storage` service.

use tonic::Status;
use vault_plugin_auth_aws::ports::{Storage, StorageError};

use crate::plugin::host::connection::{HostConnection, UNLIMITED, status_text};
use crate::plugin::link::channel::Channel;
use crate::plugin::wire::protocol::pb::storage_client::StorageClient;
use crate::plugin::wire::protocol::pb::{
    StorageDeleteArgs, StorageEntry, StorageGetArgs, StorageListArgs, StoragePutArgs,
};

/// Storage of one mount.
pub(crate) struct HostStorage {
    connection: HostConnection,
    client: StorageClient<Channel>,
}

impl HostStorage {
    /// Behind this connection.
    pub(crate) fn new(connection: HostConnection) -> Self {
        let client = StorageClient::new(connection.channel())
            .max_decoding_message_size(UNLIMITED)
            .max_encoding_message_size(UNLIMITED);
        Self { connection, client }
    }
}

#[tonic::async_trait]
impl Storage for HostStorage {
    async fn list(&self, prefix: &str) -> Result<Vec<String>, StorageError> {
        let arguments = StorageListArgs { prefix: prefix.to_owned(), txn: String::new() };
        let mut client = self.client.clone();
        let reply = self.connection.call(client.list(arguments)).await.map_err(failed)?;
        refused(reply.err)?;
        Ok(reply.keys)
    }

    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, StorageError> {
        let arguments = StorageGetArgs { key: key.to_owned(), txn: String::new() };
        let mut client = self.client.clone();
        let reply = self.connection.call(client.get(arguments)).await.map_err(failed)?;
        refused(reply.err)?;
        Ok(reply.entry.map(|entry| entry.value))
    }

    async fn put(&self, key: &str, value: Vec<u8>) -> Result<(), StorageError> {
        let entry = StorageEntry { key: key.to_owned(), value, seal_wrap: false };
        let arguments = StoragePutArgs { entry: Some(entry), txn: String::new() };
        let mut client = self.client.clone();
        let reply = self.connection.call(client.put(arguments)).await.map_err(failed)?;
        refused(reply.err)
    }

    async fn delete(&self, key: &str) -> Result<(), StorageError> {
        let arguments = StorageDeleteArgs { key: key.to_owned(), txn: String::new() };
        let mut client = self.client.clone();
        let reply = self.connection.call(client.delete(arguments)).await.map_err(failed)?;
        refused(reply.err)
    }
}

/// The text stays as it is: the host recognises its own texts when they come back.
fn refused(text: String) -> Result<(), StorageError> {
    if text.is_empty() { Ok(()) } else { Err(StorageError::new(text)) }
}

fn failed(status: Status) -> StorageError {
    StorageError::new(status_text(&status))
}
