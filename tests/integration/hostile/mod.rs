//! Input of those who wish no good.

mod bad_input;
mod flood;
mod signed_login_property;
