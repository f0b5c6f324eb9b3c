//! From an operation to the service that has it.

use super::document::Element;
use super::endpoint::Service;
use super::inventory::Inventory;
use super::operation::Operation;
use super::published::Published;
use super::refusal::Refusal;
use super::{ec2, iam, organizations, sts};

/// Does what is asked. Operations that only do something have no result.
pub(super) fn perform(
    operation: &Operation,
    inventory: &mut Inventory,
    published: &Published,
) -> Result<Option<Element>, Refusal> {
    check_version(operation)?;
    match operation.service {
        Service::Sts => sts::perform(operation, inventory, published).map(Some),
        Service::Iam => iam::perform(operation, inventory),
        Service::Ec2 => ec2::perform(operation, inventory).map(Some),
        Service::Organizations => organizations::perform(operation, inventory).map(Some),
    }
}

fn check_version(operation: &Operation) -> Result<(), Refusal> {
    if operation.action.is_empty() {
        return Err(Refusal::new(400, "MissingAction", "The request must contain the parameter Action"));
    }
    match operation.parameter("Version")? {
        // It stands in the header that names the action.
        None if operation.service == Service::Organizations => Ok(()),
        Some(version) if version == operation.service.version() => Ok(()),
        _ => Err(operation.unknown_action()),
    }
}
