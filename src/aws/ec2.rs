//! Elastic Compute Cloud: what is known about one instance.

use aws_credential_types::Credentials;

use super::calls::Api;
use super::endpoints::{Endpoint, Region};
use super::error::CallError;
use super::query::{CallContext, MAX_ANSWER, QueryCall};
use super::xml::{Node, Once, XmlError, walk};
use crate::arn::AccountId;

const VERSION: &str = "2016-11-15";

/// An instance as EC2 describes it. What an admission cannot do without is mandatory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Instance {
    /// Id.
    pub id: String,
    /// Image it was started from.
    pub image_id: String,
    /// State, such as `running`.
    pub state: String,
    /// When it was last started.
    pub launch_time: String,
    /// Subnet; absent outside a VPC.
    pub subnet_id: Option<String>,
    /// VPC; absent outside one.
    pub vpc_id: Option<String>,
    /// Instance profile.
    pub profile: Option<AttachedProfile>,
    /// Private DNS name.
    pub private_dns_name: Option<String>,
    /// Tags.
    pub tags: Vec<(String, String)>,
}

/// The instance profile of an instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttachedProfile {
    /// Its ARN, if EC2 names it.
    pub arn: Option<String>,
}

/// What EC2 answered about one instance id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Description {
    /// No reservation.
    NoReservation,
    /// A reservation without instances.
    NoInstance,
    /// An instance that lacks its id.
    WithoutId,
    /// An instance that lacks its state.
    WithoutState,
    /// An instance that lacks its image or launch time.
    Incomplete,
    /// The first instance of the first reservation.
    Instance(Box<Instance>),
}

/// EC2 of one account and region.
#[derive(Clone)]
pub struct Ec2Client {
    /// The account.
    pub account: AccountId,
    /// Endpoint of the region, or the configured one.
    pub endpoint: Endpoint,
    /// Region, for signatures.
    pub region: Region,
    /// Credentials in the account.
    pub credentials: Credentials,
}

impl Ec2Client {
    /// Describes one instance.
    ///
    /// # Errors
    /// See [`CallError`].
    pub async fn describe_instance(
        &self,
        id: &str,
        context: CallContext<'_>,
    ) -> Result<Description, CallError> {
        let call = QueryCall {
            api: Api::DescribeInstances,
            account: &self.account,
            region: &self.region,
            endpoint: &self.endpoint,
            version: VERSION,
            parameters: vec![("InstanceId.1".into(), id.to_owned())],
            credentials: Some(&self.credentials),
            max_answer: MAX_ANSWER,
        };
        let body = call.send(context).await?;
        read_description(&body).map_err(|_| call.unreadable())
    }
}

#[derive(Default)]
struct Elements {
    id: Once,
    image_id: Once,
    state: Once,
    launch_time: Once,
    subnet_id: Once,
    vpc_id: Once,
    private_dns_name: Once,
    has_profile: bool,
    profile_arn: Once,
    tags: Vec<(Once, Once)>,
}

/// Tags that are read; EC2 allows fifty on a resource.
const MAX_TAGS: usize = 200;

fn read_description(document: &str) -> Result<Description, XmlError> {
    let (mut reservations, mut instances) = (0_u32, 0_u32);
    let mut elements = Elements::default();
    walk(document.trim(), "DescribeInstancesResponse", |path, node| {
        let ["reservationSet", "item", inner @ ..] = path else {
            return Ok(());
        };
        match (inner, &node) {
            ([], Node::Open) => reservations = reservations.saturating_add(1),
            (["instancesSet", "item"], Node::Open) => instances = instances.saturating_add(1),
            _ => {}
        }
        // One id was asked for, so one instance is the answer.
        if reservations > 1 || instances > 1 {
            return Err(XmlError);
        }
        match inner {
            ["instancesSet", "item", element @ ..] => elements.read(element, node),
            _ => Ok(()),
        }
    })?;
    if reservations == 0 {
        return Ok(Description::NoReservation);
    }
    if instances == 0 {
        return Ok(Description::NoInstance);
    }
    elements.into_description()
}

impl Elements {
    fn read(&mut self, path: &[&str], node: Node<'_>) -> Result<(), XmlError> {
        match (path, node) {
            (["iamInstanceProfile"], Node::Open) if self.has_profile => Err(XmlError),
            (["iamInstanceProfile"], Node::Open) => {
                self.has_profile = true;
                Ok(())
            }
            (["tagSet", "item"], Node::Open) if self.tags.len() >= MAX_TAGS => Err(XmlError),
            (["tagSet", "item"], Node::Open) => {
                self.tags.push(Default::default());
                Ok(())
            }
            (path, Node::Close(text)) => match path {
                ["instanceId"] => self.id.set(text),
                ["imageId"] => self.image_id.set(text),
                ["instanceState", "name"] => self.state.set(text),
                ["launchTime"] => self.launch_time.set(text),
                ["subnetId"] => self.subnet_id.set(text),
                ["vpcId"] => self.vpc_id.set(text),
                ["privateDnsName"] => self.private_dns_name.set(text),
                ["iamInstanceProfile", "arn"] => self.profile_arn.set(text),
                ["tagSet", "item", "key"] => self.tags.last_mut().ok_or(XmlError)?.0.set(text),
                ["tagSet", "item", "value"] => self.tags.last_mut().ok_or(XmlError)?.1.set(text),
                _ => Ok(()),
            },
            (_, Node::Open) => Ok(()),
        }
    }

    fn into_description(self) -> Result<Description, XmlError> {
        let present = |element: Once| element.into_option().filter(|text| !text.is_empty());
        let Some(id) = present(self.id) else {
            return Ok(Description::WithoutId);
        };
        let Some(state) = present(self.state) else {
            return Ok(Description::WithoutState);
        };
        let (Some(image_id), Some(launch_time)) = (present(self.image_id), present(self.launch_time)) else {
            return Ok(Description::Incomplete);
        };
        let mut tags = Vec::with_capacity(self.tags.len());
        for (key, value) in self.tags {
            tags.push((key.into_option().ok_or(XmlError)?, value.into_option().unwrap_or_default()));
        }
        Ok(Description::Instance(Box::new(Instance {
            id,
            image_id,
            state,
            launch_time,
            subnet_id: present(self.subnet_id),
            vpc_id: present(self.vpc_id),
            profile: self.has_profile.then(|| AttachedProfile { arn: present(self.profile_arn) }),
            private_dns_name: present(self.private_dns_name),
            tags,
        })))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const INSTANCE: &str = "<item><instanceId>i-1</instanceId><imageId>ami-1</imageId><instanceState><code>16</code><name>running</name></instanceState><privateDnsName>ip.internal</privateDnsName><launchTime>2026-01-02T03:04:05.000Z</launchTime><subnetId>subnet-1</subnetId><vpcId>vpc-1</vpcId><iamInstanceProfile><arn>arn:p</arn><id>AIPA</id></iamInstanceProfile><tagSet><item><key>k</key><value>v</value></item></tagSet><networkInterfaceSet><item><subnetId>subnet-2</subnetId></item></networkInterfaceSet></item>";

    fn answer(instances: &str) -> String {
        format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<DescribeInstancesResponse><requestId>r</requestId><reservationSet><item><ownerId>1</ownerId><instancesSet>{instances}</instancesSet></item></reservationSet></DescribeInstancesResponse>"
        )
    }

    #[test]
    fn an_instance_is_read_from_where_its_elements_stand() {
        let Description::Instance(instance) = read_description(&answer(INSTANCE)).unwrap() else {
            panic!("not an instance");
        };
        assert_eq!(instance.subnet_id.as_deref(), Some("subnet-1"));
        assert_eq!(instance.profile, Some(AttachedProfile { arn: Some("arn:p".to_owned()) }));
        assert_eq!(instance.tags, [("k".to_owned(), "v".to_owned())]);
    }

    #[test]
    fn what_is_missing_is_named() {
        let without = |element: &str| read_description(&answer(&INSTANCE.replace(element, ""))).unwrap();
        assert_eq!(without("<instanceId>i-1</instanceId>"), Description::WithoutId);
        assert_eq!(without("<name>running</name>"), Description::WithoutState);
        assert_eq!(without("<imageId>ami-1</imageId>"), Description::Incomplete);
        assert_eq!(without("<launchTime>2026-01-02T03:04:05.000Z</launchTime>"), Description::Incomplete);
        assert_eq!(read_description(&answer("")).unwrap(), Description::NoInstance);
        let none = "<DescribeInstancesResponse><reservationSet/></DescribeInstancesResponse>";
        assert_eq!(read_description(none).unwrap(), Description::NoReservation);
    }

    #[test]
    fn more_than_was_asked_for_is_refused() {
        assert!(read_description(&answer(&format!("{INSTANCE}{INSTANCE}"))).is_err());
        assert!(
            read_description(&answer(&INSTANCE.replace("<vpcId>", "<imageId>x</imageId><vpcId>"))).is_err()
        );
    }
}
