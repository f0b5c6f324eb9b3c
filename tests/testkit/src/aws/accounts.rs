//! The inventory as tests fill and change it.

use std::collections::BTreeMap;

use serde_json::Value;
use time::{Duration, OffsetDateTime};

use super::fault::RawAnswer;
use super::inventory::{
    ACCOUNT, Entity, Holder, Identity, Instance, InstanceState, Inventory, KEYS_PER_USER, Member,
    Organization, ProfileRecord, RoleRecord, WebIdentity,
};
use super::sigv4::Credentials;
use super::stand_in::Aws;
use super::web_identity::OidcProvider;

/// How long a session lives unless said otherwise.
pub const SESSION_LIFE: Duration = Duration::hours(1);

/// A user with its first access key.
#[derive(Clone, Debug)]
pub struct User {
    /// Name and place as created.
    pub entity: Entity,
    /// ARN.
    pub arn: String,
    /// `AIDA…`.
    pub unique_id: String,
    /// First access key.
    pub credentials: Credentials,
}

/// A role.
#[derive(Clone, Debug)]
pub struct Role {
    /// Name and place as created.
    pub entity: Entity,
    /// ARN with path.
    pub arn: String,
    /// `AROA…`.
    pub unique_id: String,
}

/// A session of a role.
#[derive(Clone, Debug)]
pub struct Session {
    /// Keys with session token.
    pub credentials: Credentials,
    /// ARN of the assumed role.
    pub arn: String,
    /// `AROA…:session`.
    pub user_id: String,
    /// End.
    pub expires: OffsetDateTime,
}

/// An instance profile.
#[derive(Clone, Debug)]
pub struct InstanceProfile {
    /// Name and place as created.
    pub entity: Entity,
    /// ARN.
    pub arn: String,
    /// `AIPA…`.
    pub unique_id: String,
}

impl Aws {
    /// Creates a user with one access key.
    pub fn create_user(&self, user: impl Into<Entity>) -> User {
        let mut entity = user.into();
        let mut world = self.world();
        let inventory = &mut world.inventory;
        assert!(inventory.user(&entity.account, &entity.name).is_none(), "the user exists");
        entity.unique_id = inventory.unique_id("AIDA");
        inventory.users.push(entity.clone());
        let credentials = inventory.add_key(Holder::User(entity.unique_id.clone()), None);
        User { arn: entity.arn("user"), unique_id: entity.unique_id.clone(), entity, credentials }
    }

    /// Deletes a user with its keys.
    pub fn delete_user(&self, user: &User) {
        let mut world = self.world();
        for key in world.inventory.keys_of(&user.unique_id) {
            world.inventory.remove_key(&key);
        }
        world.inventory.users.retain(|present| present.unique_id != user.unique_id);
    }

    /// Deletes a user and creates one of the same name and path: same ARN, new unique id, new key.
    pub fn recreate_user(&self, user: &User) -> User {
        self.delete_user(user);
        self.create_user(user.entity.clone())
    }

    /// Renames or moves a user: another ARN, the same unique id and keys.
    pub fn move_user(&self, user: &User, name: &str, path: &str) -> User {
        let mut world = self.world();
        let entity = Entity { name: name.to_owned(), ..user.entity.clone() }.path(path);
        let users = &mut world.inventory.users;
        let present = users.iter_mut().find(|present| present.unique_id == user.unique_id);
        *present.expect("the user exists") = entity.clone();
        User { arn: entity.arn("user"), entity, ..user.clone() }
    }

    /// A further access key of a user.
    pub fn create_access_key(&self, user: &User) -> Credentials {
        let mut world = self.world();
        assert!(world.inventory.keys_of(&user.unique_id).len() < KEYS_PER_USER, "no more keys for this user");
        world.inventory.add_key(Holder::User(user.unique_id.clone()), None)
    }

    /// Access key ids of a user.
    pub fn access_keys(&self, user: &User) -> Vec<String> {
        self.world().inventory.keys_of(&user.unique_id)
    }

    /// Makes a key inactive, or active again.
    pub fn set_key_active(&self, access_key_id: &str, active: bool) {
        self.world().inventory.key_mut(access_key_id).expect("the key exists").active = active;
    }

    /// Deletes a key.
    pub fn delete_key(&self, access_key_id: &str) {
        assert!(self.world().inventory.remove_key(access_key_id), "the key exists");
    }

    /// Creates a role that everyone may assume.
    pub fn create_role(&self, role: impl Into<Entity>) -> Role {
        let mut entity = role.into();
        let mut world = self.world();
        let inventory = &mut world.inventory;
        assert!(inventory.role(&entity.account, &entity.name).is_none(), "the role exists");
        entity.unique_id = inventory.unique_id("AROA");
        inventory.roles.push(RoleRecord { entity: entity.clone(), external_id: None, trusted: None });
        Role { arn: entity.arn("role"), unique_id: entity.unique_id.clone(), entity }
    }

    /// Demands an external id of whoever assumes the role; `None` demands none.
    pub fn require_external_id(&self, role: &Role, external_id: Option<&str>) {
        self.change_role(role, |record| record.external_id = external_id.map(str::to_owned));
    }

    /// Lets only these principals assume the role.
    pub fn trust_only(&self, role: &Role, principals: &[&str]) {
        let principals = principals.iter().map(|arn| (*arn).to_owned()).collect();
        self.change_role(role, |record| record.trusted = Some(principals));
    }

    fn change_role(&self, role: &Role, change: impl FnOnce(&mut RoleRecord)) {
        let mut world = self.world();
        let roles = &mut world.inventory.roles;
        let record = roles.iter_mut().find(|record| record.entity.unique_id == role.unique_id);
        change(record.expect("the role exists"));
    }

    /// Deletes a role. Its sessions go on, as at AWS.
    pub fn delete_role(&self, role: &Role) {
        self.world().inventory.roles.retain(|record| record.entity.unique_id != role.unique_id);
    }

    /// Deletes a role and creates one of the same name and path: same ARN, new unique id. Trust and
    /// external id start anew.
    pub fn recreate_role(&self, role: &Role) -> Role {
        self.delete_role(role);
        self.create_role(role.entity.clone())
    }

    /// A session of a role, as if it had been assumed now, for [`SESSION_LIFE`].
    pub fn session(&self, role: &Role, session_name: &str) -> Session {
        self.session_until(role, session_name, self.now() + SESSION_LIFE)
    }

    /// A session of a role with that end.
    pub fn session_until(&self, role: &Role, session_name: &str, expires: OffsetDateTime) -> Session {
        let identity = Inventory::session_identity(&role.entity, session_name);
        let Identity { arn, user_id, .. } = identity.clone();
        let credentials = self.world().inventory.add_key(Holder::Fixed(identity), Some(expires));
        Session { credentials, arn, user_id, expires }
    }

    /// Keys of any identity: root, federated users, and what AWS would never say. With an end they are
    /// temporary.
    pub fn add_identity(&self, identity: Identity, expires: Option<OffsetDateTime>) -> Credentials {
        self.world().inventory.add_key(Holder::Fixed(identity), expires)
    }

    /// A key of the root user of an account.
    pub fn root(&self, account: &str) -> Credentials {
        let identity = Identity {
            arn: format!("arn:aws:iam::{account}:root"),
            user_id: account.to_owned(),
            account: account.to_owned(),
            partition: "aws".to_owned(),
        };
        self.add_identity(identity, None)
    }

    /// Keys of a federated user, for [`SESSION_LIFE`].
    pub fn federated_user(&self, account: &str, name: &str) -> Credentials {
        let identity = Identity {
            arn: format!("arn:aws:sts::{account}:federated-user/{name}"),
            user_id: format!("{account}:{name}"),
            account: account.to_owned(),
            partition: "aws".to_owned(),
        };
        self.add_identity(identity, Some(self.now() + SESSION_LIFE))
    }

    /// Lets a token assume a role by AssumeRoleWithWebIdentity.
    pub fn register_web_identity(&self, identity: WebIdentity) {
        self.world().inventory.web_identities.push(identity);
    }

    /// Lets a role trust tokens of an OpenID Connect provider; the keys of one that is there are fetched anew.
    pub fn register_oidc_provider(&self, provider: OidcProvider) {
        let providers = &mut self.world().inventory.oidc_providers;
        providers.retain(|other| other.issuer != provider.issuer);
        providers.push(provider);
    }

    /// From now on this answer stands at a public URL, such as `https://keys.example.com/x`: AWS finds it there, and
    /// whoever comes through the proxy.
    pub fn publish_answer(&self, url: &str, answer: RawAnswer) {
        self.world().published.put(url, answer);
    }

    /// From now on this document stands at a public URL.
    pub fn publish(&self, url: &str, document: &Value) {
        self.publish_text(url, &document.to_string());
    }

    /// From now on this text stands at a public URL as if it were JSON; nothing, if it is empty.
    pub fn publish_text(&self, url: &str, text: &str) {
        let answer = RawAnswer {
            status: if text.is_empty() { 404 } else { 200 },
            content_type: Some("application/json".to_owned()),
            headers: Vec::new(),
            body: text.as_bytes().to_vec(),
        };
        self.publish_answer(url, answer);
    }

    /// From now on a server on loopback answers at the URL of an issuer: whenever a token comes, the two documents
    /// are fetched from there, over HTTP and without a token.
    pub fn publish_server(&self, issuer: &str, origin: &str) {
        self.world().published.put_server(issuer, origin);
    }

    /// Creates an instance profile with these roles; AWS allows one at most, answers may hold more.
    pub fn create_instance_profile(&self, profile: impl Into<Entity>, roles: &[&Role]) -> InstanceProfile {
        let mut entity = profile.into();
        let mut world = self.world();
        let inventory = &mut world.inventory;
        assert!(inventory.profile(&entity.account, &entity.name).is_none(), "the profile exists");
        entity.unique_id = inventory.unique_id("AIPA");
        let roles = roles.iter().map(|role| role.unique_id.clone()).collect();
        inventory.profiles.push(ProfileRecord { entity: entity.clone(), roles });
        InstanceProfile { arn: entity.arn("instance-profile"), unique_id: entity.unique_id.clone(), entity }
    }

    /// Deletes an instance profile. Instances go on naming it.
    pub fn delete_instance_profile(&self, profile: &InstanceProfile) {
        self.world().inventory.profiles.retain(|record| record.entity.unique_id != profile.unique_id);
    }

    /// Makes an organization of that id, managed by [`ACCOUNT`], instead of any that there was.
    pub fn organization(&self, id: &str) {
        self.world().inventory.organization = Some(Organization {
            id: id.to_owned(),
            management: ACCOUNT.to_owned(),
            members: BTreeMap::new(),
        });
    }

    /// Puts an account into a unit of the organization, in that state.
    pub fn put_account(&self, account: &str, unit_path: &str, state: &str) {
        let member = Member { unit_path: unit_path.to_owned(), state: state.to_owned() };
        let mut world = self.world();
        let organization = world.inventory.organization.as_mut().expect("an organization");
        organization.members.insert(account.to_owned(), member);
    }

    /// Gives a role these tags and no others.
    pub fn tag_role(&self, role: &Role, tags: &[(&str, &str)]) {
        let tags = tags.iter().map(|&(key, value)| (key.to_owned(), value.to_owned())).collect();
        self.change_role(role, |record| record.entity.tags = tags);
    }

    /// Puts an instance into its region and account.
    pub fn run_instance(&self, instance: impl Into<Instance>) -> Instance {
        let instance = instance.into();
        let known = self.world().inventory.instances.insert(instance.id.clone(), instance.clone());
        assert!(known.is_none(), "the instance exists");
        instance
    }

    /// Changes an instance.
    pub fn change_instance(&self, id: &str, change: impl FnOnce(&mut Instance)) {
        change(self.world().inventory.instances.get_mut(id).expect("the instance exists"));
    }

    /// Sets the state of an instance.
    pub fn set_instance_state(&self, id: &str, state: InstanceState) {
        self.change_instance(id, |instance| instance.state = Some(state));
    }

    /// Removes an instance, as an hour after its end.
    pub fn remove_instance(&self, id: &str) {
        assert!(self.world().inventory.instances.remove(id).is_some(), "the instance exists");
    }
}

impl Instance {
    /// With an instance profile.
    #[must_use]
    pub fn profile(mut self, profile: &InstanceProfile) -> Self {
        self.profile = Some((profile.arn.clone(), profile.unique_id.clone()));
        self
    }

    /// With a tag more.
    #[must_use]
    pub fn tag(mut self, key: &str, value: &str) -> Self {
        self.tags.push((key.to_owned(), value.to_owned()));
        self
    }

    /// In another account.
    #[must_use]
    pub fn account(mut self, account: &str) -> Self {
        account.clone_into(&mut self.account);
        self
    }

    /// In another region.
    #[must_use]
    pub fn region(mut self, region: &str) -> Self {
        region.clone_into(&mut self.region);
        self
    }
}
