//! A strict stand-in for AWS: verifies signatures, dates and session tokens.
