//! Organizations: accounts of one organization. Permissions are not modelled, a fault stands for a missing one.

use super::document::{Element, node, text};
use super::inventory::Inventory;
use super::operation::Operation;
use super::refusal::Refusal;

pub(super) fn perform(operation: &Operation, inventory: &Inventory) -> Result<Element, Refusal> {
    match operation.action.as_str() {
        "DescribeAccount" => describe_account(operation, inventory),
        _ => Err(operation.unknown_action()),
    }
}

fn describe_account(operation: &Operation, inventory: &Inventory) -> Result<Element, Refusal> {
    let account = operation.required("AccountId")?;
    let organization = inventory.organization.as_ref().ok_or_else(|| {
        Refusal::new(
            400,
            "AWSOrganizationsNotInUseException",
            "Your account is not a member of an organization.",
        )
    })?;
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
