//! What is stored, and what others have stored before.

mod initialize;
mod old_vaults;
mod role_upgrade;
mod upgrade_fixtures;
