//! The storage of one mount: in memory, open to the test, with counters and faults.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use serde_json::Value;
use tokio::sync::watch;
use tonic::{Request, Response, Status};

use super::flavor::Flavor;
use crate::proto::pb::storage_server::Storage;
use crate::proto::pb::{
    Empty, StorageBeginTxReply, StorageCommitTxArgs, StorageCommitTxReply, StorageDeleteArgs,
    StorageDeleteReply, StorageEntry, StorageGetArgs, StorageGetReply, StorageIsTransactionalReply,
    StorageListArgs, StorageListPageArgs, StorageListReply, StoragePutArgs, StoragePutReply,
    StorageRollbackTxArgs, StorageRollbackTxReply,
};

/// The text of a node that cannot write.
pub const READ_ONLY: &str = "cannot write to readonly storage";
/// The text for writes before Initialize.
pub const SETUP_WRITE: &str = "cannot write to storage during setup";
/// The text of every storage call during registration.
pub const MISSING: &str = "missing storage implementation: this method should not be called during plugin Setup, \
                           but only during and after Initialize";
/// The text for keys with a `.` or `..` segment.
pub const RELATIVE: &str = "relative paths not supported";

/// A storage call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Call {
    /// List and ListPage.
    List,
    /// Get.
    Get,
    /// Put.
    Put,
    /// Delete.
    Delete,
}

/// How often each call was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// List and ListPage.
    pub lists: u64,
    /// Get.
    pub gets: u64,
    /// Put.
    pub puts: u64,
    /// Delete.
    pub deletes: u64,
}

/// The entries of one mount, shared between the test and the plugin.
#[derive(Default)]
pub struct MemoryStorage {
    state: Mutex<State>,
    lists: AtomicU64,
    gets: AtomicU64,
    puts: AtomicU64,
    deletes: AtomicU64,
}

#[derive(Default)]
struct State {
    entries: BTreeMap<String, Vec<u8>>,
    read_only: bool,
    in_setup: bool,
    missing: bool,
    faults: HashMap<(Call, String), String>,
    lost_puts: HashMap<String, String>,
    gates: HashMap<String, Arc<GateState>>,
}

impl MemoryStorage {
    /// Empty storage.
    #[must_use]
    pub fn new() -> Arc<Self> {
        Arc::default()
    }

    /// The value of a key, past all counters and faults.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<Vec<u8>> {
        self.state.lock().unwrap().entries.get(key).cloned()
    }

    /// The JSON under a key.
    ///
    /// # Panics
    /// If the value is not JSON.
    #[must_use]
    pub fn json(&self, key: &str) -> Option<Value> {
        let value = self.get(key)?;
        Some(serde_json::from_slice(&value).unwrap_or_else(|error| panic!("{key} is not JSON: {error}")))
    }

    /// Writes a value, past all counters and faults. The plugin does not hear of it: call
    /// `Mount::invalidate` as a real host would.
    pub fn put(&self, key: &str, value: impl Into<Vec<u8>>) {
        self.state.lock().unwrap().entries.insert(key.to_owned(), value.into());
    }

    /// Writes a JSON value, as [`MemoryStorage::put`].
    pub fn put_json(&self, key: &str, value: &Value) {
        self.put(key, value.to_string());
    }

    /// Removes a key, past all counters and faults.
    pub fn remove(&self, key: &str) -> bool {
        self.state.lock().unwrap().entries.remove(key).is_some()
    }

    /// Every key, sorted.
    #[must_use]
    pub fn keys(&self) -> Vec<String> {
        self.state.lock().unwrap().entries.keys().cloned().collect()
    }

    /// Every key, sorted, but for the mark that the plugin itself leaves after set-up, at a time of
    /// its own.
    #[must_use]
    pub fn keys_of_requests(&self) -> Vec<String> {
        let mut keys = self.keys();
        keys.retain(|key| key != "config/version");
        keys
    }

    /// A copy of every entry.
    #[must_use]
    pub fn entries(&self) -> BTreeMap<String, Vec<u8>> {
        self.state.lock().unwrap().entries.clone()
    }

    /// How often the plugin has called.
    #[must_use]
    pub fn counts(&self) -> Counts {
        Counts {
            lists: self.lists.load(Ordering::SeqCst),
            gets: self.gets.load(Ordering::SeqCst),
            puts: self.puts.load(Ordering::SeqCst),
            deletes: self.deletes.load(Ordering::SeqCst),
        }
    }

    /// Sets the counters back to zero.
    pub fn reset_counts(&self) {
        for counter in [&self.lists, &self.gets, &self.puts, &self.deletes] {
            counter.store(0, Ordering::SeqCst);
        }
    }

    /// Makes writes fail as on a standby, or succeed again.
    pub fn set_read_only(&self, read_only: bool) {
        self.state.lock().unwrap().read_only = read_only;
    }

    /// Whether writes fail as on a standby.
    #[must_use]
    pub fn is_read_only(&self) -> bool {
        self.state.lock().unwrap().read_only
    }

    /// Makes a call on a key (or prefix, for lists) fail with a text, until [`MemoryStorage::heal`].
    pub fn fail(&self, call: Call, key: &str, text: &str) {
        self.state.lock().unwrap().faults.insert((call, key.to_owned()), text.to_owned());
    }

    /// Makes puts of a key fail with a text although the value is stored, until
    /// [`MemoryStorage::heal`].
    pub fn fail_after_put(&self, key: &str, text: &str) {
        self.state.lock().unwrap().lost_puts.insert(key.to_owned(), text.to_owned());
    }

    /// Removes every fault set by [`MemoryStorage::fail`] and [`MemoryStorage::fail_after_put`].
    pub fn heal(&self) {
        let mut state = self.state.lock().unwrap();
        state.faults.clear();
        state.lost_puts.clear();
    }

    /// Holds back the answers to gets of a key until the gate is opened. The value answered is the one
    /// at the time of the call.
    #[must_use]
    pub fn hold_get(&self, key: &str) -> Gate {
        let state = Arc::new(GateState { arrived: watch::channel(0).0, open: watch::channel(false).0 });
        self.state.lock().unwrap().gates.insert(key.to_owned(), Arc::clone(&state));
        Gate { state }
    }

    pub(super) fn set_in_setup(&self, in_setup: bool) {
        self.state.lock().unwrap().in_setup = in_setup;
    }

    pub(super) fn set_missing(&self, missing: bool) {
        self.state.lock().unwrap().missing = missing;
    }

    /// Counts a call and decides whether it fails: outer error on the gRPC level, inner one as text.
    fn enter(&self, call: Call, key: &str) -> Result<Result<(), String>, Status> {
        let counter = match call {
            Call::List => &self.lists,
            Call::Get => &self.gets,
            Call::Put => &self.puts,
            Call::Delete => &self.deletes,
        };
        counter.fetch_add(1, Ordering::SeqCst);
        let state = self.state.lock().unwrap();
        if state.missing {
            return Err(Status::unknown(MISSING));
        }
        if key.split('/').any(|segment| matches!(segment, "." | "..")) {
            return Ok(Err(RELATIVE.to_owned()));
        }
        if let Some(text) = state.faults.get(&(call, key.to_owned())) {
            return Ok(Err(text.clone()));
        }
        if matches!(call, Call::Put | Call::Delete) {
            if state.in_setup {
                return Ok(Err(SETUP_WRITE.to_owned()));
            }
            if state.read_only {
                return Ok(Err(READ_ONLY.to_owned()));
            }
        }
        Ok(Ok(()))
    }

    /// Immediate children of a prefix, sorted; folders end in `/`.
    fn children(&self, prefix: &str) -> Vec<String> {
        let state = self.state.lock().unwrap();
        let children: BTreeSet<&str> = state
            .entries
            .keys()
            .filter_map(|key| key.strip_prefix(prefix))
            .map(|rest| rest.find('/').map_or(rest, |slash| &rest[..=slash]))
            .collect();
        children.into_iter().map(str::to_owned).collect()
    }
}

struct GateState {
    arrived: watch::Sender<usize>,
    open: watch::Sender<bool>,
}

/// Holds back answers; opened when dropped.
pub struct Gate {
    state: Arc<GateState>,
}

impl Gate {
    /// Waits until this many calls are being held.
    pub async fn arrived(&self, calls: usize) {
        self.state.arrived.subscribe().wait_for(|count| *count >= calls).await.expect("the gate is alive");
    }

    /// Lets the held calls, and all later ones, go.
    pub fn open(&self) {
        self.state.open.send_replace(true);
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        self.open();
    }
}

/// `pb.Storage` over a [`MemoryStorage`].
pub struct StorageService {
    storage: Arc<MemoryStorage>,
    flavor: Flavor,
}

impl StorageService {
    /// Serves a storage with the calls this kind of host has.
    #[must_use]
    pub fn new(storage: Arc<MemoryStorage>, flavor: Flavor) -> Self {
        Self { storage, flavor }
    }

    fn open_bao_only(&self, method: &str) -> Result<(), Status> {
        match self.flavor {
            Flavor::OpenBao => Ok(()),
            Flavor::Vault => {
                Err(Status::unimplemented(format!("unknown method {method} for service pb.Storage")))
            }
        }
    }
}

#[tonic::async_trait]
impl Storage for StorageService {
    async fn list(&self, request: Request<StorageListArgs>) -> Result<Response<StorageListReply>, Status> {
        let prefix = request.into_inner().prefix;
        Ok(Response::new(match self.storage.enter(Call::List, &prefix)? {
            Ok(()) => StorageListReply { keys: self.storage.children(&prefix), err: String::new() },
            Err(err) => StorageListReply { keys: Vec::new(), err },
        }))
    }

    async fn get(&self, request: Request<StorageGetArgs>) -> Result<Response<StorageGetReply>, Status> {
        let key = request.into_inner().key;
        let reply = match self.storage.enter(Call::Get, &key)? {
            Ok(()) => StorageGetReply {
                entry: self.storage.get(&key).map(|value| StorageEntry {
                    key: key.clone(),
                    value,
                    seal_wrap: false,
                }),
                err: String::new(),
            },
            Err(err) => StorageGetReply { entry: None, err },
        };
        let gate = self.storage.state.lock().unwrap().gates.get(&key).cloned();
        if let Some(gate) = gate {
            gate.arrived.send_modify(|count| *count += 1);
            // The storage keeps the gate, so its sender lives.
            let _ = gate.open.subscribe().wait_for(|open| *open).await;
        }
        Ok(Response::new(reply))
    }

    async fn put(&self, request: Request<StoragePutArgs>) -> Result<Response<StoragePutReply>, Status> {
        let entry = request
            .into_inner()
            .entry
            .ok_or_else(|| Status::invalid_argument("put without an entry ends a Go host"))?;
        let mut err = self.storage.enter(Call::Put, &entry.key)?.err().unwrap_or_default();
        if err.is_empty() {
            let lost = self.storage.state.lock().unwrap().lost_puts.get(&entry.key).cloned();
            self.storage.put(&entry.key, entry.value);
            err = lost.unwrap_or_default();
        }
        Ok(Response::new(StoragePutReply { err }))
    }

    async fn delete(
        &self,
        request: Request<StorageDeleteArgs>,
    ) -> Result<Response<StorageDeleteReply>, Status> {
        let key = request.into_inner().key;
        let err = self.storage.enter(Call::Delete, &key)?.err().unwrap_or_default();
        if err.is_empty() {
            self.storage.remove(&key);
        }
        Ok(Response::new(StorageDeleteReply { err }))
    }

    async fn list_page(
        &self,
        request: Request<StorageListPageArgs>,
    ) -> Result<Response<StorageListReply>, Status> {
        self.open_bao_only("ListPage")?;
        let StorageListPageArgs { prefix, after, limit, .. } = request.into_inner();
        if let Err(err) = self.storage.enter(Call::List, &prefix)? {
            return Ok(Response::new(StorageListReply { keys: Vec::new(), err }));
        }
        let mut keys = self.storage.children(&prefix);
        keys.retain(|key| *key > after);
        match usize::try_from(limit) {
            Ok(limit) if limit > 0 => keys.truncate(limit),
            _ => {}
        }
        Ok(Response::new(StorageListReply { keys, err: String::new() }))
    }

    /// Storage without transactions, as some of OpenBao's storage engines are.
    async fn is_transactional(
        &self,
        _request: Request<Empty>,
    ) -> Result<Response<StorageIsTransactionalReply>, Status> {
        self.open_bao_only("IsTransactional")?;
        if self.storage.state.lock().unwrap().missing {
            return Err(Status::unknown(MISSING));
        }
        Ok(Response::new(StorageIsTransactionalReply { transactional: false }))
    }

    async fn begin_read_only_tx(
        &self,
        _request: Request<Empty>,
    ) -> Result<Response<StorageBeginTxReply>, Status> {
        Err(Status::unimplemented("storage has no transactions"))
    }

    async fn begin_tx(&self, _request: Request<Empty>) -> Result<Response<StorageBeginTxReply>, Status> {
        Err(Status::unimplemented("storage has no transactions"))
    }

    async fn commit(
        &self,
        _request: Request<StorageCommitTxArgs>,
    ) -> Result<Response<StorageCommitTxReply>, Status> {
        Err(Status::unimplemented("storage has no transactions"))
    }

    async fn rollback(
        &self,
        _request: Request<StorageRollbackTxArgs>,
    ) -> Result<Response<StorageRollbackTxReply>, Status> {
        Err(Status::unimplemented("storage has no transactions"))
    }
}
