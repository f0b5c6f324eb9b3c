//! The ec2 login: from a signed instance identity document to an identity.
//!
//! read the document → role → its region and account → verify the document → instance in EC2 → bindings → earlier logins → role tag → identity.
//! The order is part of the interface: clients see its first failure. What costs little is done first, on a
//! document that nobody has vouched for yet and that can only refuse.

mod checks;
mod form;
mod form_error;
mod identity;
mod reauthentication;
mod refused;
pub(crate) mod renewal;
mod tag_effect;
mod tag_error;

use std::sync::Arc;

use crate::accounts::instance::{InstanceError, look_up_running};
use crate::accounts::instance_batches::Wanted;
use crate::accounts::look_up::LookUp;
use crate::aws::arn::AccountId;
use crate::aws::deadline::Deadline;
use crate::aws::ec2::Instance;
use crate::aws::region::Region;
use crate::binding::account::names_account;
use crate::binding::binds_anything::check_binds_anything;
use crate::binding::instance::{check_bounds, check_document, check_region};
use crate::binding::organization::{binds_organization, check_organization};
use crate::entry::{AccessListEntry, AuthType, IdentityConfig, Role, StoredTime};
use crate::framework::{Auth, Fields, Request};
use crate::go::GoDuration;
use crate::login::admitted::Admitted;
use crate::login::role_checks::{NOT_STRICT, check_address, instance_bounds, organization_bounds};
use crate::login::token_data::{
    ENTRY_CONTENDED, ROLE, ROLE_TAG_MAX_TTL, TokenData, alias_alone, ec2_keys, remote_addr,
};
use crate::login::token_life::MaxTtls;
use crate::login::trace::{Check, Compared, Trace};
use crate::mount::Mount;
use crate::mount::strictness::RoleSpelling;
use crate::ports::random_id;
use crate::proof::identity_document::{ClaimedDocument, IdentityDocument, VerifiedDocument};
use crate::store::ConfigSnapshot;

use reauthentication::{Earlier, Nonce};
pub use refused::Refused;
use tag_effect::{TagEffect, effect_of_tag};

/// A login on its way.
pub struct Ec2Login<'a> {
    mount: &'a Mount,
    request: &'a Request,
    claimed: Arc<ClaimedDocument>,
    /// As the client gave it; empty if it gave none.
    given_role: String,
    nonce: Option<String>,
    snapshot: ConfigSnapshot,
    deadline: Deadline,
    trace: &'a Trace,
}

/// An instance's document and the role it wants.
struct Candidate {
    document: VerifiedDocument,
    role_name: String,
    role: Arc<Role>,
}

/// What an admission adds to the role's token parameters.
struct Admission {
    tag: TagEffect,
    /// Longest life of the token: the shortest of all bounds.
    max_ttl: GoDuration,
    /// A nonce that was made here and that the client must be told.
    made_nonce: Option<String>,
    /// Whether the client gave up further logins of the instance, and nobody else did.
    gave_up_reauthentication: bool,
}

/// Said of a login whose empty nonce is its last; few who give one mean that.
const REAUTHENTICATION_GIVEN_UP: &str = "the empty nonce disables reauthentication: this instance cannot log in again until its entry in identity-accesslist is deleted; to log in again, leave the nonce out at the first login and keep the one that is answered, or choose one";

/// Who asks for an instance where it vouches for itself.
fn caller_of(account: &AccountId, instance_id: &str) -> String {
    format!("{}/{instance_id}", account.as_str())
}

impl<'a> Ec2Login<'a> {
    /// Reads the document.
    ///
    /// # Errors
    /// What the client must change, or that the configuration cannot be read.
    pub async fn start(
        mount: &'a Mount,
        request: &'a Request,
        fields: &Fields,
        trace: &'a Trace,
    ) -> Result<Self, Refused> {
        let claimed = trace.note(Check::Document, form::claimed_document(fields), Compared::default)?;
        Ok(Self {
            mount,
            request,
            claimed: Arc::new(claimed),
            given_role: fields.text("role").unwrap_or("").to_owned(),
            nonce: fields.text("nonce").map(str::to_owned),
            snapshot: mount.store().config_snapshot().await?,
            deadline: Deadline::start(),
            trace,
        })
    }

    /// Logs in.
    ///
    /// # Errors
    /// Why not.
    pub async fn log_in(self) -> Result<Admitted, Refused> {
        let candidate = self.candidate().await?;
        let instance = self.instance(&candidate).await?;
        let admission = self.remember(&candidate, &instance).await?;
        let config = self.mount.store().identity_config().await?;
        let gave_up = admission.gave_up_reauthentication.then(|| REAUTHENTICATION_GIVEN_UP.to_owned());
        let auth = self.admit(&candidate, admission, &config)?;
        Ok(Admitted { auth, warnings: gave_up.into_iter().collect() })
    }

    /// Makes the checks of a login, for the trace alone: nothing is issued, and the instance's entry stays as
    /// it is.
    ///
    /// # Errors
    /// Why there would be no login.
    pub async fn explain(self) -> Result<(), Refused> {
        let candidate = self.candidate().await?;
        let instance = self.instance(&candidate).await?;
        let key = AccessListEntry::key(&candidate.document.document().instance_id);
        let earlier = self.mount.store().read::<AccessListEntry>(&key).await?;
        let nonce = Nonce::of(self.nonce.as_deref());
        let (_, admission) = self.next_entry(&candidate, &instance, nonce, earlier).await?;
        let config = self.mount.store().identity_config().await?;
        let begun = self.trace.begin(Check::Identity);
        let auth = self.admit(&candidate, admission, &config);
        self.trace.end(begun, auth, |auth| checks::identity(auth, config.ec2_alias())).map(drop)
    }

    /// The alias that a login would use.
    ///
    /// # Errors
    /// Why there would be no login.
    pub async fn look_ahead(self) -> Result<Auth, Refused> {
        let candidate = self.candidate().await?;
        let config = self.mount.store().identity_config().await?;
        let name = identity::alias_name(&config, candidate.document.document(), &candidate.role)?;
        Ok(alias_alone(name))
    }

    /// The role of a login that names none: the one named after the image.
    ///
    /// # Errors
    /// There is no such role, or nobody vouches for the document.
    pub async fn resolve_role(self) -> Result<String, Refused> {
        let name = self.role_name()?;
        if self.mount.role(name).await?.is_none() {
            return Err(self.no_role(name));
        }
        self.verified_document().await?;
        Ok(name.to_lowercase())
    }

    fn role_name(&self) -> Result<&str, Refused> {
        match (self.given_role.as_str(), self.claimed.document().image_id.as_str()) {
            ("", "") => Err(Refused::NoRoleName),
            ("", image_id) => Ok(image_id),
            (given, _) => Ok(given),
        }
    }

    fn no_role(&self, name: &str) -> Refused {
        Refused::NoRole { name: name.to_owned(), is_named: !self.given_role.is_empty() }
    }

    async fn candidate(&self) -> Result<Candidate, Refused> {
        let role_name = self.role_name()?;
        let is_strict = self.snapshot.config.iam_strict_request;
        if is_strict {
            self.check_spelling()?;
        }
        let role = self.mount.role(role_name).await?.ok_or_else(|| self.no_role(role_name));
        let role = self.trace.note(Check::Role, role, || Compared::of("", role_name))?;
        if role.iam_strict_request && !is_strict {
            self.check_spelling()?;
        } else if !is_strict {
            self.trace.skip(Check::Strict, NOT_STRICT, Compared::default);
        }
        check_address(self.trace, &role, remote_addr(self.request))?;
        let is_ec2 = role.auth_type() == Some(AuthType::Ec2);
        let of_type = if is_ec2 { Ok(()) } else { Err(Refused::WrongType(role_name.to_owned())) };
        let types = || Compared::of(AuthType::Ec2.as_str(), role.auth_type.as_str());
        self.trace.note(Check::AuthType, of_type, types)?;
        let binds = check_binds_anything(&role, role_name);
        self.trace.note(Check::BindsAnything, binds, Compared::default)?;
        let bound = self.trace.hold(self.check_claims(role_name, &role))?;
        let begun = self.trace.begin(Check::Signature);
        let document = self.trace.end(begun, self.verified_document().await, checks::signature)?;
        bound?;
        Ok(Candidate { document, role_name: role_name.to_owned(), role })
    }

    /// Strict mode takes one spelling of a role.
    fn check_spelling(&self) -> Result<(), Refused> {
        let spelling = RoleSpelling::of(&self.given_role).map_or(Ok(()), Err);
        Ok(self.trace.note(Check::Strict, spelling, Compared::default)?)
    }

    async fn check_organization(
        &self,
        look_up: LookUp<'_>,
        candidate: &Candidate,
        account: &AccountId,
        region: &str,
    ) -> Result<(), Refused> {
        let Candidate { role_name, role, .. } = candidate;
        // The instance was described, so its region is one.
        let (true, Some(region)) = (binds_organization(role), Region::parse(region)) else {
            self.trace.skip(Check::Organization, checks::NO_ORGANIZATION, Compared::default);
            return Ok(());
        };
        let begun = self.trace.begin(Check::Organization);
        let checked = check_organization(look_up, role, role_name, region.partition(), account).await;
        let checked = checked.map_err(|error| Refused::from(Box::new(error)));
        self.trace.end(begun, checked, |_| organization_bounds(role, account))
    }

    /// Compares what the document says of itself with the role. It costs little, and can only refuse.
    fn check_claims(&self, role_name: &str, role: &Role) -> Result<(), Refused> {
        let document = self.claimed.document();
        let account = AccountId::new(document.account_id.as_str());
        let region = check_region(role, role_name, &document.region).map_err(Refused::RegionNotBound);
        let region =
            self.trace.hold(self.trace.note(Check::Region, region, || checks::region(role, document)))?;
        let bounds = check_document(role, role_name, &account, &document.instance_id);
        let bounds = bounds.map_err(Refused::InstanceNotBound);
        self.trace.note(Check::DocumentBounds, bounds, || checks::document_bounds(role, document))?;
        region
    }

    async fn verified_document(&self) -> Result<VerifiedDocument, Refused> {
        let stored = form::stored_certificates(self.mount).await?;
        Ok(self.mount.document_verifications().verify(Arc::clone(&self.claimed), stored).await??)
    }

    /// The running instance of the document, if it satisfies the role. Anybody may have kept a document, so what
    /// the document alone decides was told before.
    async fn instance(&self, candidate: &Candidate) -> Result<Instance, Refused> {
        let Candidate { document, role_name, role } = candidate;
        let IdentityDocument { instance_id, region, account_id, .. } = document.document();
        let account = AccountId::new(account_id.as_str());
        let look_up = self.mount.look_up(&self.snapshot, self.deadline);
        let not_found = |cause: InstanceError| {
            let named = names_account(role, &account);
            Refused::Instance(Box::new(if named { cause } else { cause.chosen_by_client() }))
        };
        let caller = caller_of(&account, instance_id);
        let wanted = Wanted { id: instance_id, caller: &caller, arrival: None };
        let begun = self.trace.begin(Check::Instance);
        let instance = look_up_running(look_up, &account, region, wanted).await.map_err(not_found);
        let instance =
            self.trace.end(begun, instance, |found| checks::instance(found, instance_id, region))?;
        let begun = self.trace.begin(Check::InstanceBounds);
        let bound = check_bounds(look_up, role, role_name, &account, &instance).await;
        self.trace.end(begun, bound.map_err(Refused::from), |_| instance_bounds(role, &instance))?;
        self.check_organization(look_up, candidate, &account, region).await?;
        Ok(instance)
    }

    /// Checks the login against earlier ones of the instance and leaves its own trace. Of two logins
    /// at the same time the second one sees the trace of the first.
    async fn remember(&self, candidate: &Candidate, instance: &Instance) -> Result<Admission, Refused> {
        let store = self.mount.store();
        let key = AccessListEntry::key(&candidate.document.document().instance_id);
        let nonce = Nonce::of(self.nonce.as_deref());
        let _turn = store.turn(&key).await;
        let mut change = self.mount.begin_change(&key, ENTRY_CONTENDED);
        loop {
            let loaded = change.load::<AccessListEntry>().await?;
            let (entry, admission) =
                self.next_entry(candidate, instance, nonce, loaded.entry.clone()).await?;
            if change.renew(&loaded, &entry).await? {
                return Ok(admission);
            }
        }
    }

    async fn next_entry(
        &self,
        candidate: &Candidate,
        instance: &Instance,
        nonce: Nonce<'_>,
        earlier: Option<AccessListEntry>,
    ) -> Result<(AccessListEntry, Admission), Refused> {
        let Candidate { document, role_name, role } = candidate;
        let pending_time = document.document().pending_time.as_str();
        let again = earlier.as_ref().map_or(Ok(()), |entry| {
            let earlier = Earlier {
                nonce: &entry.client_nonce,
                disallowed: entry.disallow_reauthentication,
                pending_time: &entry.pending_time,
            };
            reauthentication::check(earlier, nonce, pending_time, role.allow_instance_migration)
        });
        let since = || checks::reauthentication(earlier.as_ref(), pending_time);
        let again = self.trace.hold(self.trace.note(Check::Reauthentication, again, since))?;
        let begun = self.trace.begin(Check::RoleTag);
        let tag = effect_of_tag(self.mount, role, role_name, instance).await;
        let tag = self.trace.end(begun, tag, |_| checks::role_tag(role, instance))?;
        again?;
        let disallowed_by_others = role.disallow_reauthentication || tag.disallow_reauthentication;
        let disallowed = disallowed_by_others || nonce == Nonce::Disabling;
        let gave_up_reauthentication = disallowed && !disallowed_by_others;
        let (nonce, made_nonce) = self.settle_nonce(nonce, disallowed)?;
        let ttls = MaxTtls::of(self.mount, role, tag.max_ttl).await?;
        let now = StoredTime::from(self.mount.world().clock.now());
        let mut entry = earlier.unwrap_or_else(|| AccessListEntry {
            role: role_name.clone(),
            client_nonce: nonce,
            creation_time: now,
            ..AccessListEntry::default()
        });
        pending_time.clone_into(&mut entry.pending_time);
        entry.disallow_reauthentication = disallowed;
        if disallowed {
            entry.client_nonce.clear();
        }
        entry.last_updated_time = now;
        entry.expiration_time = now.plus(ttls.longest);
        Ok((entry, Admission { tag, max_ttl: ttls.shortest, made_nonce, gave_up_reauthentication }))
    }

    /// The nonce to store, and the one to tell the client: only one that was made here and that it
    /// will need.
    fn settle_nonce(&self, nonce: Nonce<'_>, disallowed: bool) -> Result<(String, Option<String>), Refused> {
        if !disallowed && nonce.is_too_long() {
            return Err(Refused::NonceTooLong);
        }
        match nonce {
            Nonce::Given(nonce) => Ok((nonce.to_owned(), None)),
            Nonce::Disabling => Ok((String::new(), None)),
            Nonce::Absent => {
                let made = random_id(self.mount.world().random.as_ref())?;
                let told = (!disallowed).then(|| made.clone());
                Ok((made, told))
            }
        }
    }

    fn admit(
        &self,
        candidate: &Candidate,
        admission: Admission,
        config: &IdentityConfig,
    ) -> Result<Auth, Refused> {
        let Candidate { document, role_name, role } = candidate;
        let document = document.document();
        let mut token_metadata =
            vec![(ROLE_TAG_MAX_TTL, admission.tag.max_ttl.to_string()), (ROLE, role_name.clone())];
        if let Some(nonce) = admission.made_nonce {
            token_metadata.push(("nonce", nonce));
        }
        let token = TokenData {
            alias_name: identity::alias_name(config, document, role)?,
            metadata: identity::metadata(config, document),
            token_metadata,
            internal_data: [
                (ec2_keys::INSTANCE_ID, document.instance_id.clone()),
                (ec2_keys::REGION, document.region.clone()),
                (ec2_keys::ACCOUNT_ID, document.account_id.clone()),
            ],
        };
        let mut auth = token.issue(role, remote_addr(self.request))?;
        auth.lease.max_ttl = admission.max_ttl;
        if let Some(policies) = admission.tag.policies {
            auth.policies = policies;
        }
        Ok(auth)
    }
}
