//! Elastic Compute Cloud: DescribeInstances, by ids or all of an account and region. Filters and pages
//! are not offered.

use super::document::{Element, node, optional, text};
use super::inventory::{Instance, Inventory};
use super::operation::Operation;
use super::refusal::Refusal;

pub(super) fn perform(operation: &Operation, inventory: &Inventory) -> Result<Element, Refusal> {
    match operation.action.as_str() {
        "DescribeInstances" => describe_instances(operation, inventory),
        _ => Err(operation.unknown_action()),
    }
}

fn describe_instances(operation: &Operation, inventory: &Inventory) -> Result<Element, Refusal> {
    let account = &operation.caller().identity.account;
    let here: Vec<&Instance> = inventory
        .instances
        .values()
        .filter(|instance| instance.account == *account && instance.region == operation.region)
        .collect();
    let ids = wanted_ids(operation)?;
    let described: Vec<&Instance> = if ids.is_empty() {
        here
    } else {
        let unknown: Vec<&str> = ids
            .iter()
            .map(String::as_str)
            .filter(|id| !here.iter().any(|instance| instance.id == *id))
            .collect();
        if !unknown.is_empty() {
            return Err(not_found(&unknown));
        }
        here.into_iter().filter(|instance| ids.contains(&instance.id)).collect()
    };
    Ok(node("reservationSet", described.into_iter().map(reservation)))
}

fn wanted_ids(operation: &Operation) -> Result<Vec<String>, Refusal> {
    let mut ids = Vec::new();
    for (name, value) in &operation.parameters {
        if let Some(number) = name.strip_prefix("InstanceId.") {
            if !number.parse::<u32>().is_ok_and(|number| number > 0) {
                return Err(unknown_parameter(name));
            }
            if !is_instance_id(value) {
                let hint = if value.starts_with("i-") { "" } else { " (expecting \"i-...\")" };
                let message = format!("Invalid id: \"{value}\"{hint}");
                return Err(Refusal::new(400, "InvalidInstanceID.Malformed", message));
            }
            ids.push(value.clone());
        } else if !matches!(name.as_str(), "Action" | "Version") {
            return Err(unknown_parameter(name));
        }
    }
    ids.sort();
    ids.dedup();
    Ok(ids)
}

fn unknown_parameter(name: &str) -> Refusal {
    Refusal::new(400, "UnknownParameter", format!("The parameter {name} is not recognized"))
}

fn is_instance_id(id: &str) -> bool {
    let digits = id.strip_prefix("i-").unwrap_or_default();
    let digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    matches!(digits.len(), 8 | 17) && digits.bytes().all(digit)
}

fn not_found(ids: &[&str]) -> Refusal {
    let message = match ids {
        [id] => format!("The instance ID '{id}' does not exist"),
        ids => format!("The instance IDs '{}' do not exist", ids.join(", ")),
    };
    Refusal::new(400, "InvalidInstanceID.NotFound", message)
}

fn reservation(instance: &Instance) -> Element {
    node(
        "item",
        [
            text("reservationId", instance.id.replacen("i-", "r-", 1)),
            text("ownerId", &instance.account),
            node("groupSet", []),
            node("instancesSet", [node("item", instance_elements(instance))]),
        ],
    )
}

fn instance_elements(instance: &Instance) -> Vec<Element> {
    let state = instance.state.map(|state| {
        let (code, name) = state.code_and_name();
        node("instanceState", [text("code", code.to_string()), text("name", name)])
    });
    let placement = node(
        "placement",
        [
            text("availabilityZone", format!("{}a", instance.region)),
            text("groupName", ""),
            text("tenancy", "default"),
        ],
    );
    let tags =
        instance.tags.iter().map(|(key, value)| node("item", [text("key", key), text("value", value)]));
    let profile = instance
        .profile
        .as_ref()
        .map(|(arn, id)| node("iamInstanceProfile", [text("arn", arn), text("id", id)]));
    let mut elements = vec![text("instanceId", &instance.id)];
    elements.extend(optional("imageId", instance.image_id.as_ref()));
    elements.extend(state);
    elements.extend(optional("privateDnsName", instance.private_dns_name.as_ref()));
    elements.extend([
        text("dnsName", ""),
        text("reason", ""),
        text("amiLaunchIndex", "0"),
        node("productCodes", []),
        text("instanceType", "t3.micro"),
    ]);
    elements.extend(optional("launchTime", instance.launch_time.as_ref()));
    elements.extend([placement, node("monitoring", [text("state", "disabled")])]);
    elements.extend(optional("subnetId", instance.subnet_id.as_ref()));
    elements.extend(optional("vpcId", instance.vpc_id.as_ref()));
    elements.extend([
        text("privateIpAddress", "10.0.0.12"),
        text("sourceDestCheck", "true"),
        node(
            "groupSet",
            [node("item", [text("groupId", "sg-0123456789abcdef0"), text("groupName", "default")])],
        ),
        text("architecture", "x86_64"),
        text("rootDeviceType", "ebs"),
        text("rootDeviceName", "/dev/xvda"),
        node("blockDeviceMapping", []),
        text("virtualizationType", "hvm"),
        text("clientToken", ""),
    ]);
    if !instance.tags.is_empty() {
        elements.push(node("tagSet", tags));
    }
    elements.extend([text("hypervisor", "xen"), node("networkInterfaceSet", [])]);
    elements.extend(profile);
    elements.push(text("ebsOptimized", "false"));
    elements
}
