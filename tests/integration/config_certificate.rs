//! config_certificate
