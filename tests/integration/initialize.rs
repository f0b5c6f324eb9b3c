//! initialize
