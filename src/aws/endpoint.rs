//! Where the services of AWS are.
//!
//! Host names are computed from the table of partitions (AWS General Reference, "Service endpoints"), not
//! from a list of regions.

use std::net::IpAddr;

use http::Uri;
use http::uri::{Authority, PathAndQuery, Scheme};
use thiserror::Error;

use crate::aws::region::{Partition, Region};
use crate::go::text::quote;
use crate::refusal::{Code, Coded};

/// What the addresses begin with at which AWS serves an instance over IPv6.
const AWS_LOCAL_SERVICES: [u16; 2] = [0xfd00, 0x0ec2];

/// The AWS services this method calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Service {
    /// Security Token Service.
    Sts,
    /// Identity and Access Management.
    Iam,
    /// Elastic Compute Cloud.
    Ec2,
    /// Organizations.
    Organizations,
}

/// Why there is no endpoint.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum EndpointError {
    /// It may hold a password, so it is not quoted.
    #[error("the configured endpoint has a user name, which is not supported")]
    UserName,
    /// Not an http or https URL with a host.
    #[error("the configured endpoint {} is not a URL", quote(.0))]
    NoUrl(String),
    /// Requests have their own.
    #[error("the configured endpoint {} has a query or fragment, which cannot be kept", quote(.0))]
    QueryOrFragment(String),
    /// The name that a service has by the table of regions is not one of a host.
    #[error("{0}")]
    Name(String),
}

impl Coded for EndpointError {
    fn code(&self) -> Code {
        match self {
            Self::UserName | Self::NoUrl(_) | Self::QueryOrFragment(_) => Code::EndpointInvalid,
            Self::Name(_) => Code::PluginDefect,
        }
    }
}

impl Service {
    /// The settings of `config/client` that decide where its requests go, and for which region they are signed.
    #[must_use]
    pub const fn settings(self) -> &'static str {
        match self {
            Self::Sts => "sts_endpoint and sts_region of config/client",
            Self::Iam => "iam_endpoint of config/client and the region of the server",
            Self::Ec2 => "endpoint of config/client and the region that is looked into",
            Self::Organizations => "organizations_endpoint of config/client and the region of the server",
        }
    }

    /// As it stands in the credential scope of a signature.
    #[must_use]
    pub const fn signing_name(self) -> &'static str {
        match self {
            Self::Sts => "sts",
            Self::Iam => "iam",
            Self::Ec2 => "ec2",
            Self::Organizations => "organizations",
        }
    }
}

/// Where requests for a service go: scheme, host, port and a path before the request's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    scheme: Scheme,
    authority: Authority,
    base_path: String,
}

impl Endpoint {
    /// The global STS endpoint of the commercial partition, where logins go by default.
    #[must_use]
    pub fn global_sts() -> Self {
        Self::https(Authority::from_static("sts.amazonaws.com"))
    }

    /// An endpoint as an operator configures it; without a scheme it is `https`.
    ///
    /// # Errors
    /// See [`EndpointError`].
    pub fn configured(url: &str) -> Result<Self, EndpointError> {
        if url.contains('@') {
            // Clients see this text, so it must not quote what may be a password.
            return Err(EndpointError::UserName);
        }
        let with_scheme = if url.contains("://") { url.to_owned() } else { format!("https://{url}") };
        let refused = || EndpointError::NoUrl(url.to_owned());
        let parts = with_scheme.parse::<Uri>().map_err(|_| refused())?.into_parts();
        let (Some(scheme), Some(authority)) = (parts.scheme, parts.authority) else {
            return Err(refused());
        };
        // What follows the host must be a port, or the connection would go to the default one.
        let has_port = authority.port_u16().is_some();
        if authority.host().is_empty() || (!has_port && authority.as_str() != authority.host()) {
            return Err(refused());
        }
        if scheme != Scheme::HTTP && scheme != Scheme::HTTPS {
            return Err(refused());
        }
        if url.contains(['?', '#']) {
            return Err(EndpointError::QueryOrFragment(url.to_owned()));
        }
        let path = parts.path_and_query.as_ref().map_or("", PathAndQuery::path);
        Ok(Self { scheme, authority, base_path: path.trim_end_matches('/').to_owned() })
    }

    /// Where a service is: at the configured URL, or, where none is configured, where AWS has it.
    ///
    /// # Errors
    /// See [`EndpointError`].
    pub fn of(configured: &str, service: Service, region: &Region) -> Result<Self, EndpointError> {
        if configured.is_empty() { Self::of_service(service, region) } else { Self::configured(configured) }
    }

    /// The endpoint of a service in a region.
    ///
    /// # Errors
    /// Cannot happen for the names of the table; stands instead of a panic.
    pub fn of_service(service: Service, region: &Region) -> Result<Self, EndpointError> {
        let suffix = region.partition().dns_suffix();
        Self::host(match service {
            Service::Sts => format!("sts.{}.{suffix}", region.name()),
            Service::Ec2 => format!("ec2.{}.{suffix}", region.name()),
            Service::Iam => region.partition().iam_host(),
            Service::Organizations => format!("organizations.{}.{suffix}", region.name()),
        })
    }

    /// The STS endpoint of a region name out of a client's signature: a region, a `-fips` region or
    /// `aws-global`.
    #[must_use]
    pub fn sts_of_client_region(name: &str) -> Option<Self> {
        if name == "aws-global" {
            return Some(Self::global_sts());
        }
        let (region, fips) = match name.strip_suffix("-fips") {
            Some(region) => (Region::parse(region)?, true),
            None => (Region::parse(name)?, false),
        };
        let suffix = region.partition().dns_suffix();
        let label = match region.partition() {
            Partition::Aws if fips => "sts-fips",
            // The endpoints of GovCloud are FIPS endpoints.
            _ => "sts",
        };
        Self::host(format!("{label}.{}.{suffix}", region.name())).ok()
    }

    fn host(name: String) -> Result<Self, EndpointError> {
        Authority::try_from(name).map(Self::https).map_err(|error| EndpointError::Name(error.to_string()))
    }

    fn https(authority: Authority) -> Self {
        Self { scheme: Scheme::HTTPS, authority, base_path: String::new() }
    }

    /// Host and port, as a `Host` header names them.
    #[must_use]
    pub fn authority(&self) -> &str {
        self.authority.as_str()
    }

    /// Whether what is sent there leaves this machine unprotected: over http, and to a host that is not
    /// known to be this one.
    #[must_use]
    pub fn is_unprotected(&self) -> bool {
        let is_loopback = self.address().map_or_else(
            || self.authority.host().eq_ignore_ascii_case("localhost"),
            |address| address.is_loopback(),
        );
        self.scheme == Scheme::HTTP && !is_loopback
    }

    /// Whether its host is an address of this machine's link: that of a neighbour, or of what AWS serves to one
    /// instance alone, as its metadata. Addresses that a name resolves to are not looked at.
    #[must_use]
    pub fn is_link_local(&self) -> bool {
        match self.address() {
            Some(IpAddr::V4(address)) => address.is_link_local(),
            Some(IpAddr::V6(address)) => {
                address.is_unicast_link_local() || address.segments().starts_with(&AWS_LOCAL_SERVICES)
            }
            None => false,
        }
    }

    /// Its host, if that is an address.
    fn address(&self) -> Option<IpAddr> {
        let host = self.authority.host().trim_start_matches('[').trim_end_matches(']');
        host.parse::<IpAddr>().ok().map(|address| address.to_canonical())
    }

    /// The URI for a request path, which starts with `/` or is appended after one.
    #[must_use]
    pub fn uri(&self, path: &str) -> Option<Uri> {
        let path_and_query = PathAndQuery::try_from(format!("{}{path}", self.base_path)).ok()?;
        Uri::builder()
            .scheme(self.scheme.clone())
            .authority(self.authority.clone())
            .path_and_query(path_and_query)
            .build()
            .ok()
    }
}

impl std::fmt::Display for Endpoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}://{}{}", self.scheme, self.authority, self.base_path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client_region(name: &str) -> Option<String> {
        Endpoint::sts_of_client_region(name).map(|endpoint| endpoint.to_string())
    }

    #[test]
    fn regions_of_every_partition_have_an_sts_endpoint() {
        for (region, url) in [
            ("us-east-1", "https://sts.us-east-1.amazonaws.com"),
            ("mx-central-1", "https://sts.mx-central-1.amazonaws.com"),
            ("ap-southeast-12", "https://sts.ap-southeast-12.amazonaws.com"),
            ("cn-north-1", "https://sts.cn-north-1.amazonaws.com.cn"),
            ("us-gov-west-1", "https://sts.us-gov-west-1.amazonaws.com"),
            ("us-gov-west-1-fips", "https://sts.us-gov-west-1.amazonaws.com"),
            ("us-west-2-fips", "https://sts-fips.us-west-2.amazonaws.com"),
            ("aws-global", "https://sts.amazonaws.com"),
            ("us-iso-east-1", "https://sts.us-iso-east-1.c2s.ic.gov"),
            ("us-isob-east-1", "https://sts.us-isob-east-1.sc2s.sgov.gov"),
            ("eu-isoe-west-1", "https://sts.eu-isoe-west-1.cloud.adc-e.uk"),
            ("us-isof-south-1", "https://sts.us-isof-south-1.csp.hci.ic.gov"),
            ("eusc-de-east-1", "https://sts.eusc-de-east-1.amazonaws.eu"),
        ] {
            assert_eq!(client_region(region).as_deref(), Some(url), "{region}");
        }
    }

    #[test]
    fn nothing_but_a_region_reaches_a_host_name() {
        for text in [
            "",
            "fake-region-1",
            "us-east-1.evil.com",
            "evil.com#",
            "us-east-1/../x",
            "US-EAST-1",
            "us-east-",
            "us--1",
            "us-east-1@evil.com",
            "us-east-1\n",
            "us-east1-1",
            "us-east-1-fips-fips",
            "us-gov-extra-west-1",
            "us-eastttttttttttttttttttttttttttttttttttttt-1",
        ] {
            assert_eq!(client_region(text), None, "{text}");
        }
    }

    #[test]
    fn configured_endpoints_keep_port_and_path() {
        let endpoint = Endpoint::configured("http://127.0.0.1:8080/base/").unwrap();
        assert_eq!(endpoint.uri("//").unwrap().to_string(), "http://127.0.0.1:8080/base//");
        assert_eq!(endpoint.authority(), "127.0.0.1:8080");
        assert_eq!(Endpoint::configured("sts.example").unwrap().to_string(), "https://sts.example");
        assert_eq!(Endpoint::configured("http://[::1]:80").unwrap().authority(), "[::1]:80");
        assert_eq!(Endpoint::configured("[::1]").unwrap().authority(), "[::1]");
        for bad in [
            "ftp://x",
            "http://",
            "http://a b",
            "",
            "http://x?y",
            "http://x/#y",
            "http://:80",
            "http://x:",
            "http://x:y",
            "http://x:99999",
            "http://[::1]:y",
        ] {
            assert!(Endpoint::configured(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn only_http_to_other_machines_is_unprotected() {
        for (url, unprotected) in [
            ("http://sts.example", true),
            ("HTTP://sts.example:8080/base", true),
            ("http://10.0.0.1", true),
            ("http://169.254.169.254/", true),
            ("http://[2001:db8::1]:80", true),
            ("http://localhost.example", true),
            ("http://127.0.0.1.example", true),
            ("https://sts.example", false),
            ("sts.example", false),
            ("http://localhost:4566", false),
            ("http://LocalHost", false),
            ("http://127.0.0.1:8080", false),
            ("http://127.9.9.9", false),
            ("http://[::1]:80", false),
            ("http://[::ffff:127.0.0.1]", false),
        ] {
            assert_eq!(Endpoint::configured(url).unwrap().is_unprotected(), unprotected, "{url}");
        }
    }

    #[test]
    fn addresses_of_the_link_are_known_in_each_spelling() {
        for (url, is_local) in [
            ("http://169.254.169.254/", true),
            ("https://169.254.0.1:8443/base", true),
            ("169.254.170.2", true),
            ("https://[fe80::1]", true),
            ("https://[FEBF::1]:80", true),
            ("https://[::ffff:169.254.169.254]", true),
            ("http://[fd00:ec2::254]", true),
            ("https://169.253.255.255", false),
            ("https://[fec0::1]", false),
            ("https://[fd00:ec3::254]", false),
            ("https://169.254.169.254.example", false),
            ("http://127.0.0.1", false),
            ("https://sts.example", false),
        ] {
            assert_eq!(Endpoint::configured(url).unwrap().is_link_local(), is_local, "{url}");
        }
    }

    #[test]
    fn a_password_in_a_configured_endpoint_is_not_told() {
        for url in ["https://user:hunter2@sts.example", "user:hunter2@x", "ftp://user:hunter2@x y"] {
            let text = Endpoint::configured(url).unwrap_err().to_string();
            assert!(!text.contains("hunter2"), "{text}");
        }
    }

    #[test]
    fn services_have_their_hosts() {
        let host = |service, region| {
            Endpoint::of_service(service, &Region::parse(region).unwrap()).unwrap().authority().to_owned()
        };
        assert_eq!(host(Service::Iam, "eu-west-1"), "iam.amazonaws.com");
        assert_eq!(host(Service::Iam, "us-gov-east-1"), "iam.us-gov.amazonaws.com");
        assert_eq!(host(Service::Iam, "cn-northwest-1"), "iam.cn-north-1.amazonaws.com.cn");
        assert_eq!(host(Service::Ec2, "cn-northwest-1"), "ec2.cn-northwest-1.amazonaws.com.cn");
        for (partition, expected) in [
            (Partition::Aws, "organizations.us-east-1.amazonaws.com"),
            (Partition::AwsCn, "organizations.cn-northwest-1.amazonaws.com.cn"),
            (Partition::AwsUsGov, "organizations.us-gov-west-1.amazonaws.com"),
        ] {
            let region = partition.organizations_region();
            let endpoint = Endpoint::of_service(Service::Organizations, &region).unwrap();
            assert_eq!(endpoint.authority(), expected);
        }
    }
}
