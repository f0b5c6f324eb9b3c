//! `login`: gives a token to a client that proves who it is.

use serde_json::json;
use thiserror::Error;

use super::logged_text;
use super::refused_request::named;
use super::shape::{endpoint, object, verb};
use crate::framework::{
    Failure, Field, FieldKind, Fields, HandlerResult, Operation, Request, Response, Route, Status,
};
use crate::login::admitted::Admitted;
use crate::login::ec2::{self, Ec2Login};
use crate::login::iam::{self, IamLogin};
use crate::login::jwt::{self, JwtLogin};
use crate::login::trace::{self, Trace};
use crate::mount::Mount;
use crate::mount::token_use::TokenUseError;
use crate::proof::signed_request::{self, evidence};
use crate::proof::web_identity_token::MAX_TOKEN_BYTES;
use crate::refusal::{Blame, Code, Coded};

/// Longest data of a login request, in bytes. Anyone may send one.
pub(super) const MAX_DATA_BYTES: usize = 512 * 1024;
/// Most values in the data of a login request. One of 64 header values has fewer than 300.
pub(super) const MAX_DATA_VALUES: usize = 1_000;
/// Longest URL and body, in base64 bytes.
const MAX_SIGNED_BYTES: usize = 16 * 1024;
/// Longest headers, in bytes of their encoding.
const MAX_HEADER_BYTES: usize = 128 * 1024;
/// From how many bytes on data is so long that it is not read where it can be told that nothing would come of it.
/// Logins of honest clients have a tenth of it.
const LONG_DATA: usize = 64 * 1024;
/// Longest names and nonces, in bytes.
const MAX_NAME_BYTES: usize = 4 * 1024;
/// Longest identity documents and signatures, in base64 bytes.
const MAX_DOCUMENT_BYTES: usize = 128 * 1024;

const ROLE: Field = Field::new(
    "role",
    FieldKind::String,
    "Role to log into. Without it, the name of the IAM principal is the role's name: of the user, or of the role behind a session.",
)
.max_bytes(MAX_NAME_BYTES);

/// What a client proves itself with.
pub(super) const PROOF_FIELDS: [Field; 10] = [
    Field::new("iam_http_request_method", FieldKind::String, "Method of the signed request: POST or GET.")
        .max_bytes(MAX_NAME_BYTES),
    Field::new("iam_request_url", FieldKind::String, "URL of the signed request, in base64. It names the host that was signed; the server decides where it connects to.")
        .max_bytes(MAX_SIGNED_BYTES),
    Field::new("iam_request_body", FieldKind::String, "Body of the signed request, in base64: `Action=GetCallerIdentity&Version=2011-06-15`. Not needed with GET.")
        .max_bytes(MAX_SIGNED_BYTES),
    Field::new("iam_request_headers", FieldKind::Header, "Headers of the signed request: a JSON object of names and values, or such an object in base64.")
        .max_bytes(MAX_HEADER_BYTES),
    Field::new(evidence::FIELD, FieldKind::String, "Further requests that the client signed, about its own principal and organization: a JSON list in base64. Taken where iam_accept_evidence of config/client is set.")
        .max_bytes(evidence::MAX_BYTES)
        .own(),
    Field::new("pkcs7", FieldKind::String, "PKCS#7 signature of an instance identity document (ec2 login).")
        .max_bytes(MAX_DOCUMENT_BYTES),
    Field::new("identity", FieldKind::String, "Instance identity document, in base64 (ec2 login).")
        .max_bytes(MAX_DOCUMENT_BYTES),
    Field::new("signature", FieldKind::String, "SHA256 RSA signature of the instance identity document, in base64 (ec2 login).")
        .max_bytes(MAX_DOCUMENT_BYTES),
    Field::new("nonce", FieldKind::String, "Nonce by which an instance proves that it logged in before (ec2 login).")
        .max_bytes(MAX_NAME_BYTES),
    Field::new("jwt", FieldKind::String, "Token of sts:GetWebIdentityToken, instead of the fields of a signed request; for roles whose allowed_login_types has jwt.")
        .max_bytes(MAX_TOKEN_BYTES)
        .own(),
];

const EC2_FIELDS: [&str; 3] = ["pkcs7", "identity", "signature"];

/// The fields. They live as long as the route table: as the process.
fn fields() -> &'static [Field] {
    [ROLE].into_iter().chain(PROOF_FIELDS).collect::<Vec<_>>().leak()
}

pub(super) fn route() -> Route<Mount> {
    Route {
        pattern: "login$",
        fields: fields(),
        endpoints: vec![
            endpoint(Operation::Update, |mount, request, fields| Box::pin(login(mount, request, fields))),
            endpoint(Operation::AliasLookahead, |mount, request, fields| {
                Box::pin(look_ahead(mount, request, fields))
            }),
            endpoint(Operation::ResolveRole, |mount, request, fields| {
                Box::pin(resolve_role(mount, request, fields))
            }),
        ],
        existence_check: None,
        synopsis: "Gives a token to a client that proves which AWS principal it is.",
        description: "
The client signs a GetCallerIdentity request of the AWS Security Token Service and sends the parts of
the signed request: method, URL, body and headers. The server sends them on to AWS and learns who
signed. The signature is valid for fifteen minutes; a header that names the server binds it to one
server, see iam_server_id_header_value of config/client.
",
        display: verb("login", ""),
        deprecated: false,
        max_data_bytes: Some(MAX_DATA_BYTES),
        max_data_values: Some(MAX_DATA_VALUES),
        warns_of_unknown_fields: false,
    }
}

/// How a client proves who it is.
#[derive(Clone, Copy)]
pub(super) enum LoginType {
    Iam,
    Ec2,
    Jwt,
}

/// Why a request carries no proof of one type.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub(super) enum LoginTypeError {
    #[error("supplied auth values for both ec2 and iam auth types")]
    Both,
    #[error("supplied jwt beside the values of another login type")]
    JwtBeside,
    #[error("didn't supply required authentication values")]
    Incomplete,
}

impl Coded for LoginTypeError {
    fn code(&self) -> Code {
        match self {
            Self::Both => Code::LoginBothTypes,
            Self::JwtBeside => Code::LoginJwtBeside,
            Self::Incomplete => Code::LoginIncomplete,
        }
    }
}

impl From<LoginTypeError> for Failure {
    fn from(error: LoginTypeError) -> Self {
        Self::refused(&error)
    }
}

impl From<iam::Refused> for Failure {
    fn from(refused: iam::Refused) -> Self {
        use iam::Refused;
        let status = match &refused {
            Refused::Mount(failure) => return failure.clone(),
            Refused::Use(cause) => return cause.clone().into(),
            Refused::TooManyWait => Status::TooManyRequests,
            Refused::Request(_)
            | Refused::NotFresh(_)
            | Refused::Evidence(_)
            | Refused::Shown { .. }
            | Refused::Upstream(_)
            | Refused::Caller(_)
            | Refused::NoRole { .. }
            | Refused::Spelling(_)
            | Refused::WrongType(_)
            | Refused::LoginType(_)
            | Refused::BindsNothing(_)
            | Refused::NotBound { .. }
            | Refused::FullArn { .. }
            | Refused::Tags { .. }
            | Refused::TagsNotBound(_)
            | Refused::Organization(_)
            | Refused::Instance { .. }
            | Refused::OtherPartition { .. }
            | Refused::InstanceNotBound(_) => Status::BadRequest,
            Refused::Role(_) | Refused::CannotTell(_) | Refused::Alias(_) => Status::Internal,
        };
        Self::new(status, &refused)
    }
}

impl From<jwt::Refused> for Failure {
    fn from(refused: jwt::Refused) -> Self {
        use jwt::Refused;
        let status = match &refused {
            Refused::Use(TokenUseError::Used) => Status::Conflict,
            Refused::Token(_)
            | Refused::Key(_)
            | Refused::LoginType(_)
            | Refused::NotShown(_)
            | Refused::AliasNotShown(_)
            | Refused::Use(TokenUseError::SharedAudience) => Status::BadRequest,
            Refused::Use(TokenUseError::Kept(_)) | Refused::Common(_) => {
                return match refused {
                    Refused::Use(TokenUseError::Kept(cause)) => cause.into(),
                    Refused::Common(cause) => cause.into(),
                    other => Self::internal(&other),
                };
            }
        };
        Self::new(status, &refused)
    }
}

impl From<ec2::Refused> for Failure {
    fn from(refused: ec2::Refused) -> Self {
        use ec2::Refused;
        let status = match &refused {
            Refused::Mount(failure) => return failure.clone(),
            Refused::Form(_)
            | Refused::NoRole { .. }
            | Refused::Spelling(_)
            | Refused::WrongType(_)
            | Refused::BindsNothing(_)
            | Refused::Instance(_)
            | Refused::RegionNotBound(_)
            | Refused::InstanceNotBound(_)
            | Refused::Organization(_)
            | Refused::Reauthentication(_)
            | Refused::NonceTooLong => Status::BadRequest,
            Refused::Document(_)
            | Refused::Busy(_)
            | Refused::CertificateGone(_)
            | Refused::NoRoleName
            | Refused::CannotTell(_)
            | Refused::Nonce(_)
            | Refused::Tag(_)
            | Refused::Alias(_) => Status::Internal,
        };
        Self::new(status, &refused)
    }
}

/// Which proof a request carries. A request with parts of two carries none.
pub(super) fn login_type(fields: &Fields) -> Result<LoginType, LoginTypeError> {
    let any_iam = signed_request::FIELDS.iter().any(|name| fields.supplied(name));
    let any_ec2 = EC2_FIELDS.iter().any(|name| fields.supplied(name));
    if fields.supplied("jwt") {
        return if any_iam || any_ec2 { Err(LoginTypeError::JwtBeside) } else { Ok(LoginType::Jwt) };
    }
    if any_iam && any_ec2 {
        return Err(LoginTypeError::Both);
    }
    if fields.supplied("pkcs7") || (fields.supplied("identity") && fields.supplied("signature")) {
        return Ok(LoginType::Ec2);
    }
    let get = fields.text("iam_http_request_method") == Some("GET");
    let complete = signed_request::FIELDS
        .iter()
        .all(|name| fields.supplied(name) || (get && *name == "iam_request_body"));
    if complete { Ok(LoginType::Iam) } else { Err(LoginTypeError::Incomplete) }
}

async fn login(mount: &Mount, request: &Request, fields: Fields) -> HandlerResult {
    let role = fields.text("role").unwrap_or("").to_owned();
    match log_in(mount, request, fields).await {
        Ok(admitted) => Ok(Some(admitted.into())),
        Err(failure) => {
            let failure = named(mount, failure.in_strict_mode(mount.is_strict_role(&role))).await;
            log_refusal(mount, request, &role, &failure);
            Err(failure)
        }
    }
}

/// Whether a login is looked at. A long one is not where too many wait for STS: to read it takes longer than all that
/// becomes of it. Of what it holds, a part would be sent on.
///
/// # Errors
/// That too many wait.
pub(crate) fn takes(mount: &Mount, request: &Request) -> Result<(), Failure> {
    let length = request.data.len();
    if request.path != "login" || length < LONG_DATA || mount.has_place_at_sts(length.div_ceil(4)) {
        return Ok(());
    }
    let failure = Failure::from(iam::Refused::TooManyWait);
    log_refusal(mount, request, "", &failure);
    Err(failure)
}

/// A login is not looked at where the host forwards it: else AWS would be asked here and there.
async fn check_served_here(mount: &Mount) -> Result<(), Failure> {
    if mount.leaves_logins_to_writer().await { Err(Failure::read_only()) } else { Ok(()) }
}

async fn log_in(mount: &Mount, request: &Request, fields: Fields) -> Result<Admitted, Failure> {
    check_served_here(mount).await?;
    match start(mount, request, fields, &trace::OFF).await? {
        Started::Iam(login) => match login.log_in().await {
            Ok(auth) => Ok(auth.into()),
            Err(refused) => Err(Failure::from(refused).in_strict_mode(login.is_strict())),
        },
        Started::Jwt(login) => match login.log_in().await {
            Ok(auth) => Ok(auth.into()),
            Err(refused) => Err(Failure::from(refused).in_strict_mode(login.is_strict())),
        },
        Started::Ec2(login) => Ok(login.log_in().await?),
    }
}

/// A login that is read and waits for AWS.
enum Started<'a> {
    Iam(Box<IamLogin<'a>>),
    Ec2(Box<Ec2Login<'a>>),
    Jwt(Box<JwtLogin<'a>>),
}

/// Reads a login. What the client sent is gone then: many may wait for AWS.
async fn start<'a>(
    mount: &'a Mount,
    request: &'a Request,
    fields: Fields,
    trace: &'a Trace,
) -> Result<Started<'a>, Failure> {
    Ok(match login_type(&fields)? {
        LoginType::Iam => Started::Iam(Box::new(IamLogin::start(mount, request, &fields, trace).await?)),
        LoginType::Jwt => Started::Jwt(Box::new(JwtLogin::start(mount, request, &fields, trace).await?)),
        LoginType::Ec2 => Started::Ec2(Box::new(Ec2Login::start(mount, request, &fields, trace).await?)),
    })
}

/// The operator sees why somebody could not log in. A client's mistake is not the operator's trouble,
/// also where it is answered with HTTP 500: else any stranger could fill the log with warnings. Of the
/// same trouble there are only so many warnings, and then how many there were.
fn log_refusal(mount: &Mount, request: &Request, role: &str, failure: &Failure) {
    let address = request.connection.as_ref().map_or("", |connection| connection.remote_addr.as_str());
    let (id, address, role) =
        (logged_text::value(&request.id), logged_text::value(address), logged_text::value(role));
    let refusal_id = failure.id().unwrap_or("");
    let (point, code, hint) = (request.mount_point.as_str(), failure.code(), failure.advice());
    let reason = || logged_text::reason(failure.text());
    match failure.blame() {
        _ if failure.is_read_only() => {}
        Blame::Operator | Blame::Aws | Blame::Host => match mount.failed_logins().tell(code, &role) {
            None if failure.is_told_id() => {
                let code = code.as_str();
                tracing::debug!(id, mount = point, role, code, refusal_id, "a further login failed");
            }
            None => {}
            Some(left_out) => {
                tracing::warn!(
                    id,
                    mount = point,
                    role,
                    address,
                    code = code.as_str(),
                    refusal_id,
                    hint,
                    reason = reason(),
                    left_out = (left_out > 0).then_some(left_out),
                    "login failed"
                );
            }
        },
        Blame::Client => {
            tracing::debug!(
                id,
                mount = point,
                role,
                address,
                code = code.as_str(),
                refusal_id,
                hint,
                reason = reason(),
                "login refused"
            );
        }
    }
}

/// Tells the operator how many failed logins the log has left out since it was last told. To be called
/// about once a minute.
pub(crate) fn log_left_out(mount: &Mount, request: &Request) {
    for (code, left_out) in mount.failed_logins().take_left_out() {
        let mount = request.mount_point.as_str();
        tracing::warn!(mount, code = code.as_str(), left_out, "further logins failed");
    }
}

async fn look_ahead(mount: &Mount, request: &Request, fields: Fields) -> HandlerResult {
    check_served_here(mount).await?;
    let auth = match start(mount, request, fields, &trace::OFF).await? {
        Started::Iam(login) => login.look_ahead().await?,
        Started::Jwt(login) => login.look_ahead().await?,
        Started::Ec2(login) => login.look_ahead().await?,
    };
    Ok(Some(Response::with_auth(auth)))
}

/// The host asks this around every login, so a named role is answered from the request alone.
async fn resolve_role(mount: &Mount, request: &Request, fields: Fields) -> HandlerResult {
    let role = match fields.text("role") {
        Some(named) if !named.is_empty() => named.to_lowercase(),
        _ => {
            check_served_here(mount).await?;
            match start(mount, request, fields, &trace::OFF).await? {
                Started::Iam(login) => login.resolve_role().await?,
                Started::Jwt(login) => login.resolve_role().await?,
                Started::Ec2(login) => login.resolve_role().await?,
            }
        }
    };
    Ok(Some(Response::with_data(object([("role", json!(role))]))))
}
