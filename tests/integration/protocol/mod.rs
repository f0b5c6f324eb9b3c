//! The plugin protocol, as a host sees it.
