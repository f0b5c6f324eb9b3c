//! What is stored, and what others have stored before.

mod initialize;
mod role_upgrade;
mod upgrade_fixtures;
