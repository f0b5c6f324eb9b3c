//! The iam login: from a signed request to an identity.
//!
//! parse → check against the configuration → STS → role → bindings → inferred instance → identity → use.
//! What the built-in method does not have comes after what it has of the same kind.
//! The order is part of the interface: clients see its first failure.

mod alias_tags;
mod checks;
mod evidence;
mod identity;
mod not_shown;
mod own_bounds;
mod refused;
pub(crate) mod renewal;
mod request_rules;
mod shown;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::accounts::crowd::Arrival;
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
use crate::binding::login_type::check_login_type;
use crate::binding::near_miss::near_miss;
use crate::binding::partition::check_partition;
use crate::binding::principal::{Principal, PrincipalMatch, check_principal, matches_pattern};
use crate::entry::{AuthType, IdentityConfig, InferredEntity, LoginType, RequestRules, Role};
use crate::framework::{Auth, Fields, Request};
use crate::login::role_checks::{NOT_STRICT, check_address, instance_bounds};
use crate::login::token_data::{TokenData, alias_alone, iam_keys, remote_addr};
use crate::login::trace::{Check, Compared, Trace};
use crate::mount::Mount;
use crate::mount::login_memo::LoginKey;
use crate::mount::strictness::RoleSpelling;
use crate::proof::signed_request::SignedRequest;
use crate::proof::verified_caller::VerifiedCaller;
use crate::store::ConfigSnapshot;

pub use refused::Refused;
use shown::Shown;

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
    /// What the client signed beside it, about itself.
    shown: Shown,
    deadline: Deadline,
    /// Whether strict mode is known to hold; the role may tell it late.
    is_strict: AtomicBool,
    trace: &'a Trace,
    /// When it came, in seconds since 1970.
    came_at: i64,
}

/// A caller and the role it wants.
struct Candidate {
    caller: VerifiedCaller,
    role_name: String,
    role: Arc<Role>,
}

impl<'a> IamLogin<'a> {
    /// Parses the request and checks it against the configuration, without AWS.
    ///
    /// # Errors
    /// What the client must change, or that the configuration cannot be read.
    pub async fn start(
        mount: &'a Mount,
        request: &'a Request,
        fields: &Fields,
        trace: &'a Trace,
    ) -> Result<Self, Refused> {
        let signed = SignedRequest::parse(fields, mount.host());
        let signed = trace.note(Check::Request, signed, Compared::default)?;
        let snapshot = mount.store().config_snapshot().await?;
        let given_role = fields.text("role").unwrap_or("").to_owned();
        let is_strict = snapshot.config.iam_strict_request || mount.is_strict_role(&given_role);
        let for_server = trace.hold(checks::server_id(trace, &signed, &snapshot.config, is_strict))?;
        checks::headers(trace, &signed, &snapshot.config)?;
        for_server?;
        if is_strict {
            let strict = check_strictly(&signed, &given_role, &snapshot);
            trace.note(Check::Strict, strict, Compared::default)?;
        }
        let (deadline, came_at) = (Deadline::start(), mount.now());
        let (shown, is_strict) = (Shown::default(), AtomicBool::new(is_strict));
        let login =
            Self { mount, request, signed, given_role, snapshot, shown, deadline, is_strict, trace, came_at };
        login.check_age(login.mount_rules())?;
        let shown = Shown::of(fields, &login.signed, &login.snapshot, came_at, trace)?;
        Ok(Self { shown, ..login })
    }

    /// Whether strict mode holds for the login, as far as is known.
    #[must_use]
    pub fn is_strict(&self) -> bool {
        self.is_strict.load(Ordering::Relaxed)
    }

    /// Logs in.
    ///
    /// # Errors
    /// Why not.
    pub async fn log_in(&self) -> Result<Auth, Refused> {
        if self.mount_rules().single_use {
            self.check_stored_here().await?;
            // A request that is used up already is not worth a call.
            self.check_unused()?;
        }
        let arrival = self.mount.set_out();
        let (caller, counted) = match self.mount.login_memo().take_caller(|| self.key()) {
            Some(caller) => (caller, None),
            None => self.verify().await.map(|(caller, counted)| (caller, Some(counted)))?,
        };
        let told = self.given_role.is_empty().then(|| told_role(&caller));
        let (auth, rules) = self.judge(Ok(caller), &arrival).await?;
        // Nothing can refuse the login any more, so what is refused uses nothing up.
        if rules.single_use {
            self.mount.use_up(&self.one_use()?).await?;
        }
        if let Some(counted) = counted {
            counted.admit();
            if let Some(told) = told {
                self.mount.login_memo().keep_role(self.key(), told);
            }
        }
        Ok(auth)
    }

    /// Makes the checks of a login, for the trace alone: nothing is issued, taken or left behind.
    ///
    /// # Errors
    /// Why there would be no login.
    pub async fn explain(self) -> Result<(), Refused> {
        let arrival = self.mount.set_out();
        let caller = self.verify().await.map(|(caller, _)| caller);
        self.judge(caller, &arrival).await.map(drop)
    }

    /// What a caller is admitted with, and what its request is held to. The role does not depend on who it is, nor
    /// its instance on whether the role binds it.
    async fn judge(
        &self,
        caller: Result<VerifiedCaller, Refused>,
        arrival: &Arrival,
    ) -> Result<(Auth, RequestRules), Refused> {
        let caller = self.trace.hold(caller)?;
        let evidence = caller.as_ref().map_or(Ok(()), |caller| self.check_evidence(caller));
        let evidence = self.trace.hold(evidence)?;
        let (role_name, role) = self.role(caller.as_ref().ok()).await?;
        let rules = self.rules_with(&role).await?;
        let candidate = Candidate { caller: caller?, role_name, role };
        evidence?;
        let bound = self.trace.hold(self.check_principal(&candidate).await)?;
        let own = self.trace.hold(self.check_own_bounds(&candidate).await)?;
        let instance = self.inferred_instance(&candidate, arrival).await?;
        bound?;
        own?;
        let config = self.mount.store().identity_config().await?;
        let begun = self.trace.begin(Check::Identity);
        let auth = self.identity(&candidate, instance.as_ref(), &config).await;
        let auth = self.trace.end(begun, auth, |auth| checks::identity(auth, config.iam_alias()))?;
        Ok((auth, rules))
    }

    /// The alias that a login would use.
    ///
    /// # Errors
    /// Why there would be no login.
    pub async fn look_ahead(self) -> Result<Auth, Refused> {
        let (caller, _) = self.verify().await?;
        let (role_name, role) = self.role(Some(&caller)).await?;
        let candidate = Candidate { caller, role_name, role };
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

    fn key(&self) -> LoginKey {
        LoginKey::new(self.mount.id(), &self.request.data_digest, self.snapshot.generation)
    }

    async fn verify(&self) -> Result<(VerifiedCaller, ForwardedAnswer<'_>), Refused> {
        let begun = self.trace.begin(Check::Sts);
        let verified = self.ask_sts().await;
        self.trace.end(begun, verified, checks::caller)
    }

    async fn ask_sts(&self) -> Result<(VerifiedCaller, ForwardedAnswer<'_>), Refused> {
        let mut outgoing = self.signed.outgoing(&self.snapshot.config)?;
        if let (true, Ok(request)) = (outgoing.region_by_client, &mut outgoing.request) {
            request.host_chosen_in = Some(self.mount.id().into());
        }
        let context = self.mount.clients().context(&self.snapshot, self.deadline);
        let context = CallContext { max_attempts: context.max_attempts.min(MAX_FORWARD_ATTEMPTS), ..context };
        let size = outgoing.size().saturating_add(self.evidence_size());
        let [of_mount, of_process] = &self.mount.place_at_sts(size).ok_or(Refused::TooManyWait)?;
        let turn = async { [of_mount.turn().await, of_process.turn().await] };
        let _turn = self.deadline.limit_call(turn).await.ok_or(Refused::TooManyWait)?;
        let (identity, mut counted) = sts::forward(&outgoing, context).await?;
        let caller = VerifiedCaller::from_identity(&identity)?;
        counted.names(caller.account());
        Ok((caller, counted))
    }

    /// The role that is asked for; without a name that of the caller.
    async fn role(&self, caller: Option<&VerifiedCaller>) -> Result<(String, Arc<Role>), Refused> {
        let role_name = match self.given_role.as_str() {
            "" => caller.map_or("", |caller| caller.arn().name()),
            given => given,
        };
        let role = self.mount.role(role_name).await?.ok_or_else(|| Refused::NoRole {
            name: role_name.to_owned(),
            is_named: !self.given_role.is_empty(),
        });
        let role = self.trace.note(Check::Role, role, || Compared::of("", role_name))?;
        self.check_strictly(&role, caller)?;
        check_address(self.trace, &role, remote_addr(self.request))?;
        let is_iam = role.auth_type() == Some(AuthType::Iam);
        let of_type = if is_iam { Ok(()) } else { Err(Refused::WrongType(role_name.to_owned())) };
        let types = || Compared::of(AuthType::Iam.as_str(), role.auth_type.as_str());
        self.trace.note(Check::AuthType, of_type, types)?;
        if let Err(refused) = check_login_type(&role, role_name, LoginType::IamRequest) {
            return Ok(self.trace.note(Check::AuthType, Err(refused), Compared::default)?);
        }
        self.trace.note(Check::BindsAnything, check_binds_anything(&role, role_name), Compared::default)?;
        Ok((role_name.to_owned(), role))
    }

    /// The role may demand what its mount does not; then the request is looked at again.
    fn check_strictly(&self, role: &Role, caller: Option<&VerifiedCaller>) -> Result<(), Refused> {
        if !self.is_strict() {
            if !role.iam_strict_request {
                self.trace.skip(Check::Strict, NOT_STRICT, Compared::default);
                return Ok(());
            }
            self.is_strict.store(true, Ordering::Relaxed);
            let strict = check_strictly(&self.signed, &self.given_role, &self.snapshot);
            self.trace.note(Check::Strict, strict, Compared::default)?;
        }
        match caller.map_or(Ok(()), VerifiedCaller::check_strictly) {
            Ok(()) => Ok(()),
            disagrees => Ok(self.trace.note(Check::Strict, disagrees, Compared::default)?),
        }
    }

    fn look_up(&self) -> LookUp<'_> {
        self.mount.look_up(&self.snapshot, self.deadline)
    }

    async fn check_principal(&self, candidate: &Candidate) -> Result<(), Refused> {
        let begun = self.trace.begin(Check::Principal);
        let bound = self.bound_principal(candidate).await;
        let principals = |bound: &Result<_, _>| checks::principal(&candidate.caller, &candidate.role, bound);
        self.trace.end(begun, bound, principals).map(drop)
    }

    /// The full ARN of a caller whom the role binds, if it took one to tell.
    async fn bound_principal(&self, candidate: &Candidate) -> Result<Option<Arc<str>>, Refused> {
        let Candidate { caller, role_name, role } = candidate;
        let canonical_arn = caller.arn().canonical();
        let principal = Principal { unique_id: caller.unique_id(), canonical_arn: &canonical_arn };
        let refused = |full_arn: Option<Arc<str>>| Refused::NotBound {
            arn: caller.arn().as_str().to_owned(),
            full_arn,
            role: role_name.clone(),
            bound: role.bound_iam_principal_arn_list.clone().unwrap_or_default(),
            near_miss: near_miss(role, caller.arn(), caller.unique_id()).map(Box::new),
        };
        match check_principal(role, principal) {
            PrincipalMatch::Admitted => return Ok(None),
            PrincipalMatch::Refused => return Err(refused(None)),
            PrincipalMatch::NeedsFullArn => {}
        }
        let full_arn = match self.shown_entity(candidate).await? {
            Some(entity) => entity.arn.as_str().into(),
            None => self.full_arn(candidate).await?,
        };
        if matches_pattern(role, &full_arn) { Ok(Some(full_arn)) } else { Err(refused(Some(full_arn))) }
    }

    async fn full_arn(&self, candidate: &Candidate) -> Result<Arc<str>, Refused> {
        let Candidate { caller, role_name, role } = candidate;
        let full_arn = self.mount.full_arn(self.look_up(), caller.arn(), caller.unique_id()).await;
        full_arn.map_err(|cause| {
            let named = names_account(role, caller.account());
            Refused::FullArn {
                entity: caller.arn().entity_text(),
                role: role_name.clone(),
                cause: Box::new(if named { cause } else { cause.chosen_by_client() }),
            }
        })
    }

    async fn inferred_instance(
        &self,
        candidate: &Candidate,
        arrival: &Arrival,
    ) -> Result<Option<Instance>, Refused> {
        let Candidate { caller, role_name, role } = candidate;
        match role.inferred_entity()? {
            None => {
                self.trace.skip(Check::Instance, checks::NOT_INFERRED, Compared::default);
                self.trace.skip(Check::InstanceBounds, checks::NOT_INFERRED, Compared::default);
                return Ok(None);
            }
            Some(InferredEntity::Ec2Instance) => {}
        }
        let begun = self.trace.begin(Check::Instance);
        let instance = self.running_instance(candidate, arrival).await;
        let (session, region) = (caller.arn().session(), role.inferred_aws_region.as_str());
        let instance = self.trace.end(begun, instance, |found| checks::instance(found, session, region))?;
        let begun = self.trace.begin(Check::InstanceBounds);
        let bound = check_bounds(self.look_up(), role, role_name, caller.account(), &instance).await;
        self.trace.end(begun, bound.map_err(Refused::from), |_| instance_bounds(role, &instance))?;
        Ok(Some(instance))
    }

    async fn running_instance(&self, candidate: &Candidate, arrival: &Arrival) -> Result<Instance, Refused> {
        let Candidate { caller, role, .. } = candidate;
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
        let wanted = Wanted { id, caller: caller.unique_id(), arrival: Some(arrival) };
        look_up_running(self.look_up(), caller.account(), region, wanted).await.map_err(not_verified)
    }

    async fn identity(
        &self,
        candidate: &Candidate,
        instance: Option<&Instance>,
        config: &IdentityConfig,
    ) -> Result<Auth, Refused> {
        let alias_tags = self.alias_tags(candidate, config).await?;
        let mut auth = self.admit(candidate, instance, config)?;
        if let Some(alias) = &mut auth.alias {
            alias.metadata.extend(alias_tags);
        }
        Ok(auth)
    }

    fn admit(
        &self,
        candidate: &Candidate,
        instance: Option<&Instance>,
        config: &IdentityConfig,
    ) -> Result<Auth, Refused> {
        let Candidate { caller, role_name, role } = candidate;
        let instance_id = instance.map_or("", |instance| &instance.id);
        let region = instance.map_or("", |_| &role.inferred_aws_region);
        let mut token_metadata = vec![("role_id", role.role_id.clone())];
        token_metadata.extend(identity::audit_metadata(config, caller, || self.signed.signature_facts()));
        let token = TokenData {
            alias_name: identity::alias_name(config, caller, role)?,
            metadata: identity::metadata(config, caller, role, instance),
            token_metadata,
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

/// What strict mode demands of a login before AWS is asked.
fn check_strictly(
    signed: &SignedRequest,
    given_role: &str,
    snapshot: &ConfigSnapshot,
) -> Result<(), Refused> {
    signed.check_strictly(&snapshot.config)?;
    match RoleSpelling::of(given_role) {
        Some(spelling) => Err(spelling.into()),
        None => Ok(()),
    }
}
