//! Brings the token to its sinks.

use serde_json::{Value, json};

use super::sink::Sink;
use crate::command::exit::Failure;
use crate::command::host_address::HostAddress;
use crate::command::host_client::{HostClient, HostRequest};
use crate::command::output::Answer;

/// The sinks, and which of them have the token.
pub(super) struct Delivery {
    sinks: Vec<(Sink, bool)>,
    server: HostAddress,
}

impl Delivery {
    /// None has it yet.
    pub(super) fn new(sinks: Vec<Sink>, server: HostAddress) -> Self {
        Self { sinks: sinks.into_iter().map(|sink| (sink, false)).collect(), server }
    }

    /// There is another token.
    pub(super) fn restart(&mut self) {
        self.sinks.iter_mut().for_each(|(_, has_it)| *has_it = false);
    }

    /// Writes the token to all sinks that do not have it.
    ///
    /// # Errors
    /// That of the first which could not be written; the others are.
    pub(super) async fn deliver(&mut self, token: &str) -> Result<(), Failure> {
        let mut result = Ok(());
        for (sink, has_it) in self.sinks.iter_mut().filter(|(_, has_it)| !has_it) {
            match write(sink, &self.server, token).await {
                Ok(()) => *has_it = true,
                Err(failure) => result = result.and(Err(failure)),
            }
        }
        result
    }
}

async fn write(sink: &Sink, server: &HostAddress, token: &str) -> Result<(), Failure> {
    let contents = match sink.wrap_ttl() {
        None => token.to_owned(),
        Some(ttl) => wrapped(server, token, ttl).await?.to_string(),
    };
    sink.write(contents.as_bytes())
        .map_err(|error| Failure::Usage(format!("{} cannot be written: {error}", sink.path().display())))
}

/// What unwraps to the token, as the `wrap_info` of the server's answer.
async fn wrapped(server: &HostAddress, token: &str, ttl: &str) -> Result<Value, Failure> {
    let client = HostClient::new(HostAddress { wrap_ttl: Some(ttl.to_owned()), ..server.clone() })?;
    let answer = client
        .put(async || {
            Ok(HostRequest {
                path: "sys/wrapping/wrap".to_owned(),
                body: json!({"token": token}),
                token: Some(token.to_owned()),
                wrapped: true,
            })
        })
        .await?;
    let unreadable = || Failure::Refused("the answer of the server holds no wrapped token".to_owned());
    let info = Answer::parse(answer)?.wrap_info.ok_or_else(unreadable)?;
    serde_json::to_value(info).map_err(|_| unreadable())
}
