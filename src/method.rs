//! The auth method as a host mounts it: which operation goes where.

use std::sync::Arc;

use serde_json::{Map, json};
use thiserror::Error;

use crate::entry::Issuer;
use crate::framework::{
    Backend, Existence, Failure, HandlerResult, HelpContext, Operation, Reply, Request, Response,
};
use crate::login::renewal;
use crate::mount::{Environment, Mount, MountSetup, issuer_keys, own_rotation, root_rotation};
use crate::path;
use crate::refusal::{Code, Coded};

/// Paths and storage keys the host treats specially.
#[derive(Clone, Copy, Debug)]
pub struct SpecialPaths {
    /// Paths that need no token.
    pub unauthenticated: &'static [&'static str],
    /// Storage prefixes that are not replicated.
    pub local_storage: &'static [&'static str],
    /// Storage keys wrapped by the seal.
    pub seal_wrap_storage: &'static [&'static str],
}

impl SpecialPaths {
    /// Those of this method.
    pub const AWS: Self = Self {
        unauthenticated: &["login", "oidc/.well-known/openid-configuration", "oidc/.well-known/keys"],
        local_storage: &["whitelist/identity/"],
        seal_wrap_storage: &["config/client", Issuer::PREFIX, "rotation/key"],
    };
}

/// What the mount itself is for, in help.
const DESCRIPTION: &str = "
Logs in AWS principals and EC2 instances.

With the iam login a client signs a GetCallerIdentity request of the AWS Security Token Service and
hands over the signed request, never its secret key; the server sends it to AWS, learns who signed
it, and gives the client a token by the role it asks for. A role binds IAM principals; with inferencing
it also binds the EC2 instance that a session is named after: its image, account, subnet, VPC, instance
profile and role.

With the ec2 login an instance hands over its identity document, signed by AWS. The server looks the
instance up and compares it with the role. The first login of an instance settles a nonce that later
ones must know. A role tag, a value that the role issues and that is set as a tag of the instance,
narrows down what the role gives.
";

/// A route is wrong, so there is no table of routes. A test excludes it; stands instead of a panic.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("{0}")]
struct RouteMistake(String);

impl Coded for RouteMistake {
    fn code(&self) -> Code {
        Code::PluginDefect
    }
}

/// One mounted auth method.
pub struct AuthMethod {
    mount: Arc<Mount>,
}

impl AuthMethod {
    /// A method as the host set it up. Touches neither storage nor system view: at registration there
    /// are none.
    #[must_use]
    pub fn new(environment: Arc<Environment>, setup: MountSetup) -> Self {
        Self { mount: Mount::new(environment, setup) }
    }

    /// Runs once after set-up, when storage may be written.
    ///
    /// # Errors
    /// Only what must keep the mount from being enabled.
    pub async fn initialize(&self) -> Result<(), Failure> {
        self.mount.initialize().await
    }

    /// Answers one request.
    pub async fn handle_request(&self, request: Request) -> Reply {
        match request.operation {
            // On the heap, as the handlers of the route table are: the future of a request is copied as
            // a whole, with room for its largest operation.
            Operation::Renew => match Box::pin(renewal::renew(&self.mount, &request)).await {
                Err(failure) => Err(self.mount.refused(&request, failure).await).into(),
                renewed => renewed.into(),
            },
            // No leases, so nothing to revoke.
            Operation::Revoke => Err(Failure::unsupported_operation()).into(),
            Operation::Rollback => {
                self.mount.tidy().tick();
                self.mount.begin_removal_of_uses();
                own_rotation::tick(&self.mount);
                path::login::log_left_out(&self.mount, &request);
                self.mount.warn_of_clock();
                // On the heap, as above: a key may have to be made.
                Box::pin(issuer_keys::tick(&self.mount)).await;
                Reply::Empty
            }
            Operation::Rotation => Box::pin(root_rotation::on_schedule(&self.mount)).await.into(),
            Operation::ResolvePath => resolve_path(&request.path).into(),
            _ => match path::routes(self.mount.host()) {
                Ok(table) => table.handle(&self.mount, request).await,
                Err(mistake) => Err(Failure::internal(&RouteMistake(mistake.to_string()))).into(),
            },
        }
    }

    /// Tells whether the entry behind a request exists.
    pub async fn existence_check(&self, request: Request) -> Existence {
        match path::routes(self.mount.host()) {
            Ok(table) => table.existence_check(&self.mount, &request).await,
            Err(mistake) => Existence::Failed(Failure::internal(&RouteMistake(mistake.to_string()))),
        }
    }

    /// Forgets what is cached under a storage key that changed elsewhere.
    pub fn invalidate_key(&self, key: &str) {
        self.mount.invalidate_key(key);
    }

    /// Ends background work. May be called twice.
    pub async fn cleanup(&self) {
        self.mount.cleanup().await;
    }
}

impl Backend for Mount {
    async fn can_write(&self) -> Result<bool, Failure> {
        Ok(self.is_writer().await?)
    }

    async fn help_context(&self) -> HelpContext {
        HelpContext {
            version: self.system_view().host_version().await.unwrap_or_default(),
            description: DESCRIPTION.trim_ascii(),
            unauthenticated: SpecialPaths::AWS.unauthenticated,
        }
    }

    fn takes(&self, request: &Request) -> Result<(), Failure> {
        path::login::takes(self, request)
    }

    async fn refused(&self, request: &Request, failure: Failure) -> Failure {
        path::refused_request::told(self, request, failure).await
    }
}

/// Answers with the canonical form of a path, for the host's access control: names that are folded
/// to lower case are folded here too, or a policy on one spelling would not hold for another.
fn resolve_path(path: &str) -> HandlerResult {
    let canonical = path::canonical(path);
    Ok(Some(Response::with_data(Map::from_iter([("path".to_owned(), json!(canonical))]))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_canonical_path_is_answered() {
        for (path, canonical) in [("role/PROD", "role/prod"), ("nonsense/ABC", "nonsense/ABC")] {
            let response = resolve_path(path).unwrap().unwrap();
            assert_eq!(response.data.unwrap()["path"], canonical, "{path}");
        }
    }
}
