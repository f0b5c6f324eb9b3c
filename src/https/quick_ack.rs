//! Acknowledging at once what was received.
//!
//! An endpoint that writes the head of an answer apart from its body may hold the body back until the
//! head is acknowledged (RFC 896), and a system that waits for something to send along with the
//! acknowledgement gives it late (RFC 1122, 4.2.3.2), Linux after 40 ms: on a connection that is kept, every
//! answer then comes that much later.

use tokio::net::TcpStream;

/// Acknowledges what was received so far; the system forgets the wish with the next bytes.
#[cfg(target_os = "linux")]
pub(super) fn acknowledge_now(stream: &TcpStream) {
    // Where it cannot be had, answers come a little later.
    let _ = stream.set_quickack(true);
}

/// Elsewhere there is no such wish.
#[cfg(not(target_os = "linux"))]
pub(super) fn acknowledge_now(_: &TcpStream) {}
