//! What Vault's plugin SDK gives its plugins: requests and replies, field schemas with type
//! coercion, a route table, help texts and OpenAPI.

mod auth;
mod coercion;
mod compiled_route;
mod data;
mod failure;
mod field;
mod forwarding;
mod header_field;
mod help;
mod host;
mod near_field;
mod openapi;
mod pattern;
mod reply;
mod request;
mod route;
mod table;
#[cfg(test)]
mod test_routes;
mod token_params;
mod token_params_error;

pub use auth::{Alias, Auth, LeaseOptions, Timestamp, TokenType};
pub use coercion::is_name;
pub use data::check_shape as check_json_shape;
pub use data::{DataError, MAX_DATA_BYTES, MAX_JSON_DEPTH, MAX_JSON_VALUES, parse_data};
pub use failure::{Failure, Status};
pub use field::{DisplayAttributes, Field, FieldKind, FieldValue, Fields};
pub use header_field::convert as headers_of_json;
pub use help::HelpContext;
pub use host::HostFlavor;
pub use reply::{ErrorKind, Existence, HandlerResult, Reply, Response};
pub use request::{Connection, Operation, Request};
pub use route::{Endpoint, ExistenceCheck, Handler, HandlerFuture, Route};
pub use table::{Backend, NotCheckable, RouteTable};
pub use token_params::{BoundCidr, TokenParams, token_fields};
pub use token_params_error::TokenParamsError;
