//! Elastic Compute Cloud: what is known about instances.

use std::collections::HashMap;

use aws_credential_types::Credentials;

use super::calls::{Api, Token};
use super::context::CallContext;
use super::endpoint::Endpoint;
use super::error::{CallError, NoResult};
use super::query::{MAX_ANSWER, QueryCall};
use super::region::Region;
use super::xml::{Node, Once, XmlError, walk};
use crate::aws::arn::AccountId;

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
    /// An instance that lacks its id, or instances of which none has the id that was asked for.
    WithoutId,
    /// An instance that lacks its state.
    WithoutState,
    /// An instance that lacks its image or launch time.
    Incomplete,
    /// The first instance of the first reservation.
    Instance(Box<Instance>),
}

/// Longest part of an answer for each instance that was asked for, in bytes.
const MAX_ANSWER_EACH: usize = 64 * 1024;
/// Longest answer about many instances, in bytes.
const MAX_ANSWER_ALL: usize = 8 * 1024 * 1024;

/// Longest answer about a number of instances: no shorter than that about one, in bytes.
fn max_answer(instances: usize) -> usize {
    MAX_ANSWER_EACH.saturating_mul(instances).clamp(MAX_ANSWER, MAX_ANSWER_ALL)
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
        let call = self.call(&[id]);
        let body = call.send(context).await?;
        read_description(&body).map_err(|_| call.unreadable())
    }

    /// Describes instances, each of them once, with leave for the first attempt; the descriptions in
    /// the order of the ids. An answer that names an instance twice says nothing about it, and one that
    /// names none of those asked for says nothing about any.
    ///
    /// # Errors
    /// See [`CallError`]: of the call, or of what the answer says about one instance.
    pub async fn describe_instances(
        &self,
        ids: &[&str],
        context: CallContext<'_>,
        paid: Token,
    ) -> Result<Vec<Result<Description, CallError>>, CallError> {
        let call = self.call(ids);
        let body = call.send_paid(context, Some(paid)).await?;
        if ids.len() == 1 {
            return Ok(vec![read_description(&body).map_err(|_| call.unreadable())]);
        }
        let descriptions = read_descriptions(&body, ids).map_err(|_| call.unreadable())?;
        Ok(descriptions.into_iter().map(|found| found.map_err(|_| call.unreadable())).collect())
    }

    /// The error for a call that was not made or not answered in time.
    #[must_use]
    pub fn not_described(&self, cause: NoResult) -> CallError {
        self.call(&[]).failed(cause)
    }

    fn call(&self, ids: &[&str]) -> QueryCall<'_> {
        let parameter = |(place, id): (usize, &&str)| {
            (format!("InstanceId.{}", place.saturating_add(1)).into(), (*id).to_owned())
        };
        QueryCall {
            api: Api::DescribeInstances,
            account: &self.account,
            region: &self.region,
            endpoint: &self.endpoint,
            version: VERSION,
            parameters: ids.iter().enumerate().map(parameter).collect(),
            credentials: Some(&self.credentials),
            max_answer: max_answer(ids.len()),
        }
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

/// Reads an answer about many instances; what it says about each in the order of the ids.
fn read_descriptions(document: &str, ids: &[&str]) -> Result<Vec<Result<Description, XmlError>>, XmlError> {
    let mut found: HashMap<&str, Result<Description, XmlError>> = HashMap::with_capacity(ids.len());
    let mut has_others = false;
    let mut elements = Elements::default();
    walk(document.trim(), "DescribeInstancesResponse", |path, node| match (path, node) {
        // Ids that are named are not answered in pages.
        (["nextToken"], Node::Close(text)) if !text.is_empty() => Err(XmlError),
        (["reservationSet", "item", "instancesSet", "item"], Node::Close(_)) => {
            let elements = std::mem::take(&mut elements);
            let asked = elements.id.as_str().and_then(|id| ids.iter().find(|asked| **asked == id));
            match asked {
                None => has_others = true,
                Some(id) => {
                    let description = elements.into_description()?;
                    let is_second = found.contains_key(id);
                    found.insert(id, if is_second { Err(XmlError) } else { Ok(description) });
                }
            }
            Ok(())
        }
        (["reservationSet", "item", "instancesSet", "item", element @ ..], node) => {
            elements.read(element, node)
        }
        _ => Ok(()),
    })?;
    let missing = if has_others { Description::WithoutId } else { Description::NoReservation };
    Ok(ids.iter().map(|id| found.remove(id).unwrap_or_else(|| Ok(missing.clone()))).collect())
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

    fn read_many(instances: &str, ids: &[&str]) -> Result<Vec<Result<Description, XmlError>>, XmlError> {
        read_descriptions(&answer(instances), ids)
    }

    fn with_id(id: &str) -> String {
        INSTANCE.replace("<instanceId>i-1<", &format!("<instanceId>{id}<"))
    }

    /// The id of the instance that a description is of.
    fn id(description: &Result<Description, XmlError>) -> &str {
        match description {
            Ok(Description::Instance(instance)) => &instance.id,
            other => panic!("not an instance: {other:?}"),
        }
    }

    #[test]
    fn each_of_many_ids_gets_its_own_instance() {
        let found = read_many(&(with_id("i-2") + &with_id("i-1")), &["i-1", "i-2", "i-3"]).unwrap();
        assert_eq!([id(&found[0]), id(&found[1])], ["i-1", "i-2"]);
        assert_eq!(found[2], Ok(Description::NoReservation));
        let body = answer(&with_id("i-1"));
        let body = body.replace(
            "</item></reservationSet>",
            "</item><item><instancesSet>#</instancesSet></item></reservationSet>",
        );
        let found = read_descriptions(&body.replace('#', &with_id("i-2")), &["i-1", "i-2"]).unwrap();
        assert_eq!([id(&found[0]), id(&found[1])], ["i-1", "i-2"]);
    }

    #[test]
    fn an_instance_that_was_not_asked_for_or_comes_twice_is_nobodys() {
        let others = with_id("i-9") + "<item/>";
        let found = read_many(&(with_id("i-1") + &others), &["i-1", "i-2"]).unwrap();
        assert_eq!((id(&found[0]), &found[1]), ("i-1", &Ok(Description::WithoutId)));
        let twice = with_id("i-1") + &with_id("i-2") + &with_id("i-1");
        let found = read_many(&twice, &["i-1", "i-2"]).unwrap();
        assert_eq!((&found[0], id(&found[1])), (&Err(XmlError), "i-2"));
        let thrice = twice + &with_id("i-1");
        assert_eq!(read_many(&thrice, &["i-1", "i-2"]).unwrap()[0], Err(XmlError));
    }

    #[test]
    fn what_is_missing_is_named_for_whom_it_is_missing() {
        let found = read_many(
            &(with_id("i-1").replace("<imageId>ami-1</imageId>", "") + &with_id("i-2")),
            &["i-1", "i-2"],
        )
        .unwrap();
        assert_eq!((&found[0], id(&found[1])), (&Ok(Description::Incomplete), "i-2"));
    }

    #[test]
    fn an_answer_in_pages_is_unreadable() {
        let paged = |token: &str| {
            let token = format!("<nextToken>{token}</nextToken></DescribeInstancesResponse>");
            let body = answer(&with_id("i-1")).replace("</DescribeInstancesResponse>", &token);
            read_descriptions(&body, &["i-1", "i-2"])
        };
        assert_eq!(paged("more"), Err(XmlError));
        assert!(paged("").is_ok());
    }

    #[test]
    fn the_longest_answer_grows_with_the_instances() {
        let kibibytes = [1, 2, 16, 17, 100, 1000].map(|instances| max_answer(instances) / 1024);
        assert_eq!(kibibytes, [1024, 1024, 1024, 1088, 6400, 8192]);
    }

    #[test]
    fn more_than_was_asked_for_is_refused() {
        assert!(read_description(&answer(&format!("{INSTANCE}{INSTANCE}"))).is_err());
        assert!(
            read_description(&answer(&INSTANCE.replace("<vpcId>", "<imageId>x</imageId><vpcId>"))).is_err()
        );
    }
}
