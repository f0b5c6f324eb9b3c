//! Identity and Access Management: names to ARNs and unique ids.

use aws_credential_types::Credentials;
use zeroize::Zeroizing;

use super::calls::Api;
use super::context::CallContext;
use super::credentials_source::is_sendable;
use super::endpoint::Endpoint;
use super::error::CallError;
use super::principal_tags::{ReadTags, TagReader};
use super::query::{MAX_ANSWER, QueryCall};
use super::region::Region;
use super::xml::{Node, Once, XmlError, walk};
use crate::aws::arn::AccountId;
use crate::ports::Secret;

const VERSION: &str = "2010-05-08";

/// A user or role as IAM knows it now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IamEntity {
    /// ARN with path.
    pub arn: String,
    /// Unique id; another one after deletion and recreation.
    pub unique_id: String,
    /// Its own tags.
    pub tags: ReadTags,
}

/// An instance profile.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct InstanceProfile {
    /// Unique id.
    pub unique_id: String,
    /// ARNs of its roles; AWS allows one.
    pub role_arns: Vec<String>,
}

/// A new access key.
#[derive(Clone, PartialEq, Eq)]
pub struct AccessKey {
    /// Its id.
    pub id: String,
    /// Its secret, which AWS tells only once.
    pub secret: Secret,
}

/// The user a caller's keys belong to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnUser {
    /// Its name; the root user of an account has none.
    pub name: Option<String>,
}

/// IAM of one account.
#[derive(Clone)]
pub struct IamClient {
    /// The account; empty where nobody knows whose the credentials are.
    pub account: AccountId,
    /// Endpoint of the partition, or the configured one.
    pub endpoint: Endpoint,
    /// Region, for signatures.
    pub region: Region,
    /// Credentials in the account.
    pub credentials: Credentials,
}

impl IamClient {
    fn call(&self, api: Api, parameters: &[(&'static str, &str)]) -> QueryCall<'_> {
        QueryCall {
            api,
            account: &self.account,
            region: &self.region,
            endpoint: &self.endpoint,
            version: VERSION,
            parameters: parameters.iter().map(|&(name, value)| (name.into(), value.to_owned())).collect(),
            credentials: Some(&self.credentials),
            max_answer: MAX_ANSWER,
        }
    }

    /// A user by name.
    ///
    /// # Errors
    /// See [`CallError`].
    pub async fn get_user(&self, name: &str, context: CallContext<'_>) -> Result<IamEntity, CallError> {
        let call = self.call(Api::GetUser, &[("UserName", name)]);
        let body = call.send(context).await?;
        read_user(&body).map_err(|_| call.unreadable())
    }

    /// A role by name.
    ///
    /// # Errors
    /// See [`CallError`].
    pub async fn get_role(&self, name: &str, context: CallContext<'_>) -> Result<IamEntity, CallError> {
        let call = self.call(Api::GetRole, &[("RoleName", name)]);
        let body = call.send(context).await?;
        read_role(&body).map_err(|_| call.unreadable())
    }

    /// An instance profile by name.
    ///
    /// # Errors
    /// See [`CallError`].
    pub async fn get_instance_profile(
        &self,
        name: &str,
        context: CallContext<'_>,
    ) -> Result<InstanceProfile, CallError> {
        let call = self.call(Api::GetInstanceProfile, &[("InstanceProfileName", name)]);
        let body = call.send(context).await?;
        read_instance_profile(&body).map_err(|_| call.unreadable())
    }

    /// The user whose keys these are; `None` when AWS names none.
    ///
    /// # Errors
    /// See [`CallError`].
    pub async fn get_own_user(&self, context: CallContext<'_>) -> Result<Option<OwnUser>, CallError> {
        let call = self.call(Api::GetUser, &[]);
        let body = call.send(context).await?;
        read_own_user(&body).map_err(|_| call.unreadable())
    }

    /// Makes another access key for a user; `None` when AWS does not tell the key. An answer that is
    /// lost is asked for again, which may leave a key that nobody knows; AWS allows two of a user.
    ///
    /// # Errors
    /// See [`CallError`].
    pub async fn create_access_key(
        &self,
        user: &str,
        context: CallContext<'_>,
    ) -> Result<Option<AccessKey>, CallError> {
        let call = self.call(Api::CreateAccessKey, &[("UserName", user)]);
        let body = Zeroizing::new(call.send(context).await?);
        read_access_key(&body).map_err(|_| call.unreadable())
    }

    /// Deletes an access key of a user.
    ///
    /// # Errors
    /// See [`CallError`].
    pub async fn delete_access_key(
        &self,
        id: &str,
        user: &str,
        context: CallContext<'_>,
    ) -> Result<(), CallError> {
        let call = self.call(Api::DeleteAccessKey, &[("AccessKeyId", id), ("UserName", user)]);
        call.send(context).await?;
        Ok(())
    }
}

pub(super) fn read_user(document: &str) -> Result<IamEntity, XmlError> {
    read_entity(document, "GetUserResponse", ["GetUserResult", "User"], "UserId")
}

pub(super) fn read_role(document: &str) -> Result<IamEntity, XmlError> {
    read_entity(document, "GetRoleResponse", ["GetRoleResult", "Role"], "RoleId")
}

fn read_entity(document: &str, root: &str, at: [&str; 2], id: &str) -> Result<IamEntity, XmlError> {
    let (mut arn, mut unique_id) = (Once::default(), Once::default());
    let mut tags = TagReader::default();
    walk(document.trim(), root, |path, node| match (path, node) {
        ([result, entity, "Tags", inner @ ..], node) if [*result, *entity] == at => {
            tags.visit(inner, &node);
            Ok(())
        }
        ([result, entity, "Arn"], Node::Close(text)) if [*result, *entity] == at => arn.set(text),
        ([result, entity, name], Node::Close(text)) if [*result, *entity] == at && *name == id => {
            unique_id.set(text)
        }
        _ => Ok(()),
    })?;
    Ok(IamEntity { arn: arn.required()?, unique_id: unique_id.required()?, tags: tags.read() })
}

fn read_own_user(document: &str) -> Result<Option<OwnUser>, XmlError> {
    let (mut is_there, mut name) = (false, Once::default());
    walk(document.trim(), "GetUserResponse", |path, node| match (path, node) {
        (["GetUserResult", "User"], Node::Open) if is_there => Err(XmlError),
        (["GetUserResult", "User"], Node::Open) => {
            is_there = true;
            Ok(())
        }
        (["GetUserResult", "User", "UserName"], Node::Close(text)) => name.set(text),
        _ => Ok(()),
    })?;
    Ok(is_there.then(|| OwnUser { name: name.required().ok() }))
}

fn read_access_key(document: &str) -> Result<Option<AccessKey>, XmlError> {
    let (mut id, mut secret) = (Once::default(), Once::default());
    walk(document.trim(), "CreateAccessKeyResponse", |path, node| match (path, node) {
        (["CreateAccessKeyResult", "AccessKey", "AccessKeyId"], Node::Close(text)) => id.set(text),
        (["CreateAccessKeyResult", "AccessKey", "SecretAccessKey"], Node::Close(text)) => secret.set(text),
        _ => Ok(()),
    })?;
    let (Ok(id), Ok(secret)) = (id.required(), secret.required()) else { return Ok(None) };
    if !is_sendable(&id) {
        // It would take the place of a key that works.
        return Err(XmlError);
    }
    Ok(Some(AccessKey { id, secret: secret.into() }))
}

fn read_instance_profile(document: &str) -> Result<InstanceProfile, XmlError> {
    let mut unique_id = Once::default();
    let mut roles: Vec<Once> = Vec::new();
    walk(document.trim(), "GetInstanceProfileResponse", |path, node| {
        let ["GetInstanceProfileResult", "InstanceProfile", inner @ ..] = path else {
            return Ok(());
        };
        match (inner, node) {
            (["InstanceProfileId"], Node::Close(text)) => unique_id.set(text),
            (["Roles", "member"], Node::Open) => {
                roles.push(Once::default());
                Ok(())
            }
            (["Roles", "member", "Arn"], Node::Close(text)) => roles.last_mut().ok_or(XmlError)?.set(text),
            _ => Ok(()),
        }
    })?;
    let role_arns = roles.into_iter().map(Once::required).collect::<Result<_, _>>()?;
    Ok(InstanceProfile { unique_id: unique_id.required()?, role_arns })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_need_arn_and_id() {
        let body = "<GetUserResponse xmlns=\"https://iam.amazonaws.com/doc/2010-05-08/\"><GetUserResult><User><Path>/</Path><UserName>u</UserName><UserId>AIDA</UserId><Arn>arn:aws:iam::1:user/u</Arn></User></GetUserResult></GetUserResponse>";
        let read = read_user;
        assert_eq!(read(body).unwrap().unique_id, "AIDA");
        assert!(read(&body.replace("<UserId>AIDA</UserId>", "")).is_err());
        assert!(read(&body.replace("<UserName>u</UserName>", "<Arn>x</Arn>")).is_err());
    }

    #[test]
    fn the_own_user_may_have_no_name_or_not_be_there() {
        let read = |user: &str| {
            read_own_user(&format!(
                "<GetUserResponse><GetUserResult>{user}</GetUserResult></GetUserResponse>"
            ))
        };
        let name = |user: &str| read(user).unwrap().unwrap().name;
        assert_eq!(name("<User><UserName>u</UserName></User>").as_deref(), Some("u"));
        assert_eq!(name("<User><UserName/></User>"), None);
        assert_eq!(name("<User><Arn>arn:aws:iam::1:root</Arn></User>"), None);
        assert_eq!(read(""), Ok(None));
        assert!(read("<User/><User><UserName>u</UserName></User>").is_err());
        assert!(read("<User><UserName>a</UserName><UserName>b</UserName></User>").is_err());
    }

    #[test]
    fn a_new_key_has_id_and_secret() {
        let read = |key: &str| {
            read_access_key(&format!(
                "<CreateAccessKeyResponse><CreateAccessKeyResult><AccessKey>{key}</AccessKey></CreateAccessKeyResult></CreateAccessKeyResponse>"
            ))
        };
        let (id, secret) = ("<AccessKeyId>AKIA</AccessKeyId>", "<SecretAccessKey>s+/=</SecretAccessKey>");
        let key = read(&format!("<UserName>u</UserName>{id}{secret}")).unwrap().unwrap();
        assert_eq!((key.id.as_str(), key.secret.as_str()), ("AKIA", "s+/="));
        for incomplete in [id, secret, "<AccessKeyId/><SecretAccessKey>s</SecretAccessKey>"] {
            assert!(read(incomplete).unwrap().is_none(), "{incomplete}");
        }
        assert!(read(&format!("{id}{id}{secret}")).is_err());
        assert!(read(&format!("<AccessKeyId>AKIA&#10;</AccessKeyId>{secret}")).is_err());
    }

    #[test]
    fn profiles_list_their_roles() {
        let role = |arn: &str| format!("<member><RoleName>r</RoleName><Arn>{arn}</Arn></member>");
        let body = |roles: &str| {
            format!(
                "<GetInstanceProfileResponse><GetInstanceProfileResult><InstanceProfile><InstanceProfileId>AIPA</InstanceProfileId><Arn>p</Arn><Roles>{roles}</Roles></InstanceProfile></GetInstanceProfileResult></GetInstanceProfileResponse>"
            )
        };
        assert_eq!(read_instance_profile(&body("")).unwrap().role_arns.len(), 0);
        assert_eq!(read_instance_profile(&body(&(role("a") + &role("b")))).unwrap().role_arns, ["a", "b"]);
        assert!(read_instance_profile(&body("<member/>")).is_err());
    }
}
