//! upgrade_fixtures
