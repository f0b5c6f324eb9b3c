//! How documents and signatures are written down.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// Base64 in one line.
pub fn base64(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}
