//! Organizations: accounts of one organization. Permissions are not modelled, a fault stands for a missing one.

use super::document::{Element, node, text};
use super::inventory::Inventory;
use super::operation::Operation;
use super::refusal::Refusal;

pub(super) fn perform(operation: &Operation, inventory: &Inventory) -> Result<Element, Refusal> {
    match operation.action.as_str() {
        "DescribeAccount" => describe_account(operation, inventory),
        "DescribeOrganization" => describe_organization(operation, inventory),
        _ => Err(operation.unknown_action()),
    }
}

fn describe_account(operation: &Operation, inventory: &Inventory) -> Result<Element, Refusal> {
    let account = operation.required("AccountId")?;
    let organization = inventory.organization.as_ref().ok_or_else(not_in_use)?;
    let member = organization.members.get(&account).ok_or_else(|| {
        let message = "You specified an account that doesn't exist.";
        Refusal::new(400, "AccountNotFoundException", message)
    })?;
    let partition = &operation.caller().identity.partition;
    let (id, management) = (&organization.id, &organization.management);
    let arn = format!("arn:{partition}:organizations::{management}:account/{id}/{account}");
    let elements = [
        text("Arn", arn),
        text("Email", "root@example.com"),
        text("Id", &account),
        text("Name", "an account"),
        text("State", &member.state),
        node("Paths", [text("member", format!("{}{account}/", member.unit_path))]),
    ];
    Ok(node("DescribeAccountResult", [node("Account", elements)]))
}

/// That of the caller's account, which any of its principals may ask for.
fn describe_organization(operation: &Operation, inventory: &Inventory) -> Result<Element, Refusal> {
    let identity = &operation.caller().identity;
    let organization = inventory.organization.as_ref();
    let organization = organization.filter(|present| present.members.contains_key(&identity.account));
    let organization = organization.ok_or_else(not_in_use)?;
    let (id, management, partition) = (&organization.id, &organization.management, &identity.partition);
    let elements = [
        text("Arn", format!("arn:{partition}:organizations::{management}:organization/{id}")),
        text("FeatureSet", "ALL"),
        text("Id", id),
        text("MasterAccountId", management),
    ];
    Ok(node("DescribeOrganizationResult", [node("Organization", elements)]))
}

fn not_in_use() -> Refusal {
    Refusal::new(400, "AWSOrganizationsNotInUseException", "Your account is not a member of an organization.")
}
