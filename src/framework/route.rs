//! The route table: which path pattern has which fields, operations and documentation.

use std::future::Future;
use std::pin::Pin;

use super::{DisplayAttributes, Field, Fields, HandlerResult, Operation, Request};

/// What a handler runs as.
pub type HandlerFuture<'a, T = HandlerResult> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Answers one operation of a route, on the mounted backend `B`.
pub type Handler<B> = for<'a> fn(&'a B, &'a Request, Fields) -> HandlerFuture<'a>;

/// Tells whether the entry of a path exists, so that the host knows create from update.
pub type ExistenceCheck<B> =
    for<'a> fn(&'a B, &'a Request, Fields) -> HandlerFuture<'a, Result<bool, super::Failure>>;

/// One operation of a route.
pub struct Endpoint<B> {
    /// The operation.
    pub operation: Operation,
    /// Its handler.
    pub handler: Handler<B>,
    /// Overrides of the route's operation id parts, for OpenAPI.
    pub display: DisplayAttributes,
    /// Whether a performance standby, or a performance secondary with a replicated mount, must
    /// hand the request to a node that can write, before the handler runs.
    pub forward_to_writer: bool,
}

/// A path pattern with everything known about it.
pub struct Route<B> {
    /// The pattern in the notation of Go plugins, shown in help: `role/(?P<role>\w(([\w-.]+)?\w)?)`.
    /// `^` and `$` are added where missing. The first matching route of the table wins.
    pub pattern: &'static str,
    /// Fields, named captures of the pattern included.
    pub fields: &'static [Field],
    /// Operations.
    pub endpoints: Vec<Endpoint<B>>,
    /// Existence check; only with it does a request arrive as [`Operation::Create`].
    pub existence_check: Option<ExistenceCheck<B>>,
    /// One line of help.
    pub synopsis: &'static str,
    /// Full help.
    pub description: &'static str,
    /// Operation id parts, for OpenAPI.
    pub display: DisplayAttributes,
    /// Whether OpenAPI marks every operation as deprecated.
    pub deprecated: bool,
    /// Longest accepted request data in bytes, where it is less than
    /// [`MAX_DATA_BYTES`](super::MAX_DATA_BYTES).
    pub max_data_bytes: Option<usize>,
    /// Most values of accepted request data, where it is less than
    /// [`MAX_JSON_VALUES`](super::MAX_JSON_VALUES).
    pub max_data_values: Option<usize>,
    /// Whether a write is answered with a warning for each member of its data that is no field and has nearly
    /// the name of one. Else, as in Vault's SDK, only an answer that has content tells of such members.
    pub warns_of_unknown_fields: bool,
}
