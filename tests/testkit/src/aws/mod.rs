//! A strict stand-in for AWS: STS, IAM, EC2 and Organizations on one loopback port.
//!
//! It verifies every signature, the 15 minutes around the signed date and session tokens by itself,
//! answers in the shapes of each service, keeps a log, and fails in every way a test asks for.
//!
//! ```text
//! use testkit::aws::{Aws, Fault, LoginOptions, sign_login};
//!
//! let aws = Aws::start().await;
//! let role = aws.create_role("App");
//! let session = aws.session(&role, "i-0123456789abcdef0");
//! // `config/client` of the mount gets `sts_endpoint`, `iam_endpoint` and `endpoint` = aws.url().
//! let login = sign_login(&session.credentials, &LoginOptions::vault_cli().role("app"));
//! aws.fault("GetRole", 2, Fault::throttling());
//! // … log in with `login` as the request's data …
//! assert_eq!(aws.call_count("GetCallerIdentity"), 1);
//! ```
//!
//! What AWS does not document is chosen to be strict and stands at the type that decides it:
//! [`Ambiguity`] for repeated parameters and doubled signatures, [`Presented`](verify::Presented) for
//! signatures. Permissions are not modelled: every principal may call every operation.

mod accounts;
mod answer;
mod calls;
mod dead_ports;
mod dispatch;
mod document;
mod ec2;
mod encoding;
mod endpoint;
mod evidence;
mod fault;
pub mod http;
mod iam;
mod inventory;
mod listener;
mod login;
mod operation;
mod organizations;
mod plan;
mod published;
mod refusal;
pub mod sigv4;
mod stand_in;
mod sts;
mod tls;
mod token_issuer;
pub mod verify;
mod web_identity;
mod world;

#[cfg(test)]
mod tests;

pub use accounts::{InstanceProfile, Role, SESSION_LIFE, Session, User};
pub use calls::{Call, Outcome};
pub use dead_ports::{RefusingPort, SilentListener};
pub use endpoint::Service;
pub use evidence::{Evidence, describe_organization, get_role, get_user, login_with};
pub use fault::{Fault, Gate, Rate, RawAnswer, Target, Times};
pub use inventory::{ACCOUNT, Entity, Identity, Instance, InstanceState, OTHER_ACCOUNT, WebIdentity};
pub use login::{
    GET_CALLER_IDENTITY, HeaderEncoding, HeaderValues, LoginOptions, RequestForm, RoleField, SignedRequest,
    edit_headers, login_headers, sign, sign_login,
};
pub use sigv4::Credentials;
pub use stand_in::Aws;
pub use token_issuer::{AWS_CLAIMS, TokenIssuer, compact, encoded};
pub use verify::{Ambiguity, Form, Repeated};
pub use web_identity::OidcProvider;
