//! Services, host names, regions and partitions.

/// A service that is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Service {
    /// Security Token Service.
    Sts,
    /// Identity and Access Management.
    Iam,
    /// Elastic Compute Cloud.
    Ec2,
    /// Organizations, which speaks JSON.
    Organizations,
}

impl Service {
    /// The name in a credential scope and in host names.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sts => "sts",
            Self::Iam => "iam",
            Self::Ec2 => "ec2",
            Self::Organizations => "organizations",
        }
    }

    /// The service of that name.
    pub fn named(name: &str) -> Option<Self> {
        [Self::Sts, Self::Iam, Self::Ec2, Self::Organizations]
            .into_iter()
            .find(|service| service.name() == name)
    }

    /// The version of its API.
    pub fn version(self) -> &'static str {
        match self {
            Self::Sts => "2011-06-15",
            Self::Iam => "2010-05-08",
            Self::Ec2 => "2016-11-15",
            Self::Organizations => "20161128",
        }
    }

    /// The namespace of its answers.
    pub fn namespace(self) -> &'static str {
        match self {
            Self::Sts => "https://sts.amazonaws.com/doc/2011-06-15/",
            Self::Iam => "https://iam.amazonaws.com/doc/2010-05-08/",
            Self::Ec2 => "http://ec2.amazonaws.com/doc/2016-11-15/",
            Self::Organizations => "",
        }
    }
}

/// What a host name of AWS says about the service behind it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Endpoint {
    /// Service.
    pub service: Service,
    /// Region; global hosts have none.
    pub region: Option<String>,
}

/// Domains of the partitions. The longer one of two with a common end comes first.
const DOMAINS: [&str; 9] = [
    ".amazonaws.com.cn",
    ".amazonaws.com",
    ".amazonaws.eu",
    ".api.aws",
    ".c2s.ic.gov",
    ".sc2s.sgov.gov",
    ".cloud.adc-e.uk",
    ".csp.hci.ic.gov",
    ".api.amazonwebservices.com.cn",
];

/// Reads a Host header. `None` for hosts that are not of AWS, such as a loopback address.
pub(super) fn endpoint_of_host(host: &str) -> Option<Endpoint> {
    let host = host.split_once(':').map_or(host, |(host, _)| host);
    let labels = DOMAINS.iter().find_map(|domain| host.strip_suffix(domain))?;
    let (service, region) = match labels.split_once('.') {
        Some((service, region)) => (service, Some(region.to_owned())),
        None => (labels, None),
    };
    let service = Service::named(service.strip_suffix("-fips").unwrap_or(service))?;
    Some(Endpoint { service, region })
}

/// The partition of a region; `None` if the name is not that of a region.
pub(super) fn partition_of_region(region: &str) -> Option<&'static str> {
    let labels: Vec<&str> = region.split('-').collect();
    let (number, words) = labels.split_last()?;
    let digits = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    let lower = |word: &&str| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase());
    if !digits || !words.iter().all(lower) {
        return None;
    }
    match words {
        ["cn", _] => Some("aws-cn"),
        ["us", "gov", _] => Some("aws-us-gov"),
        ["us", "iso", _] => Some("aws-iso"),
        ["us", "isob", _] => Some("aws-iso-b"),
        ["eu", "isoe", _] => Some("aws-iso-e"),
        ["us" | "eu", "isof", _] => Some("aws-iso-f"),
        ["eusc", _, _] => Some("aws-eusc"),
        ["af" | "ap" | "ca" | "eu" | "il" | "me" | "mx" | "sa" | "us", _] => Some("aws"),
        _ => None,
    }
}

/// The only region that requests to Organizations of a partition are scoped to.
pub(super) fn organizations_region(partition: &str) -> &'static str {
    match partition {
        "aws-cn" => "cn-northwest-1",
        other => iam_region(other),
    }
}

/// The only region that IAM requests of a partition are scoped to.
pub(super) fn iam_region(partition: &str) -> &'static str {
    match partition {
        "aws-cn" => "cn-north-1",
        "aws-us-gov" => "us-gov-west-1",
        "aws-iso" => "us-iso-east-1",
        "aws-iso-b" => "us-isob-east-1",
        "aws-iso-e" => "eu-isoe-west-1",
        "aws-iso-f" => "us-isof-south-1",
        "aws-eusc" => "eusc-de-east-1",
        _ => "us-east-1",
    }
}
