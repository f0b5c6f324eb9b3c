//! What the host does for a mount: its storage and its view of the system, over one connection.

pub(crate) mod connection;
pub(crate) mod storage;
pub(crate) mod system_view;
