//! The ec2 login: from a signed instance identity document to an identity.
//!
//! verify the document → role → instance in EC2 → bindings → earlier logins → role tag → identity.
//! The order is part of the interface: clients see its first failure.

mod form;
mod reauthentication;
pub(crate) mod renewal;
mod tag_effect;

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Map, Value};

use crate::accounts::clients::ConfigSnapshot;
use crate::aws::arn::AccountId;
use crate::aws::attempts::Deadline;
use crate::aws::ec2::Instance;
use crate::binding::instance::{BoundError, check_bounds, look_up_running};
use crate::entry::{AccessListEntry, AuthType, EC2_METADATA, IdentityConfig, Role, StoredTime};
use crate::framework::{Alias, Auth, Failure, Fields, Request};
use crate::go::GoDuration;
use crate::mount::Mount;
use crate::ports::random_id;
use crate::proof::identity_document::{IdentityDocument, VerifiedDocument};

use crate::go::text::quote;
use reauthentication::{Earlier, Nonce};
use tag_effect::{TagEffect, effect_of_tag};

/// Keys of the data a token carries for its renewal.
pub(crate) mod internal {
    pub(crate) const INSTANCE_ID: &str = "instance_id";
    pub(crate) const REGION: &str = "region";
    pub(crate) const ACCOUNT_ID: &str = "account_id";
}

/// Metadata by which a renewal knows how long a role tag lets a token live.
pub(crate) const ROLE_TAG_MAX_TTL: &str = "role_tag_max_ttl";

/// How often an access-list entry is read anew because somebody else changed it, which logins and
/// renewals of the instance do not: they take turns.
const MAX_TRIES: u32 = 5;

/// A login on its way.
pub struct Ec2Login<'a> {
    mount: &'a Mount,
    request: &'a Request,
    document: VerifiedDocument,
    /// As the client gave it; empty if it gave none.
    given_role: String,
    nonce: Option<String>,
    snapshot: ConfigSnapshot,
    deadline: Deadline,
}

/// An instance's document and the role it wants.
struct Candidate {
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
}

impl<'a> Ec2Login<'a> {
    /// Verifies the document, without AWS.
    ///
    /// # Errors
    /// What the client must change, or that certificates or the configuration cannot be read.
    pub async fn start(mount: &'a Mount, request: &'a Request, fields: &Fields) -> Result<Self, Failure> {
        let document = form::verified_document(mount, fields).await?;
        Ok(Self {
            mount,
            request,
            document,
            given_role: fields.text("role").unwrap_or("").to_owned(),
            nonce: fields.text("nonce").map(str::to_owned),
            snapshot: mount.store().config_snapshot().await?,
            deadline: Deadline::start(),
        })
    }

    /// Logs in.
    ///
    /// # Errors
    /// Why not.
    pub async fn log_in(self) -> Result<Auth, Failure> {
        let candidate = self.candidate().await?;
        let instance = self.instance(&candidate).await?;
        let admission = self.remember(&candidate, &instance).await?;
        let identity = self.mount.store().identity_config().await?;
        self.admit(&candidate, admission, &identity)
    }

    /// The alias that a login would use.
    ///
    /// # Errors
    /// Why there would be no login.
    pub async fn look_ahead(self) -> Result<Auth, Failure> {
        let candidate = self.candidate().await?;
        let identity = self.mount.store().identity_config().await?;
        let name = self.alias_name(&identity, &candidate.role)?;
        Ok(Auth { alias: Some(Alias { name, ..Alias::default() }), ..Auth::default() })
    }

    /// The role of a login that names none: the one named after the image.
    ///
    /// # Errors
    /// There is no such role.
    pub async fn resolve_role(self) -> Result<String, Failure> {
        let name = self.role_name()?;
        match self.mount.role(name).await? {
            Some(_) => Ok(name.to_lowercase()),
            None => Err(no_role(name)),
        }
    }

    fn role_name(&self) -> Result<&str, Failure> {
        match (self.given_role.as_str(), self.document.document().image_id.as_str()) {
            ("", "") => Err(Failure::Internal("missing role name".to_owned())),
            ("", image_id) => Ok(image_id),
            (given, _) => Ok(given),
        }
    }

    async fn candidate(&self) -> Result<Candidate, Failure> {
        let role_name = self.role_name()?;
        let role = self.mount.role(role_name).await?.ok_or_else(|| no_role(role_name))?;
        role.token.check_address(self.remote_addr())?;
        if role.auth_type() != Some(AuthType::Ec2) {
            return Err(Failure::Refused(format!("auth method ec2 not allowed for role {role_name}")));
        }
        Ok(Candidate { role_name: role_name.to_owned(), role })
    }

    fn remote_addr(&self) -> Option<&str> {
        self.request.connection.as_ref().map(|connection| connection.remote_addr.as_str())
    }

    /// The running instance of the document, if it satisfies the role.
    async fn instance(&self, candidate: &Candidate) -> Result<Instance, Failure> {
        let Candidate { role_name, role } = candidate;
        let IdentityDocument { instance_id, region, account_id, .. } = self.document.document();
        let account = AccountId::new(account_id.as_str());
        let look_up = self.mount.look_up(&self.snapshot, self.deadline);
        let not_verified =
            |detail: String| Failure::Refused(format!("failed to verify instance ID: {detail}"));
        let instance = look_up_running(look_up, &account, region, instance_id).await.map_err(not_verified)?;
        let regions = role.bound_region_list.as_deref().unwrap_or_default();
        if !regions.is_empty() && !regions.contains(region) {
            return Err(Failure::Refused(format!(
                "Region {} does not satisfy the constraint on role {}",
                quote(region),
                quote(role_name)
            )));
        }
        check_bounds(look_up, role, role_name, &account, &instance).await.map_err(|error| match error {
            BoundError::Mismatch(text) => Failure::Refused(format!("Error validating instance: {text}")),
            BoundError::CannotTell(text) => Failure::Internal(text),
        })?;
        Ok(instance)
    }

    /// Checks the login against earlier ones of the instance and leaves its own trace. Of two logins
    /// at the same time the second one sees the trace of the first.
    async fn remember(&self, candidate: &Candidate, instance: &Instance) -> Result<Admission, Failure> {
        let store = self.mount.store();
        let key = AccessListEntry::key(&self.document.document().instance_id);
        let nonce = Nonce::of(self.nonce.as_deref());
        let _turn = store.turn(&key).await;
        for _ in 0..MAX_TRIES {
            let loaded = store.load::<AccessListEntry>(&key).await?;
            let (entry, admission) =
                self.next_entry(candidate, instance, nonce, loaded.entry.clone()).await?;
            if store.replace(&key, &loaded, &entry).await?.is_ok() {
                return Ok(admission);
            }
        }
        Err(Failure::Internal("the access list entry of the instance changes all the time".to_owned()))
    }

    async fn next_entry(
        &self,
        candidate: &Candidate,
        instance: &Instance,
        nonce: Nonce<'_>,
        earlier: Option<AccessListEntry>,
    ) -> Result<(AccessListEntry, Admission), Failure> {
        let Candidate { role_name, role } = candidate;
        let pending_time = self.document.document().pending_time.as_str();
        if let Some(entry) = &earlier {
            let earlier = Earlier {
                nonce: &entry.client_nonce,
                disallowed: entry.disallow_reauthentication,
                pending_time: &entry.pending_time,
            };
            reauthentication::check(earlier, nonce, pending_time, role.allow_instance_migration)?;
        }
        let tag = effect_of_tag(self.mount, role, role_name, instance).await?;
        let disallowed =
            role.disallow_reauthentication || nonce == Nonce::Disabling || tag.disallow_reauthentication;
        let (nonce, made_nonce) = self.settle_nonce(nonce, disallowed)?;
        let ttls = MaxTtls::of(self.mount, role, tag.max_ttl).await?;
        let now = StoredTime::from(self.mount.environment().clock.now());
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
        Ok((entry, Admission { tag, max_ttl: ttls.shortest, made_nonce }))
    }

    /// The nonce to store, and the one to tell the client: only one that was made here and that it
    /// will need.
    fn settle_nonce(&self, nonce: Nonce<'_>, disallowed: bool) -> Result<(String, Option<String>), Failure> {
        if !disallowed && nonce.is_too_long() {
            return Err(Failure::Refused("client nonce exceeding the limit of 128 characters".to_owned()));
        }
        match nonce {
            Nonce::Given(nonce) => Ok((nonce.to_owned(), None)),
            Nonce::Disabling => Ok((String::new(), None)),
            Nonce::Absent => {
                let made = random_id(self.mount.environment().random.as_ref())
                    .map_err(|cause| Failure::Internal(format!("failed to generate nonce: {cause}")))?;
                let told = (!disallowed).then(|| made.clone());
                Ok((made, told))
            }
        }
    }

    fn admit(
        &self,
        candidate: &Candidate,
        admission: Admission,
        identity: &IdentityConfig,
    ) -> Result<Auth, Failure> {
        let Candidate { role_name, role } = candidate;
        let IdentityDocument { instance_id, image_id, account_id, region, .. } = self.document.document();
        let value = |name: &str| match name {
            "account_id" => account_id.as_str(),
            "auth_type" => AuthType::Ec2.as_str(),
            "ami_id" => image_id,
            "instance_id" => instance_id,
            "region" => region,
            _ => "",
        };
        let metadata: BTreeMap<String, String> = identity
            .ec2_auth_metadata_handler
            .names(&EC2_METADATA)
            .map(|name| (name.to_owned(), value(name).to_owned()))
            .filter(|(_, value)| !value.is_empty())
            .collect();
        let mut token_metadata = metadata.clone();
        token_metadata.insert(ROLE_TAG_MAX_TTL.to_owned(), admission.tag.max_ttl.to_string());
        token_metadata.insert("role".to_owned(), role_name.clone());
        if let Some(nonce) = admission.made_nonce {
            token_metadata.insert("nonce".to_owned(), nonce);
        }
        let internal_data = [
            (internal::INSTANCE_ID, instance_id),
            (internal::REGION, region),
            (internal::ACCOUNT_ID, account_id),
        ];
        let name = self.alias_name(identity, role)?;
        let mut auth = Auth {
            metadata: token_metadata,
            internal_data: internal_data
                .map(|(key, value)| (key.to_owned(), Value::from(value.as_str())))
                .into_iter()
                .collect::<Map<_, _>>(),
            alias: Some(Alias { name, metadata, ..Alias::default() }),
            ..Auth::default()
        };
        role.token.apply(&mut auth, self.remote_addr())?;
        auth.lease.max_ttl = admission.max_ttl;
        if let Some(policies) = admission.tag.policies {
            auth.policies = policies;
        }
        Ok(auth)
    }

    fn alias_name(&self, identity: &IdentityConfig, role: &Role) -> Result<String, Failure> {
        Ok(match identity.ec2_alias() {
            "role_id" => role.role_id.clone(),
            "instance_id" | "instance-id" => self.document.document().instance_id.clone(),
            "image_id" | "image-id" => self.document.document().image_id.clone(),
            other => {
                return Err(Failure::Internal(format!("unknown ec2_alias {} is stored", quote(other))));
            }
        })
    }
}

fn no_role(name: &str) -> Failure {
    Failure::Refused(format!("entry for role {} not found", quote(name)))
}

/// The bounds of mount, role and role tag on the life of a token.
pub(crate) struct MaxTtls {
    /// How long a token may live.
    pub(crate) shortest: GoDuration,
    /// How long the login is remembered.
    pub(crate) longest: GoDuration,
}

impl MaxTtls {
    /// The bounds; those of role and tag count where they are set.
    pub(crate) async fn of(mount: &Mount, role: &Role, tag: GoDuration) -> Result<Self, Failure> {
        let mount_max = mount.max_lease_ttl().await?;
        let (mut shortest, mut longest) = (mount_max, mount_max);
        for ttl in [role.token.token_max_ttl, tag] {
            if ttl.is_positive() {
                shortest = shortest.min(ttl);
            }
            longest = longest.max(ttl);
        }
        Ok(Self { shortest, longest })
    }
}
