//! Routing: from a request to the handler of its path and operation.
//!
//! The order of work is that of Vault's SDK, because clients see it: path, operation, forwarding,
//! field conversion, handler, warnings.

use std::future::Future;

use serde_json::Value;
use thiserror::Error;

use super::compiled_route::{Captures, CompiledRoute, InputError};
use super::{
    Existence, Failure, HandlerResult, HelpContext, HostFlavor, Operation, Reply, Request, Response, Route,
    Status, help, openapi, parse_data,
};
use crate::go::text::quote;
use crate::refusal::{Code, Coded};

/// What the route table asks the mounted backend, and only when it needs to know.
pub trait Backend: Send + Sync {
    /// Whether this node may write the mount's storage; asked before an endpoint with
    /// [`Endpoint::forward_to_writer`](super::Endpoint::forward_to_writer).
    ///
    /// # Errors
    /// Ends the request.
    fn can_write(&self) -> impl Future<Output = Result<bool, Failure>> + Send;

    /// What help documents say about the mount; asked by help requests. It has no error: a host
    /// that gets no help document fails for all its mounts.
    fn help_context(&self) -> impl Future<Output = HelpContext> + Send;

    /// Whether a request is looked at; asked before its data is read.
    ///
    /// # Errors
    /// Ends the request.
    fn takes(&self, request: &Request) -> Result<(), Failure> {
        let _ = request;
        Ok(())
    }

    /// What becomes of a failure before it is answered: the backend may tell others of it.
    fn refused(&self, request: &Request, failure: Failure) -> impl Future<Output = Failure> + Send {
        let _ = request;
        async { failure }
    }
}

/// The host asks whether the entry exists for an operation that needs no such answer.
#[derive(Clone, Debug, Error)]
#[error("incorrect operation type {operation} for an existence check")]
pub struct NotCheckable {
    /// The operation, in the words of the protocol.
    pub operation: String,
}

impl Coded for NotCheckable {
    fn code(&self) -> Code {
        Code::HostProtocol
    }
}

/// All routes of a backend as one host has them, compiled.
pub struct RouteTable<B> {
    host: HostFlavor,
    routes: Vec<CompiledRoute<B>>,
}

impl<B> RouteTable<B> {
    /// Compiles the routes; of those that match a path the first wins.
    ///
    /// # Errors
    /// A mistake in a route: the pattern is no regular expression, a capture is no field, a name
    /// stands twice, a default is not JSON, or an existence check lacks create or update.
    pub fn new(host: HostFlavor, routes: Vec<Route<B>>) -> Result<Self, String> {
        let routes = routes.into_iter().map(CompiledRoute::new).collect::<Result<_, _>>()?;
        Ok(Self { host, routes })
    }

    /// The route of a path and what its pattern captured; an optional group that took no part is
    /// captured as empty text.
    #[must_use]
    pub fn find(&self, path: &str) -> Option<(&Route<B>, Captures)> {
        self.find_compiled(path).map(|(compiled, captures)| (&compiled.route, captures))
    }

    fn find_compiled(&self, path: &str) -> Option<(&CompiledRoute<B>, Captures)> {
        self.routes.iter().find_map(|compiled| Some((compiled, compiled.captures(path)?)))
    }

    pub(super) fn compiled(&self) -> &[CompiledRoute<B>] {
        &self.routes
    }
}

impl<B: Backend> RouteTable<B> {
    /// Answers a request. The operations without a path (renew, revoke, rollback, rotation, resolve-path) are
    /// not for the table; it knows no handler for them.
    pub async fn handle(&self, backend: &B, mut request: Request) -> Reply {
        let result = if request.operation == Operation::Help {
            self.help(backend, &request).await
        } else {
            self.run(backend, &mut request).await
        };
        match result {
            Err(failure) => Err(backend.refused(&request, failure).await).into(),
            answered => answered.into(),
        }
    }

    async fn help(&self, backend: &B, request: &Request) -> HandlerResult {
        if request.path.is_empty() {
            let context = backend.help_context().await;
            let document = openapi::document(self.compiled(), self.host, &context, &default_prefix(request));
            let text = help::of_all(self.compiled(), &context);
            return Ok(Some(help::response(text, document)));
        }
        let (compiled, _) = self.find_compiled(&request.path).ok_or(Failure::unsupported_path())?;
        let context = backend.help_context().await;
        let document =
            openapi::document(std::slice::from_ref(compiled), self.host, &context, &default_prefix(request));
        Ok(Some(help::response(help::of_route(compiled, &request.path), document)))
    }

    async fn run(&self, backend: &B, request: &mut Request) -> HandlerResult {
        let (compiled, captures) = self.find_compiled(&request.path).ok_or(Failure::unsupported_path())?;
        let endpoint = compiled.endpoint(request.operation).ok_or(Failure::unsupported_operation())?;
        if endpoint.forward_to_writer && !backend.can_write().await? {
            return Err(Failure::read_only());
        }
        backend.takes(request)?;
        let input = compiled.input(self.host, request, captures).map_err(|error| Failure::refused(&error))?;
        request.forget_data();
        let mut answer = (endpoint.handler)(backend, request, input.fields).await?;
        let is_write = matches!(request.operation, Operation::Create | Operation::Update);
        let (meant, ignored) = if compiled.route.warns_of_unknown_fields && is_write {
            told_apart(compiled, input.ignored)
        } else {
            (Vec::new(), input.ignored)
        };
        if !meant.is_empty() {
            answer.get_or_insert_default().warnings.extend(meant);
        }
        if let Some(response) = &mut answer {
            warn(response, &ignored, &input.replaced);
        }
        Ok(answer)
    }

    /// Tells whether the entry of the path exists.
    pub async fn existence_check(&self, backend: &B, request: &Request) -> Existence {
        if !matches!(request.operation, Operation::Create | Operation::Update) {
            let operation = request.operation.wire_name().to_owned();
            return Existence::Failed(Failure::internal(&NotCheckable { operation }));
        }
        let Some((compiled, captures)) = self.find_compiled(&request.path) else {
            return Existence::Failed(Failure::unsupported_path());
        };
        let Some(check) = compiled.route.existence_check else {
            return Existence::NotChecked;
        };
        let input = match compiled.input(self.host, request, captures) {
            Ok(input) => input,
            Err(InputError::Data(error)) => return Existence::Failed(Failure::new(Status::User, &error)),
            Err(InputError::Field(error)) => return Existence::Failed(Failure::new(Status::User, &error)),
        };
        match check(backend, request, input.fields).await {
            Ok(exists) => Existence::Exists(exists),
            Err(failure) => Existence::Failed(failure),
        }
    }
}

/// The name operation ids start with unless the route says otherwise, as the host wants it.
fn default_prefix(request: &Request) -> String {
    const MAX_HELP_DATA_BYTES: usize = 64 * 1024;
    parse_data(&request.data, MAX_HELP_DATA_BYTES)
        .ok()
        .and_then(|mut data| match data.remove("requestResponsePrefix") {
            Some(Value::String(prefix)) => Some(prefix),
            _ => None,
        })
        .unwrap_or_default()
}

/// A warning for each name that is nearly that of a field, and the names that are not. There are only so
/// many warnings: the rest are told as any other name.
fn told_apart<B>(compiled: &CompiledRoute<B>, ignored: Vec<String>) -> (Vec<String>, Vec<String>) {
    const MAX_WARNINGS: usize = 16;
    const MAX_SHOWN: usize = 64;
    let (mut warnings, mut others) = (Vec::new(), Vec::new());
    for name in ignored {
        match compiled.field_near(&name) {
            Some(field) if warnings.len() < MAX_WARNINGS => {
                let shown: String = name.chars().take(MAX_SHOWN).collect();
                let shown = quote(&shown);
                warnings
                    .push(format!("unrecognized parameter {shown} was ignored; did you mean \"{field}\"?"));
            }
            _ => others.push(name),
        }
    }
    (warnings, others)
}

fn warn(response: &mut Response, ignored: &[String], replaced: &[&str]) {
    if !ignored.is_empty() {
        let names = ignored.join(" ");
        response.warnings.push(format!("Endpoint ignored these unrecognized parameters: [{names}]"));
    }
    if !replaced.is_empty() {
        let names = replaced.join(" ");
        response.warnings.push(format!(
            "Endpoint replaced the value of these parameters with the values captured from the endpoint's \
             path: [{names}]"
        ));
    }
}

#[cfg(test)]
mod tests;
