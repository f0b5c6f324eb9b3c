//! Identity and Access Management. Names are looked up in the caller's account; permissions are not
//! modelled, a fault stands for a missing one.

use super::document::{Element, node, text};
use super::encoding::encode;
use super::inventory::{Entity, Holder, Inventory, KEYS_PER_USER, RoleRecord};
use super::operation::{Operation, timestamp};
use super::refusal::Refusal;

/// Creation date of everything.
const CREATED: &str = "2024-01-02T03:04:05Z";

/// The result; operations that only do something have none.
pub(super) fn perform(operation: &Operation, inventory: &mut Inventory) -> Result<Option<Element>, Refusal> {
    match operation.action.as_str() {
        "GetUser" => get_user(operation, inventory).map(Some),
        "GetRole" => get_role(operation, inventory).map(Some),
        "GetInstanceProfile" => get_instance_profile(operation, inventory).map(Some),
        "CreateAccessKey" => create_access_key(operation, inventory).map(Some),
        "DeleteAccessKey" => delete_access_key(operation, inventory).map(|()| None),
        _ => Err(operation.unknown_action()),
    }
}

fn get_user(operation: &Operation, inventory: &Inventory) -> Result<Element, Refusal> {
    let identity = &operation.caller().identity;
    if operation.parameter("UserName")?.is_none() && identity.arn.ends_with(":root") {
        let elements =
            [text("UserId", &identity.user_id), text("Arn", &identity.arn), text("CreateDate", CREATED)];
        return Ok(node("GetUserResult", [node("User", elements)]));
    }
    let user = named_or_own_user(operation, inventory)?;
    let mut elements = vec![
        text("Path", &user.path),
        text("UserName", &user.name),
        text("UserId", &user.unique_id),
        text("Arn", user.arn("user")),
        text("CreateDate", CREATED),
    ];
    elements.extend(tags(user));
    Ok(node("GetUserResult", [node("User", elements)]))
}

fn get_role(operation: &Operation, inventory: &Inventory) -> Result<Element, Refusal> {
    let name = operation.required("RoleName")?;
    let role = inventory.role(&operation.caller().identity.account, &name);
    let role =
        role.ok_or_else(|| Refusal::no_such_entity(format!("The role with name {name} cannot be found.")))?;
    let mut elements = role_elements(role);
    elements.extend(tags(&role.entity));
    Ok(node("GetRoleResult", [node("Role", elements)]))
}

fn get_instance_profile(operation: &Operation, inventory: &Inventory) -> Result<Element, Refusal> {
    let name = operation.required("InstanceProfileName")?;
    let profile = inventory.profile(&operation.caller().identity.account, &name);
    let profile = profile
        .ok_or_else(|| Refusal::no_such_entity(format!("Instance Profile {name} cannot be found.")))?;
    let of_profile = |role: &&RoleRecord| profile.roles.contains(&role.entity.unique_id);
    let roles = inventory.roles.iter().filter(of_profile).map(|role| node("member", role_elements(role)));
    let elements = [
        text("InstanceProfileId", &profile.entity.unique_id),
        node("Roles", roles),
        text("InstanceProfileName", &profile.entity.name),
        text("Path", &profile.entity.path),
        text("Arn", profile.entity.arn("instance-profile")),
        text("CreateDate", CREATED),
    ];
    Ok(node("GetInstanceProfileResult", [node("InstanceProfile", elements)]))
}

fn create_access_key(operation: &Operation, inventory: &mut Inventory) -> Result<Element, Refusal> {
    let user = named_or_own_user(operation, inventory)?.clone();
    if inventory.keys_of(&user.unique_id).len() >= KEYS_PER_USER {
        let message = format!("Cannot exceed quota for AccessKeysPerUser: {KEYS_PER_USER}");
        return Err(Refusal::new(409, "LimitExceeded", message));
    }
    let keys = inventory.add_key(Holder::User(user.unique_id), None);
    let elements = [
        text("UserName", user.name),
        text("AccessKeyId", keys.access_key_id),
        text("Status", "Active"),
        text("SecretAccessKey", keys.secret_access_key),
        text("CreateDate", timestamp(operation.now)),
    ];
    Ok(node("CreateAccessKeyResult", [node("AccessKey", elements)]))
}

fn delete_access_key(operation: &Operation, inventory: &mut Inventory) -> Result<(), Refusal> {
    let id = operation.required("AccessKeyId")?;
    let user = named_or_own_user(operation, inventory)?.unique_id.clone();
    if !inventory.keys_of(&user).contains(&id) {
        let message = format!("The Access Key with id {id} cannot be found.");
        return Err(Refusal::no_such_entity(message));
    }
    inventory.remove_key(&id);
    Ok(())
}

/// The user of that name, or the caller if no name is given.
fn named_or_own_user<'a>(operation: &Operation, inventory: &'a Inventory) -> Result<&'a Entity, Refusal> {
    let caller = operation.caller();
    let user = match (operation.parameter("UserName")?, &caller.holder) {
        (Some(name), _) => inventory.user(&caller.identity.account, &name).ok_or(name),
        (None, Holder::User(id)) => {
            inventory.users.iter().find(|user| user.unique_id == *id).ok_or_else(|| id.clone())
        }
        (None, Holder::Fixed(_)) => {
            return Err(Refusal::validation("Must specify userName when calling with non-User credentials"));
        }
    };
    user.map_err(|name| Refusal::no_such_entity(format!("The user with name {name} cannot be found.")))
}

fn role_elements(role: &RoleRecord) -> Vec<Element> {
    let entity = &role.entity;
    vec![
        text("Path", &entity.path),
        text("AssumeRolePolicyDocument", encode(r#"{"Version":"2012-10-17","Statement":[]}"#)),
        text("MaxSessionDuration", "3600"),
        text("RoleId", &entity.unique_id),
        text("RoleName", &entity.name),
        text("Arn", entity.arn("role")),
        text("CreateDate", CREATED),
    ]
}

fn tags(entity: &Entity) -> Option<Element> {
    let members =
        entity.tags.iter().map(|(key, value)| node("member", [text("Key", key), text("Value", value)]));
    (!entity.tags.is_empty()).then(|| node("Tags", members))
}
