//! What exists in the accounts: principals, their keys, instance profiles and instances.

use std::collections::BTreeMap;

use aws_lc_rs::digest;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use time::OffsetDateTime;

use super::sigv4::Credentials;
use super::web_identity::OidcProvider;

/// The account of everything that names no other.
pub const ACCOUNT: &str = "111122223333";

/// A second account.
pub const OTHER_ACCOUNT: &str = "444455556666";

/// Access keys a user may have.
pub(super) const KEYS_PER_USER: usize = 2;

/// Where an entity lives and what it is called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entity {
    /// Name.
    pub name: String,
    /// Account number.
    pub account: String,
    /// Partition.
    pub partition: String,
    /// Path, from `/` to `/`.
    pub path: String,
    /// Unique id, given by the inventory.
    pub unique_id: String,
    /// Tags.
    pub tags: Vec<(String, String)>,
}

impl Entity {
    /// Of that name, in [`ACCOUNT`], partition `aws`, path `/`.
    pub fn named(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            account: ACCOUNT.to_owned(),
            partition: "aws".to_owned(),
            path: "/".to_owned(),
            unique_id: String::new(),
            tags: Vec::new(),
        }
    }

    /// In another account.
    #[must_use]
    pub fn account(mut self, account: &str) -> Self {
        account.clone_into(&mut self.account);
        self
    }

    /// In another partition.
    #[must_use]
    pub fn partition(mut self, partition: &str) -> Self {
        partition.clone_into(&mut self.partition);
        self
    }

    /// Under another path.
    #[must_use]
    pub fn path(mut self, path: &str) -> Self {
        assert!(path.starts_with('/') && path.ends_with('/'), "a path goes from / to /");
        path.clone_into(&mut self.path);
        self
    }

    /// With a tag more.
    #[must_use]
    pub fn tag(mut self, key: &str, value: &str) -> Self {
        self.tags.push((key.to_owned(), value.to_owned()));
        self
    }

    /// Its ARN as a resource of that type.
    pub fn arn(&self, kind: &str) -> String {
        format!("arn:{}:iam::{}:{kind}{}{}", self.partition, self.account, self.path, self.name)
    }

    fn is(&self, account: &str, name: &str) -> bool {
        self.account == account && self.name == name
    }
}

impl From<&str> for Entity {
    fn from(name: &str) -> Self {
        Self::named(name)
    }
}

/// A role with what its trust policy asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct RoleRecord {
    /// Name and place.
    pub entity: Entity,
    /// External id that AssumeRole must bring.
    pub external_id: Option<String>,
    /// ARNs that may assume it; `None` lets every principal do so.
    pub trusted: Option<Vec<String>>,
}

/// An instance profile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ProfileRecord {
    /// Name and place.
    pub entity: Entity,
    /// Unique ids of its roles.
    pub roles: Vec<String>,
}

/// Who holds a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Holder {
    /// The user with that unique id: its ARN is looked up when the key is used.
    User(String),
    /// An identity that does not change: session, root, federated user.
    Fixed(Identity),
}

/// What GetCallerIdentity tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// ARN.
    pub arn: String,
    /// User id.
    pub user_id: String,
    /// Account number.
    pub account: String,
    /// Partition.
    pub partition: String,
}

/// An access key.
#[derive(Clone, Debug)]
pub(super) struct Key {
    /// Key with secret and token.
    pub credentials: Credentials,
    /// Whose it is.
    pub holder: Holder,
    /// False once deactivated.
    pub active: bool,
    /// End of a session.
    pub expires: Option<OffsetDateTime>,
}

/// State of an instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InstanceState {
    /// Starting.
    Pending,
    /// Running.
    Running,
    /// Being terminated.
    ShuttingDown,
    /// Gone.
    Terminated,
    /// Being stopped.
    Stopping,
    /// Stopped.
    Stopped,
}

impl InstanceState {
    /// Code and name as EC2 has them.
    pub fn code_and_name(self) -> (u8, &'static str) {
        match self {
            Self::Pending => (0, "pending"),
            Self::Running => (16, "running"),
            Self::ShuttingDown => (32, "shutting-down"),
            Self::Terminated => (48, "terminated"),
            Self::Stopping => (64, "stopping"),
            Self::Stopped => (80, "stopped"),
        }
    }
}

/// An EC2 instance. Everything optional can be left out of the answer by setting it to `None`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Instance {
    /// `i-` and 8 or 17 hexadecimal digits.
    pub id: String,
    /// Account number.
    pub account: String,
    /// Region.
    pub region: String,
    /// AMI.
    pub image_id: Option<String>,
    /// VPC.
    pub vpc_id: Option<String>,
    /// Subnet.
    pub subnet_id: Option<String>,
    /// ARN and id of the instance profile.
    pub profile: Option<(String, String)>,
    /// State.
    pub state: Option<InstanceState>,
    /// Tags.
    pub tags: Vec<(String, String)>,
    /// Private DNS name.
    pub private_dns_name: Option<String>,
    /// Launch time as EC2 words it.
    pub launch_time: Option<String>,
}

impl Instance {
    /// A running instance in [`ACCOUNT`], `us-east-1`, without profile and tags.
    pub fn with_id(id: &str) -> Self {
        let some = |text: &str| Some(text.to_owned());
        Self {
            id: id.to_owned(),
            account: ACCOUNT.to_owned(),
            region: "us-east-1".to_owned(),
            image_id: some("ami-0abcdef1234567890"),
            vpc_id: some("vpc-0a1b2c3d4e5f60718"),
            subnet_id: some("subnet-0123456789abcdef0"),
            profile: None,
            state: Some(InstanceState::Running),
            tags: Vec::new(),
            private_dns_name: some("ip-10-0-0-12.ec2.internal"),
            launch_time: some("2026-01-02T03:04:05.000Z"),
        }
    }
}

impl From<&str> for Instance {
    fn from(id: &str) -> Self {
        Self::with_id(id)
    }
}

/// A token that AssumeRoleWithWebIdentity takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebIdentity {
    /// The token.
    pub token: String,
    /// ARN of the role it may assume.
    pub role_arn: String,
    /// Subject.
    pub subject: String,
    /// Audience.
    pub audience: String,
    /// Issuer.
    pub provider: String,
}

/// An organization.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Organization {
    /// Id.
    pub id: String,
    /// Number of the management account.
    pub management: String,
    /// Its accounts.
    pub members: BTreeMap<String, Member>,
}

/// An account of an organization.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Member {
    /// Path of the root or unit that it is in, with a slash at the end.
    pub unit_path: String,
    /// State.
    pub state: String,
}

/// Everything there is.
#[derive(Clone, Debug, Default)]
pub(super) struct Inventory {
    pub(super) users: Vec<Entity>,
    pub(super) roles: Vec<RoleRecord>,
    pub(super) profiles: Vec<ProfileRecord>,
    pub(super) instances: BTreeMap<String, Instance>,
    pub(super) web_identities: Vec<WebIdentity>,
    pub(super) oidc_providers: Vec<OidcProvider>,
    pub(super) organization: Option<Organization>,
    keys: BTreeMap<String, Key>,
    ids_given: u64,
}

impl Inventory {
    /// A new unique id: prefix and 17 characters of the base-32 alphabet.
    pub(super) fn unique_id(&mut self, prefix: &str) -> String {
        format!("{prefix}{}", &self.random_text()[..17])
    }

    /// Names come out the same in every run, so that recorded answers compare.
    fn random_text(&mut self) -> String {
        self.ids_given += 1;
        let seed = format!("id {}", self.ids_given);
        let bytes = digest::digest(&digest::SHA256, seed.as_bytes());
        let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
        bytes.as_ref().iter().map(|byte| char::from(alphabet[usize::from(byte % 32)])).collect()
    }

    /// A key for that holder; a session has an end.
    pub(super) fn add_key(&mut self, holder: Holder, expires: Option<OffsetDateTime>) -> Credentials {
        let prefix = if expires.is_some() { "ASIA" } else { "AKIA" };
        let access_key_id = format!("{prefix}{}", &self.random_text()[..16]);
        // Secrets and tokens hold the characters that must be escaped in queries and forms.
        let secret = STANDARD.encode(self.random_text());
        let secret_access_key = format!("{}+/{}", &secret[..18], &secret[18..38]);
        let session_token = expires.map(|_| {
            let body = STANDARD.encode([self.random_text(), self.random_text(), self.random_text()].concat());
            format!("IQoJb3JpZ2luX2VjE+//{body}AB==")
        });
        let credentials =
            Credentials { access_key_id: access_key_id.clone(), secret_access_key, session_token };
        let key = Key { credentials: credentials.clone(), holder, active: true, expires };
        self.keys.insert(access_key_id, key);
        credentials
    }

    /// The key of that id.
    pub(super) fn key(&self, access_key_id: &str) -> Option<&Key> {
        self.keys.get(access_key_id)
    }

    /// The key of that id, to change it.
    pub(super) fn key_mut(&mut self, access_key_id: &str) -> Option<&mut Key> {
        self.keys.get_mut(access_key_id)
    }

    /// Removes a key; false if there is none of that id.
    pub(super) fn remove_key(&mut self, access_key_id: &str) -> bool {
        self.keys.remove(access_key_id).is_some()
    }

    /// Ids of the keys of a user.
    pub(super) fn keys_of(&self, user_id: &str) -> Vec<String> {
        let own = |key: &&Key| matches!(&key.holder, Holder::User(id) if id == user_id);
        self.keys.values().filter(own).map(|key| key.credentials.access_key_id.clone()).collect()
    }

    /// Who uses a key; `None` once its user is gone.
    pub(super) fn identity(&self, holder: &Holder) -> Option<Identity> {
        match holder {
            Holder::Fixed(identity) => Some(identity.clone()),
            Holder::User(id) => self.users.iter().find(|user| user.unique_id == *id).map(|user| Identity {
                arn: user.arn("user"),
                user_id: user.unique_id.clone(),
                account: user.account.clone(),
                partition: user.partition.clone(),
            }),
        }
    }

    /// A user by account and name.
    pub(super) fn user(&self, account: &str, name: &str) -> Option<&Entity> {
        self.users.iter().find(|user| user.is(account, name))
    }

    /// A role by account and name.
    pub(super) fn role(&self, account: &str, name: &str) -> Option<&RoleRecord> {
        self.roles.iter().find(|role| role.entity.is(account, name))
    }

    /// An instance profile by account and name.
    pub(super) fn profile(&self, account: &str, name: &str) -> Option<&ProfileRecord> {
        self.profiles.iter().find(|profile| profile.entity.is(account, name))
    }

    /// The identity of a session of a role.
    pub(super) fn session_identity(role: &Entity, session_name: &str) -> Identity {
        Identity {
            arn: format!(
                "arn:{}:sts::{}:assumed-role/{}/{session_name}",
                role.partition, role.account, role.name
            ),
            user_id: format!("{}:{session_name}", role.unique_id),
            account: role.account.clone(),
            partition: role.partition.clone(),
        }
    }
}
