//! What helps against a refusal, with the values of this one.

use std::fmt;

/// Longest value that is shown, in characters.
const MAX_SHOWN: usize = 128;

/// What helps against one refusal. It stands in the answer after the words of the API, so it names
/// nothing but what the caller sent, what AWS said of it, and where the server sends requests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Hint {
    /// AWS does not take the region that the request was signed for.
    WrongRegion {
        /// The region of the signature; empty if it names none.
        signed: String,
        /// Host and port that the request was sent to.
        host: String,
        /// The region that is known to be taken there; empty if none is.
        taken: String,
        /// Whether the region of the signature had chosen the endpoint.
        by_client: bool,
    },
    /// The date of the client's signature is too far from AWS's clock.
    ClientClock(Skew),
    /// So is that of a call of the server itself.
    ServerClock(Skew),
    /// The date of the client's signature is too far from the clock of this server.
    RequestClock(Skew),
    /// The client's credentials have expired.
    ClientExpired,
    /// A login that names no role, and there is none of the name that is taken instead.
    NoRoleNamed {
        /// Where the name is from.
        from: &'static str,
        /// The name.
        name: String,
    },
    /// The session whose instance is inferred is not named after one; empty if there is no session.
    NoInstanceSession(String),
    /// AWS refuses the server's own credentials.
    OwnCredentials {
        /// AWS's code.
        code: String,
        /// What was called, as policies name it; empty if it is not known.
        action: &'static str,
    },
    /// The server's own credentials lack a permission, named as policies name it.
    OwnPermission(&'static str),
    /// The server signs its own calls for another region than that of their endpoint.
    OwnRegion(&'static str),
    /// The server issues no identity tokens, and this mount can.
    OwnIssuer,
    /// There was no answer from an endpoint.
    NotReached {
        /// Host and port, or URL of the endpoint.
        host: String,
        /// How far the last attempt got.
        step: Step,
        /// The settings that lead there.
        settings: &'static str,
    },
}

/// How far the date of a signature is from AWS's clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Skew {
    /// In seconds; positive when the signature is dated later than AWS's clock.
    pub seconds: i64,
}

/// At what a call got stuck.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// The host name has no address.
    Resolve,
    /// No connection, or not in time.
    Connect,
    /// The proxy of the environment gave none.
    Proxy,
    /// The peer is not trusted.
    Tls,
    /// The connection stood; the answer did not come, or not to its end.
    Read,
}

impl fmt::Display for Hint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::WrongRegion { signed, host, taken, by_client } => {
                wrong_region(f, &Shown(signed), &Shown(host), taken, *by_client)
            }
            Self::ClientClock(skew) if skew.seconds < 0 => write!(
                f,
                "the signature is dated {skew} AWS's clock: sign anew for each login, and set the clock of the client"
            ),
            Self::ClientClock(skew) => {
                write!(f, "the signature is dated {skew} AWS's clock: set the clock of the client")
            }
            Self::RequestClock(skew) if skew.seconds < 0 => write!(
                f,
                "the signature is dated {skew} this server's clock: sign anew for each login, and set the clock of the client"
            ),
            Self::RequestClock(skew) => write!(
                f,
                "the signature is dated {skew} this server's clock: set the clock of the client"
            ),
            Self::ServerClock(skew) => {
                write!(
                    f,
                    "a call of this server itself is dated {skew} AWS's clock: set the clock of the server"
                )
            }
            Self::ClientExpired => {
                f.write_str("the AWS credentials of the client have expired: get new ones, then sign anew")
            }
            Self::NoRoleNamed { from, name } => write!(
                f,
                "no role was named, so {from} was taken, \"{}\": name one with role=, or have a role of that name written",
                Shown(name)
            ),
            Self::NoInstanceSession(name) if name.is_empty() => f.write_str(
                "the role infers an EC2 instance from the name of a session, and this principal has none: log in on the instance, with the credentials of its instance profile",
            ),
            Self::NoInstanceSession(name) => write!(
                f,
                "the role infers an EC2 instance from the name of the session, and \"{}\" is no instance id: log in on the instance, with the credentials of its instance profile",
                Shown(name)
            ),
            Self::OwnCredentials { code, action } => {
                write!(f, "AWS refused this server's own credentials, not the client's ({}", Shown(code))?;
                if !action.is_empty() {
                    write!(f, " to {action}")?;
                }
                f.write_str(
                    "): correct access_key and secret_key of config/client, or the credentials of the server's environment",
                )?;
                match code.as_str() {
                    // EC2 says the same of a wrong clock.
                    "RequestExpired" => f.write_str(", and set the server's clock"),
                    // And this also in a region that the account has not opted into.
                    "AuthFailure" => f.write_str(", and enable the region in the account"),
                    _ => Ok(()),
                }
            }
            Self::OwnPermission(action) => {
                write!(f, "this server's own credentials may not call {action}: allow it in their policy")?;
                match *action {
                    "organizations:DescribeAccount" => f.write_str(
                        ", and let the server be of the management account or of one that it delegates to",
                    ),
                    "sts:AssumeRole" => f.write_str(", and in the trust policy of the role of config/sts"),
                    "sts:AssumeRoleWithWebIdentity" => {
                        f.write_str(", and in the trust policy of role_arn of config/client")
                    }
                    _ => Ok(()),
                }
            }
            Self::OwnRegion(settings) => write!(
                f,
                "this server's own call is signed for another region than that of its endpoint: let {settings} be of one region"
            ),
            Self::OwnIssuer => f.write_str(
                "this mount can issue them itself: write config/issuer first, see docs/workload-identity.md",
            ),
            Self::NotReached { host, step, settings } => not_reached(f, &Shown(host), *step, settings),
        }
    }
}

fn wrong_region(
    f: &mut fmt::Formatter<'_>,
    signed: &Shown<'_>,
    host: &Shown<'_>,
    taken: &str,
    by_client: bool,
) -> fmt::Result {
    match signed.0 {
        "" => f.write_str("the signature names no region")?,
        _ => write!(f, "the request was signed for region {signed}")?,
    }
    write!(f, ", and this mount sends it to {host}")?;
    match taken {
        "" => f.write_str(": sign for the region of that endpoint")?,
        taken => write!(f, ": sign for {}", Shown(taken))?,
    }
    if by_client {
        return Ok(());
    }
    f.write_str(
        ", or have sts_endpoint and sts_region of config/client set to those of the client, or use_sts_region_from_client",
    )
}

fn not_reached(f: &mut fmt::Formatter<'_>, host: &Shown<'_>, step: Step, settings: &str) -> fmt::Result {
    match step {
        Step::Resolve => {
            write!(
                f,
                "this server cannot resolve the name of {host} (step: DNS): check its name servers and {settings}"
            )
        }
        Step::Connect => write!(
            f,
            "this server cannot connect to {host} (step: connect): check its network and firewalls, and {settings}"
        ),
        Step::Proxy => write!(
            f,
            "the proxy of this server does not connect it to {host} (step: proxy): check HTTPS_PROXY, HTTP_PROXY and NO_PROXY in its environment"
        ),
        Step::Tls => write!(
            f,
            "this server does not trust who answers at {host} (step: TLS): check SSL_CERT_FILE in its environment and {settings}"
        ),
        Step::Read => write!(
            f,
            "{host} took the connection and did not answer to the end (step: reading): check what stands between it and this server, and {settings}"
        ),
    }
}

impl fmt::Display for Skew {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = self.seconds.unsigned_abs();
        let parts = [(86_400, "d"), (3_600, "h"), (60, "min"), (1, "s")].map(|(size, unit)| {
            let count = rest.checked_div(size).unwrap_or(0);
            rest = rest.checked_rem(size).unwrap_or(0);
            (count, unit)
        });
        if self.seconds == 0 {
            f.write_str("0 s ")?;
        }
        // Two units say enough.
        for (count, unit) in parts.iter().skip_while(|(count, _)| *count == 0).take(2) {
            if *count > 0 {
                write!(f, "{count} {unit} ")?;
            }
        }
        f.write_str(if self.seconds < 0 { "before" } else { "after" })
    }
}

/// A value that somebody else chose: at most so long, and on one line.
struct Shown<'a>(&'a str);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut characters = self.0.chars();
        for character in characters.by_ref().take(MAX_SHOWN) {
            let shown = if character.is_control() || character == '"' { '?' } else { character };
            fmt::Write::write_char(f, shown)?;
        }
        if characters.next().is_some() { f.write_str("…") } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_distance_is_told_in_two_units() {
        for (seconds, text) in [
            (0, "0 s after"),
            (-1, "1 s before"),
            (961, "16 min 1 s after"),
            (-3_600, "1 h before"),
            (3_661, "1 h 1 min after"),
            (-90_061, "1 d 1 h before"),
            (i64::MIN, "106751991167300 d 15 h before"),
        ] {
            assert_eq!(Skew { seconds }.to_string(), text);
        }
    }

    #[test]
    fn values_of_others_stay_short_and_on_their_line() {
        let name = format!("a\n\"b\u{1b}{}", "x".repeat(1_000));
        let expected = format!("a??b?{}…", "x".repeat(MAX_SHOWN - 5));
        for hint in [
            Hint::NoRoleNamed { from: "the AMI id", name: name.clone() },
            Hint::NoInstanceSession(name.clone()),
            Hint::OwnCredentials { code: name.clone(), action: "" },
            Hint::NotReached { host: name.clone(), step: Step::Read, settings: "s" },
            Hint::WrongRegion {
                signed: name.clone(),
                host: name.clone(),
                taken: name.clone(),
                by_client: false,
            },
        ] {
            let text = hint.to_string();
            assert!(text.contains(&expected) && !text.contains(['\n', '\u{1b}']), "{text}");
        }
    }

    #[test]
    fn a_region_that_chose_the_endpoint_is_not_to_choose_it_again() {
        let hint = |taken: &str, by_client| Hint::WrongRegion {
            signed: String::new(),
            host: "sts.example".to_owned(),
            taken: taken.to_owned(),
            by_client,
        };
        assert_eq!(
            hint("us-east-1", true).to_string(),
            "the signature names no region, and this mount sends it to sts.example: sign for us-east-1"
        );
        assert!(hint("", false).to_string().ends_with("or use_sts_region_from_client"));
    }
}
