//! A login by hand: what the client takes beside the server's own time.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use crate::Bench;
use crate::figure::{Aim, Figure};
use testkit::statistics::{median, milliseconds};

pub(super) const FIGURES: &[Figure] =
    &[Figure::aimed("login_by_hand", "Login by hand, beside the server's own time", "ms", Aim::AtMost(50.0))];

/// What a server that takes no time answers.
const ANSWER: &str = r#"{"auth":{"client_token":"hvs.token","accessor":"a","policies":["default"],"token_policies":["default"],"lease_duration":60,"renewable":true}}"#;

/// Starts the client as a shell does, from exec to exit. A binary without client gives no figure.
pub(super) fn measure(bench: &Bench, binary: &Path) -> Vec<f64> {
    let server = TcpListener::bind(("127.0.0.1", 0)).expect("a port of loopback");
    let address = server.local_addr().expect("an address");
    std::thread::spawn(move || server.incoming().flatten().for_each(|stream| answer(&stream)));
    let home = tempfile::tempdir().expect("a temporary folder");
    let mut times = Vec::new();
    for _ in 0..bench.options.starts() {
        let started = Instant::now();
        let status = Command::new(binary)
            .args(["login", "-no-store", "-token-only", "role=load", "header_value=vault.example.com"])
            .env_clear()
            .env("HOME", home.path())
            .env("BAO_ADDR", format!("http://{address}"))
            .env("AWS_ACCESS_KEY_ID", "AKIALOAD")
            .env("AWS_SECRET_ACCESS_KEY", "secret")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        if !status.is_ok_and(|status| status.success()) {
            crate::progress(&format!("{}: has no client", binary.display()));
            return vec![f64::NAN];
        }
        times.push(milliseconds(started.elapsed()));
    }
    vec![median(&times)]
}

/// Reads one request, whose length its head says, and answers it.
fn answer(stream: &TcpStream) {
    let mut reader = BufReader::new(stream);
    let mut length = 0;
    let mut line = String::new();
    while reader.read_line(&mut line).is_ok_and(|read| read > 2) {
        let lower = line.to_ascii_lowercase();
        if let Some(value) = lower.strip_prefix("content-length:") {
            length = value.trim().parse().unwrap_or(0);
        }
        line.clear();
    }
    let mut body = Vec::new();
    let mut stream = stream;
    let read = reader.take(length).read_to_end(&mut body);
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        ANSWER.len()
    );
    // A client that has gone wants no answer.
    let _ = read.and_then(|_| stream.write_all(format!("{head}{ANSWER}").as_bytes()));
}
