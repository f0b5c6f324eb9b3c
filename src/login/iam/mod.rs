//! The iam login: from a signed request to an identity.
//!
//! parse → check against the configuration → STS → role → bindings → inferred instance → identity → use.
//! The order is part of the interface: clients see its first failure.

mod identity;
mod refused;
pub(crate) mod renewal;

use std::sync::Arc;

use crate::accounts::instance::{InstanceError, look_up_running};
use crate::accounts::instance_batches::Wanted;
use crate::accounts::look_up::LookUp;
use crate::aws::calls::ForwardedAnswer;
use crate::aws::context::CallContext;
use crate::aws::deadline::Deadline;
use crate::aws::ec2::Instance;
use crate::aws::sts;
use crate::binding::account::names_account;
use crate::binding::binds_anything::check_binds_anything;
use crate::binding::instance::check_bounds;
use crate::binding::partition::check_partition;
use crate::binding::principal::{Principal, PrincipalMatch, check_principal, matches_pattern};
use crate::entry::{AuthType, IdentityConfig, InferredEntity, RequestRules, Role};
use crate::framework::{Auth, Failure, Fields, Request};
use crate::login::token_data::{TokenData, alias_alone, iam_keys, remote_addr};
use crate::mount::Mount;
use crate::mount::login_memo::LoginKey;
use crate::mount::one_use::OneUse;
use crate::mount::single_use_error::SingleUseError;
use crate::proof::signed_request::SignedRequest;
use crate::proof::signed_request::freshness::{NotFresh, check_date};
use crate::proof::verified_caller::VerifiedCaller;
use crate::store::ConfigSnapshot;

pub use refused::Refused;

/// Attempts for the forwarded request, at the most.
const MAX_FORWARD_ATTEMPTS: u32 = 3;

/// What the host is told of the role of a login that names none.
fn told_role(caller: &VerifiedCaller) -> String {
    caller.arn().name().to_lowercase()
}

/// A login request on its way.
pub struct IamLogin<'a> {
    mount: &'a Mount,
    request: &'a Request,
    signed: SignedRequest,
    /// As the client gave it; empty if it gave none.
    given_role: String,
    snapshot: ConfigSnapshot,
    deadline: Deadline,
    /// When it came, in seconds since 1970.
    came_at: i64,
}

/// A caller and the role it wants.
struct Candidate {
    caller: VerifiedCaller,
    role_name: String,
    role: Arc<Role>,
    /// What the mount and the role together demand of the request.
    rules: RequestRules,
}

impl<'a> IamLogin<'a> {
    /// Parses the request and checks it against the configuration, without AWS.
    ///
    /// # Errors
    /// What the client must change, or that the configuration cannot be read.
    pub async fn start(mount: &'a Mount, request: &'a Request, fields: &Fields) -> Result<Self, Refused> {
        let signed = SignedRequest::parse(fields, mount.host())?;
        let snapshot = mount.store().config_snapshot().await?;
        signed.check(&snapshot.config)?;
        let given_role = fields.text("role").unwrap_or("").to_owned();
        let (deadline, came_at) = (Deadline::start(), mount.now());
        let login = Self { mount, request, signed, given_role, snapshot, deadline, came_at };
        login.check_fresh(login.mount_rules())?;
        Ok(login)
    }

    /// Logs in.
    ///
    /// # Errors
    /// Why not.
    pub async fn log_in(self) -> Result<Auth, Refused> {
        if self.mount_rules().single_use {
            self.check_stored_here().await?;
            // A request that is used up already is not worth a call.
            if self.mount.is_used_up(&self.one_use()?) {
                return Err(SingleUseError::Used.into());
            }
        }
        let (caller, counted) = match self.mount.login_memo().take_caller(|| self.key()) {
            Some(caller) => (caller, None),
            None => self.verify().await.map(|(caller, counted)| (caller, Some(counted)))?,
        };
        let candidate = self.candidate(caller).await?;
        if candidate.rules.single_use && !self.mount_rules().single_use {
            self.check_stored_here().await?;
        }
        self.check_principal(&candidate).await?;
        let instance = self.inferred_instance(&candidate).await?;
        let config = self.mount.store().identity_config().await?;
        let auth = self.admit(&candidate, instance.as_ref(), &config)?;
        // Nothing can refuse the login any more, so what is refused uses nothing up.
        if candidate.rules.single_use {
            self.mount.use_up(&self.one_use()?).await?;
        }
        if let Some(counted) = counted {
            counted.admit();
            if self.given_role.is_empty() {
                self.mount.login_memo().keep_role(self.key(), told_role(&candidate.caller));
            }
        }
        Ok(auth)
    }

    /// The alias that a login would use.
    ///
    /// # Errors
    /// Why there would be no login.
    pub async fn look_ahead(self) -> Result<Auth, Refused> {
        let (caller, _) = self.verify().await?;
        let candidate = self.candidate(caller).await?;
        let config = self.mount.store().identity_config().await?;
        let name = identity::alias_name(&config, &candidate.caller, &candidate.role)?;
        Ok(alias_alone(name))
    }

    /// The role of a login that names none: that of its principal. After the login its name is known; before
    /// it the verification is kept for the login that follows.
    ///
    /// # Errors
    /// Why there is no caller.
    pub async fn resolve_role(self) -> Result<String, Refused> {
        if let Some(name) = self.mount.login_memo().take_role(|| self.key()) {
            return Ok(name);
        }
        let (caller, _) = self.verify().await?;
        let name = told_role(&caller);
        self.mount.login_memo().keep_caller(self.key(), caller);
        Ok(name)
    }

    fn mount_rules(&self) -> RequestRules {
        self.snapshot.config.request_rules
    }

    fn check_fresh(&self, rules: RequestRules) -> Result<(), Refused> {
        let Some(max_age) = rules.checked_age() else { return Ok(()) };
        let signature = self.signed.signature().ok_or(NotFresh::Form)?;
        Ok(check_date(signature.signed_at, self.came_at, max_age)?)
    }

    fn one_use(&self) -> Result<OneUse, Refused> {
        Ok(OneUse::of_signature(&self.signed.signature().ok_or(NotFresh::Form)?))
    }

    /// A use is stored at one node. Elsewhere the host is told so, and forwards.
    async fn check_stored_here(&self) -> Result<(), Refused> {
        if self.mount.leaves_single_use_to_writer().await {
            return Err(Failure::read_only().into());
        }
        Ok(())
    }

    fn key(&self) -> LoginKey {
        LoginKey::new(self.mount.id(), &self.request.data_digest, self.snapshot.generation)
    }

    async fn verify(&self) -> Result<(VerifiedCaller, ForwardedAnswer<'_>), Refused> {
        let mut outgoing = self.signed.outgoing(&self.snapshot.config)?;
        if let (true, Ok(request)) = (outgoing.region_by_client, &mut outgoing.request) {
            request.host_chosen_in = Some(self.mount.id().into());
        }
        let context = self.mount.clients().context(&self.snapshot, self.deadline);
        let context = CallContext { max_attempts: context.max_attempts.min(MAX_FORWARD_ATTEMPTS), ..context };
        let _place = self.mount.place_at_sts(outgoing.size()).ok_or(Refused::TooManyWait)?;
        let (identity, mut counted) = sts::forward(&outgoing, context).await?;
        let caller = VerifiedCaller::from_identity(&identity)?;
        counted.names(caller.account());
        Ok((caller, counted))
    }

    async fn candidate(&self, caller: VerifiedCaller) -> Result<Candidate, Refused> {
        let role_name = match self.given_role.as_str() {
            "" => caller.arn().name(),
            given => given,
        };
        let role = self.mount.role(role_name).await?.ok_or_else(|| Refused::NoRole {
            name: role_name.to_owned(),
            is_named: !self.given_role.is_empty(),
        })?;
        role.token.check_address(remote_addr(self.request))?;
        if role.auth_type() != Some(AuthType::Iam) {
            return Err(Refused::WrongType(role_name.to_owned()));
        }
        check_binds_anything(&role, role_name)?;
        let rules = self.mount_rules().and(role.request_rules);
        self.check_fresh(rules)?;
        Ok(Candidate { role_name: role_name.to_owned(), caller, role, rules })
    }

    fn look_up(&self) -> LookUp<'_> {
        self.mount.look_up(&self.snapshot, self.deadline)
    }

    async fn check_principal(&self, candidate: &Candidate) -> Result<(), Refused> {
        let Candidate { caller, role_name, role, .. } = candidate;
        let canonical_arn = caller.arn().canonical();
        let principal = Principal { unique_id: caller.unique_id(), canonical_arn: &canonical_arn };
        let refused = || Refused::NotBound {
            arn: caller.arn().as_str().to_owned(),
            role: role_name.clone(),
            bound: role.bound_iam_principal_arn_list.clone().unwrap_or_default(),
        };
        match check_principal(role, principal) {
            PrincipalMatch::Admitted => return Ok(()),
            PrincipalMatch::Refused => return Err(refused()),
            PrincipalMatch::NeedsFullArn => {}
        }
        let full_arn =
            self.mount.full_arn(self.look_up(), caller.arn(), caller.unique_id()).await.map_err(|cause| {
                let named = names_account(role, caller.account());
                Refused::FullArn {
                    entity: caller.arn().entity_text(),
                    role: role_name.clone(),
                    cause: Box::new(if named { cause } else { cause.chosen_by_client() }),
                }
            })?;
        if matches_pattern(role, &full_arn) { Ok(()) } else { Err(refused()) }
    }

    async fn inferred_instance(&self, candidate: &Candidate) -> Result<Option<Instance>, Refused> {
        let Candidate { caller, role_name, role, .. } = candidate;
        match role.inferred_entity()? {
            None => return Ok(None),
            Some(InferredEntity::Ec2Instance) => {}
        }
        let (id, region) = (caller.arn().session(), role.inferred_aws_region.as_str());
        check_partition(caller.arn(), region).map_err(|cause| Refused::OtherPartition {
            id: id.to_owned(),
            region: region.to_owned(),
            cause,
        })?;
        let named = names_account(role, caller.account());
        let not_verified = |cause: InstanceError| Refused::Instance {
            id: id.to_owned(),
            region: region.to_owned(),
            cause: Box::new(if named { cause } else { cause.chosen_by_client() }),
        };
        let wanted = Wanted { id, caller: caller.unique_id() };
        let instance =
            look_up_running(self.look_up(), caller.account(), region, wanted).await.map_err(not_verified)?;
        check_bounds(self.look_up(), role, role_name, caller.account(), &instance).await?;
        Ok(Some(instance))
    }

    fn admit(
        &self,
        candidate: &Candidate,
        instance: Option<&Instance>,
        config: &IdentityConfig,
    ) -> Result<Auth, Refused> {
        let Candidate { caller, role_name, role, .. } = candidate;
        let instance_id = instance.map_or("", |instance| &instance.id);
        let region = instance.map_or("", |_| &role.inferred_aws_region);
        let token = TokenData {
            alias_name: identity::alias_name(config, caller, role)?,
            metadata: identity::metadata(config, caller, role, instance),
            token_metadata: vec![("role_id", role.role_id.clone())],
            internal_data: [
                (iam_keys::ROLE_NAME, role_name.clone()),
                (iam_keys::ROLE_ID, role.role_id.clone()),
                (iam_keys::CANONICAL_ARN, caller.arn().canonical()),
                (iam_keys::CLIENT_USER_ID, caller.unique_id().to_owned()),
                (iam_keys::INFERRED_ENTITY_ID, instance_id.to_owned()),
                (iam_keys::INFERRED_AWS_REGION, region.to_owned()),
                (iam_keys::ACCOUNT_ID, caller.account().as_str().to_owned()),
            ],
        };
        let auth = token.issue(role, remote_addr(self.request))?;
        Ok(Auth { display_name: caller.display_name(), ..auth })
    }
}
