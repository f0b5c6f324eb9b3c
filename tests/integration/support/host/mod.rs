//! A plugin host: launches a plugin binary and drives every RPC of the protocol.
