//! The jwt login: from a web identity token of AWS to an identity.
//!
//! parse → issuer → signature → claims → unused → role → bindings → identity → use.
//! Roles, bindings, alias and metadata are those of the iam login. What a token does not show (unique id, tags,
//! session) is not looked up instead: a role that demands it refuses the login. The order is part of the interface:
//! clients see its first failure.

mod bounds;
mod checks;
mod identity;
mod refused;
pub(crate) mod renewal;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::accounts::look_up::LookUp;
use crate::aws::deadline::Deadline;
use crate::binding::binds_anything::check_binds_anything;
use crate::binding::login_type::{check_login_type, check_shown};
use crate::binding::organization::binds_organization;
use crate::entry::{AuthType, IssuerOfAccount, LoginType, Role};
use crate::framework::{Auth, Failure, Fields, Request};
use crate::login::iam::Refused as Common;
use crate::login::role_checks::{NOT_STRICT, check_address, organization_bounds};
use crate::login::token_data::{alias_alone, remote_addr};
use crate::login::trace::{Check, Compared, Trace};
use crate::mount::Mount;
use crate::mount::strictness::RoleSpelling;
use crate::proof::web_identity_token::{ClaimedToken, SignedToken, VerifiedToken};
use crate::store::ConfigSnapshot;

pub use refused::Refused;

/// A login by a token on its way.
pub struct JwtLogin<'a> {
    mount: &'a Mount,
    request: &'a Request,
    token: ClaimedToken,
    /// As the client gave it; empty if it gave none.
    given_role: String,
    snapshot: ConfigSnapshot,
    deadline: Deadline,
    /// Whether strict mode is known to hold; the role may tell it late.
    is_strict: AtomicBool,
    trace: &'a Trace,
    /// When it came, in seconds since 1970.
    came_at: i64,
}

/// A caller and the role it wants.
struct Candidate<'a> {
    token: &'a VerifiedToken,
    role_name: String,
    role: Arc<Role>,
}

impl<'a> JwtLogin<'a> {
    /// Reads the token.
    ///
    /// # Errors
    /// What the client must change, or that the configuration cannot be read.
    pub async fn start(
        mount: &'a Mount,
        request: &'a Request,
        fields: &Fields,
        trace: &'a Trace,
    ) -> Result<Self, Refused> {
        let token = ClaimedToken::parse(fields.text("jwt").unwrap_or(""));
        let token = trace.note(Check::Token, token, Compared::default)?;
        let snapshot = mount.store().config_snapshot().await?;
        let given_role = fields.text("role").unwrap_or("").to_owned();
        let is_strict = snapshot.config.iam_strict_request || mount.is_strict_role(&given_role);
        let (deadline, came_at) = (Deadline::start(), mount.now());
        let is_strict = AtomicBool::new(is_strict);
        let login = Self { mount, request, token, given_role, snapshot, deadline, is_strict, trace, came_at };
        if login.is_strict() {
            login.check_spelling()?;
        }
        Ok(login)
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
        // A use is stored at one node. Elsewhere the host is told so, and forwards.
        if self.mount.leaves_single_use_to_writer().await {
            return Err(Failure::read_only().into());
        }
        let token = self.verified().await?;
        let auth = self.judge(Ok(&token)).await?;
        // Nothing can refuse the login any more, so what is refused uses nothing up.
        self.mount.use_token_up(&token).await?;
        Ok(auth)
    }

    /// Makes the checks of a login, for the trace alone: nothing is issued or used up.
    ///
    /// # Errors
    /// Why there would be no login.
    pub async fn explain(self) -> Result<(), Refused> {
        match self.verified().await {
            Ok(token) => self.judge(Ok(&token)).await.map(drop),
            Err(refused) => self.judge(Err(refused)).await.map(drop),
        }
    }

    /// The alias that a login would use.
    ///
    /// # Errors
    /// Why there would be no login.
    pub async fn look_ahead(self) -> Result<Auth, Refused> {
        let token = self.verified().await?;
        let (_, role) = self.role(Some(&token)).await?;
        let config = self.mount.store().identity_config().await?;
        Ok(alias_alone(identity::alias_name(&config, &token, &role)?))
    }

    /// The role of a login that names none: that of its principal.
    ///
    /// # Errors
    /// Why there is no caller.
    pub async fn resolve_role(self) -> Result<String, Refused> {
        Ok(self.verified().await?.arn().name().to_lowercase())
    }

    async fn verified(&self) -> Result<VerifiedToken, Refused> {
        let configured = self.mount.issuer_of(&self.token).await?.and_then(|configured| {
            self.token.check_algorithm(&configured)?;
            Ok(configured)
        });
        let configured = self.trace.note(Check::Issuer, configured, || checks::issuer(&self.token))?;
        let begun = self.trace.begin(Check::Signature);
        let signed = self.signed(&configured).await;
        let signed = self.trace.end(begun, signed, |_| checks::key(&self.token, &configured))?;
        Ok(self.trace.note(Check::Claims, signed.check(self.came_at), || checks::claims(&configured))?)
    }

    async fn signed<'t>(&'t self, configured: &'t IssuerOfAccount) -> Result<SignedToken<'t>, Refused> {
        let (id, algorithm) = (self.token.key_id(), self.token.algorithm());
        let keys = self.mount.web_identity_keys_of(configured, id, algorithm).await?;
        Ok(self.token.verify(configured, &keys)?)
    }

    /// What a caller is admitted with. The role does not depend on who it is, if it is named.
    async fn judge(&self, token: Result<&VerifiedToken, Refused>) -> Result<Auth, Refused> {
        let token = self.trace.hold(token)?;
        let unused = match &token {
            Ok(token) => self.check_unused(token).await,
            Err(_) => Ok(()),
        };
        let unused = self.trace.hold(unused)?;
        let (role_name, role) = self.role(token.as_ref().ok().copied()).await?;
        let candidate = Candidate { token: token?, role_name, role };
        let bound = self.trace.hold(self.check_principal(&candidate).await)?;
        self.check_organization(&candidate).await?;
        unused?;
        bound?;
        let config = self.mount.store().identity_config().await?;
        let admitted = identity::admit(
            candidate.token,
            (&candidate.role_name, &candidate.role),
            &config,
            remote_addr(self.request),
        );
        let told = || checks::identity(config.iam_alias());
        self.trace.note(Check::Identity, admitted, told)
    }

    async fn check_unused(&self, token: &VerifiedToken) -> Result<(), Refused> {
        let unused = self.mount.check_token_unused(token).await;
        Ok(self.trace.note(Check::SingleUse, unused, || checks::use_of(token))?)
    }

    /// The role that is asked for; without a name that of the caller.
    async fn role(&self, token: Option<&VerifiedToken>) -> Result<(String, Arc<Role>), Refused> {
        let role_name = match self.given_role.as_str() {
            "" => token.map_or("", |token| token.arn().name()),
            given => given,
        };
        let role = self.mount.role(role_name).await?.ok_or_else(|| Common::NoRole {
            name: role_name.to_owned(),
            is_named: !self.given_role.is_empty(),
        });
        let role = self.trace.note(Check::Role, role, || Compared::of("", role_name))?;
        if role.iam_strict_request && !self.is_strict() {
            self.is_strict.store(true, Ordering::Relaxed);
            self.check_spelling()?;
        }
        if !self.is_strict() {
            self.trace.skip(Check::Strict, NOT_STRICT, Compared::default);
        }
        check_address(self.trace, &role, remote_addr(self.request))?;
        let is_iam = role.auth_type() == Some(AuthType::Iam);
        let of_type = if is_iam { Ok(()) } else { Err(Common::WrongType(role_name.to_owned())) };
        let types = || Compared::of(AuthType::Iam.as_str(), role.auth_type.as_str());
        self.trace.note(Check::AuthType, of_type, types)?;
        let allowed = check_login_type(&role, role_name, LoginType::Jwt);
        self.trace.note(Check::LoginType, allowed, || checks::login_type(&role))?;
        let anything = check_binds_anything(&role, role_name);
        self.trace.note(Check::BindsAnything, anything, Compared::default).map_err(Common::from)?;
        self.trace.note(Check::Shown, check_shown(&role, role_name), Compared::default)?;
        Ok((role_name.to_owned(), role))
    }

    /// Strict mode takes one spelling of a role's name.
    fn check_spelling(&self) -> Result<(), Refused> {
        let spelled = RoleSpelling::of(&self.given_role).map_or(Ok(()), Err);
        Ok(self.trace.note(Check::Strict, spelled, Compared::default).map_err(Common::from)?)
    }

    fn look_up(&self) -> LookUp<'_> {
        self.mount.look_up(&self.snapshot, self.deadline)
    }

    async fn check_principal(&self, candidate: &Candidate<'_>) -> Result<(), Refused> {
        let begun = self.trace.begin(Check::Principal);
        let Candidate { token, role_name, role } = candidate;
        let bound = bounds::check_principal(self.mount, self.look_up(), role, token.arn()).await;
        let bound = bound.map_err(|unbound| Refused::unbound(unbound, role, role_name, token.arn()));
        self.trace.end(begun, bound, |bound| checks::principal(token, role, bound)).map(drop)
    }

    async fn check_organization(&self, candidate: &Candidate<'_>) -> Result<(), Refused> {
        let Candidate { token, role_name, role } = candidate;
        if !binds_organization(role) {
            self.trace.skip(Check::Organization, checks::NO_ORGANIZATION, Compared::default);
            return Ok(());
        }
        let begun = self.trace.begin(Check::Organization);
        let checked = bounds::check_organization_of(self.look_up(), role, role_name, token.arn()).await;
        let checked = checked.map_err(|error| Common::from(Box::new(error)));
        Ok(self.trace.end(begun, checked, |_| organization_bounds(role, token.account()))?)
    }
}
