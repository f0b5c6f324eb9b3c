//! Integration tests: one binary of modules.

mod support;
