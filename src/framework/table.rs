//! Routing: from a request to the handler of its path and operation.
//!
//! The order of work is that of Vault's SDK, because clients see it: path, operation, forwarding,
//! field conversion, handler, warnings.

use std::future::Future;

use regex_lite::Regex;
use serde_json::{Map, Value};

use super::{
    Endpoint, Existence, Failure, Fields, HandlerResult, HelpContext, MAX_DATA_BYTES, Operation, Reply,
    Request, Response, Route, help, openapi, parse_data, pattern,
};

/// What the route table asks the mounted backend, and only when it needs to know.
pub trait Backend: Send + Sync {
    /// Whether this node may write the mount's storage; asked before an endpoint with
    /// [`Endpoint::forward_to_writer`].
    ///
    /// # Errors
    /// Ends the request.
    fn can_write(&self) -> impl Future<Output = Result<bool, Failure>> + Send;

    /// What help documents say about the mount; asked by help requests. It has no error: a host
    /// that gets no help document fails for all its mounts.
    fn help_context(&self) -> impl Future<Output = HelpContext> + Send;
}

/// All routes of a backend, compiled.
pub struct RouteTable<B> {
    routes: Vec<CompiledRoute<B>>,
}

/// A route with its pattern compiled.
pub(super) struct CompiledRoute<B> {
    pub(super) route: Route<B>,
    pub(super) anchored: String,
    regex: Regex,
    /// Group numbers of the pattern and the fields they fill.
    captures: Vec<(usize, &'static str)>,
}

/// Values the pattern captured, by field name.
type Captures = Vec<(&'static str, String)>;

impl<B> RouteTable<B> {
    /// Compiles the routes; of those that match a path the first wins.
    ///
    /// # Errors
    /// A mistake in a route: the pattern is no regular expression, a capture is no field, a name
    /// stands twice, a default is not JSON, or an existence check lacks create or update.
    pub fn new(routes: Vec<Route<B>>) -> Result<Self, String> {
        let routes = routes.into_iter().map(CompiledRoute::new).collect::<Result<_, _>>()?;
        Ok(Self { routes })
    }

    /// The route of a path and what its pattern captured; an optional group that took no part is
    /// captured as empty text.
    #[must_use]
    pub fn find(&self, path: &str) -> Option<(&Route<B>, Captures)> {
        self.find_compiled(path).map(|(compiled, captures)| (&compiled.route, captures))
    }

    fn find_compiled(&self, path: &str) -> Option<(&CompiledRoute<B>, Captures)> {
        self.routes.iter().find_map(|compiled| {
            let found = compiled.regex.captures(path)?;
            let value = |group| found.get(group).map_or_else(String::new, |text| text.as_str().to_owned());
            let captures = compiled.captures.iter().map(|&(group, name)| (name, value(group))).collect();
            Some((compiled, captures))
        })
    }

    pub(super) fn compiled(&self) -> &[CompiledRoute<B>] {
        &self.routes
    }
}

impl<B: Backend> RouteTable<B> {
    /// Answers a request. The operations without a path (renew, revoke, rollback, rotation, resolve-path) are
    /// not for the table; it knows no handler for them.
    pub async fn handle(&self, backend: &B, request: &Request) -> Reply {
        let result = if request.operation == Operation::Help {
            self.help(backend, request).await
        } else {
            self.run(backend, request).await
        };
        result.into()
    }

    async fn help(&self, backend: &B, request: &Request) -> HandlerResult {
        if request.path.is_empty() {
            let context = backend.help_context().await;
            let document = openapi::document(self.compiled(), &context, &default_prefix(request));
            let text = help::of_all(self.compiled(), &context);
            return Ok(Some(help::response(text, document)));
        }
        let (compiled, _) = self.find_compiled(&request.path).ok_or(Failure::unsupported_path())?;
        let context = backend.help_context().await;
        let document = openapi::document(std::slice::from_ref(compiled), &context, &default_prefix(request));
        Ok(Some(help::response(help::of_route(compiled, &request.path), document)))
    }

    async fn run(&self, backend: &B, request: &Request) -> HandlerResult {
        let (compiled, captures) = self.find_compiled(&request.path).ok_or(Failure::unsupported_path())?;
        let endpoint = compiled.endpoint(request.operation).ok_or(Failure::unsupported_operation())?;
        if endpoint.forward_to_writer && !backend.can_write().await? {
            return Err(Failure::read_only());
        }
        let input = compiled.input(request, captures).map_err(|failure| match failure {
            InputError::Data(failure) => failure,
            InputError::Field(text) => Failure::Refused(format!("Field validation failed: {text}")),
        })?;
        let mut answer = (endpoint.handler)(backend, request, input.fields).await?;
        if let Some(response) = &mut answer {
            warn(response, &input.ignored, &input.replaced);
        }
        Ok(answer)
    }

    /// Tells whether the entry of the path exists.
    pub async fn existence_check(&self, backend: &B, request: &Request) -> Existence {
        if !matches!(request.operation, Operation::Create | Operation::Update) {
            return Existence::Failed(Failure::Internal(format!(
                "incorrect operation type {} for an existence check",
                request.operation.wire_name()
            )));
        }
        let Some((compiled, captures)) = self.find_compiled(&request.path) else {
            return Existence::Failed(Failure::unsupported_path());
        };
        let Some(check) = compiled.route.existence_check else {
            return Existence::NotChecked;
        };
        let input = match compiled.input(request, captures) {
            Ok(input) => input,
            Err(InputError::Data(failure)) => return Existence::Failed(Failure::User(failure.to_string())),
            Err(InputError::Field(text)) => return Existence::Failed(Failure::User(text)),
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

/// What a request supplies to a handler.
struct Input {
    fields: Fields,
    /// Data members that are no fields, sorted.
    ignored: Vec<String>,
    /// Fields of the data that the path overwrote, sorted.
    replaced: Vec<&'static str>,
}

enum InputError {
    /// The data as a whole.
    Data(Failure),
    /// The text about one field.
    Field(String),
}

impl<B> CompiledRoute<B> {
    fn new(route: Route<B>) -> Result<Self, String> {
        let anchored = pattern::anchored(route.pattern);
        let regex = pattern::compile(&anchored)?;
        let mut captures = Vec::new();
        for (group, name) in regex.capture_names().enumerate() {
            let Some(name) = name else { continue };
            let field = route.fields.iter().find(|field| field.name == name);
            let field = field.ok_or_else(|| format!("{anchored}: capture {name} is no field"))?;
            captures.push((group, field.name));
        }
        for (index, field) in route.fields.iter().enumerate() {
            if route.fields.iter().take(index).any(|other| other.name == field.name) {
                return Err(format!("{anchored}: field {} stands twice", field.name));
            }
            if field.default.is_some_and(|json| serde_json::from_str::<Value>(json).is_err()) {
                return Err(format!("{anchored}: default of field {} is not JSON", field.name));
            }
        }
        let count = |operation| route.endpoints.iter().filter(|e| e.operation == operation).count();
        if let Some(twice) = route.endpoints.iter().find(|e| count(e.operation) > 1) {
            return Err(format!("{anchored}: operation {} stands twice", twice.operation.wire_name()));
        }
        if route.existence_check.is_some() && (count(Operation::Create) == 0 || count(Operation::Update) == 0)
        {
            return Err(format!("{anchored}: an existence check needs create and update"));
        }
        Ok(Self { route, anchored, regex, captures })
    }

    pub(super) fn endpoint(&self, operation: Operation) -> Option<&Endpoint<B>> {
        self.route.endpoints.iter().find(|endpoint| endpoint.operation == operation)
    }

    /// Converts the fields of a request: its data, overwritten by what the path captured. Fields
    /// are converted in the order of the route, so that the first error is always the same one.
    fn input(&self, request: &Request, captures: Captures) -> Result<Input, InputError> {
        let limit = self.route.max_data_bytes.unwrap_or(MAX_DATA_BYTES);
        let mut data = parse_data(&request.data, limit).map_err(InputError::Data)?;
        let mut replaced = Vec::new();
        for (name, value) in captures {
            let overwritten = data.insert(name.to_owned(), Value::String(value));
            if overwritten.is_some_and(|value| !value.is_null()) {
                replaced.push(name);
            }
        }
        replaced.sort_unstable();
        let fields = self.fields(&mut data).map_err(InputError::Field)?;
        let ignored = data.into_iter().map(|(name, _)| name).collect();
        Ok(Input { fields, ignored, replaced })
    }

    fn fields(&self, data: &mut Map<String, Value>) -> Result<Fields, String> {
        let mut fields = Fields::new();
        for field in self.route.fields {
            let Some(value) = data.remove(field.name) else { continue };
            let converted = field
                .convert(value)
                .map_err(|why| format!("error converting input for field {:?}: {why}", field.name))?;
            if let Some(value) = converted {
                fields.insert(field.name, value);
            }
        }
        Ok(fields)
    }
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
