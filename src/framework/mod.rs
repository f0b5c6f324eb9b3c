//! What Vault's plugin SDK gives its plugins: requests and replies, field schemas with type
//! coercion, a route table, help texts and OpenAPI.

mod auth;
mod coercion;
mod field;
mod go_duration;
mod reply;
mod request;
mod route;

pub use auth::{Alias, Auth, LeaseOptions, Timestamp, TokenType};
pub use field::{DisplayAttributes, Field, FieldKind, FieldValue, Fields};
pub use go_duration::GoDuration;
pub use reply::{ErrorKind, Existence, Failure, HandlerResult, Reply, Response};
pub use request::{Connection, HostFlavor, Operation, Request};
pub use route::{Endpoint, ExistenceCheck, Handler, HandlerFuture, Route};
