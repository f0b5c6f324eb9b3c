//! What a login checks, in its order, with what was seen and what was wanted.
//!
//! A login walks through its checks with a trace that is [`OFF`]: then nothing is kept, and the first failure
//! ends it. Whoever asks why a login is refused walks through the same checks with a trace that is on. Then
//! a failure may be [held](Trace::hold) while checks that do not depend on it go on; what was held still ends
//! the walk before there is an identity.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::refusal::{Blame, Code, Coded};

/// That of a login: it keeps nothing.
pub static OFF: Trace = Trace(None);

/// Why a check that comes after a failed one was left out.
const NOT_REACHED: &str = "Not looked at: it needs what an earlier check did not give.";

/// A step that can refuse a login.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Check {
    /// The fields hold a signed request that may be forwarded.
    Request,
    /// It was signed for this server.
    ServerId,
    /// All its headers and parameters may be forwarded.
    Headers,
    /// It satisfies strict mode.
    Strict,
    /// It is no older than it may be.
    Age,
    /// What was signed beside it may be forwarded, and is about who signed.
    Evidence,
    /// It was not used before.
    SingleUse,
    /// STS says who signed it.
    Sts,
    /// The field holds a web identity token.
    Token,
    /// Its issuer is configured, and may sign so.
    Issuer,
    /// It is of this time, for this server, and of the issuer's account.
    Claims,
    /// The fields hold an identity document.
    Document,
    /// The role is there.
    Role,
    /// The client is at an address that the role admits.
    Address,
    /// The role is of the type of the login.
    AuthType,
    /// The role lets its callers log in in this way.
    LoginType,
    /// A token shows all that the role demands.
    Shown,
    /// The role demands anything at all.
    BindsAnything,
    /// The role binds the principal.
    Principal,
    /// The principal has the tags that the role binds.
    Tags,
    /// The account is in the organization that the role binds.
    Organization,
    /// The role binds the region of the document.
    Region,
    /// The role binds account and instance of the document.
    DocumentBounds,
    /// AWS has signed the document or the token.
    Signature,
    /// The instance runs.
    Instance,
    /// The instance is one that the role binds.
    InstanceBounds,
    /// Earlier logins of the instance leave room for this one.
    Reauthentication,
    /// The role tag of the instance admits it.
    RoleTag,
    /// The alias can be told, and the token be made.
    Identity,
}

impl Check {
    /// Its name in the API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Request => "request",
            Self::ServerId => "server_id",
            Self::Headers => "headers",
            Self::Strict => "strict",
            Self::Age => "request_age",
            Self::Evidence => "evidence",
            Self::SingleUse => "single_use",
            Self::Sts => "sts",
            Self::Token => "token",
            Self::Issuer => "issuer",
            Self::Claims => "claims",
            Self::Document => "document",
            Self::Role => "role",
            Self::Address => "address",
            Self::AuthType => "auth_type",
            Self::LoginType => "login_type",
            Self::Shown => "token_shows",
            Self::BindsAnything => "binds_anything",
            Self::Principal => "principal",
            Self::Tags => "principal_tags",
            Self::Organization => "organization",
            Self::Region => "region",
            Self::DocumentBounds => "document_bounds",
            Self::Signature => "signature",
            Self::Instance => "instance",
            Self::InstanceBounds => "instance_bounds",
            Self::Reauthentication => "reauthentication",
            Self::RoleTag => "role_tag",
            Self::Identity => "identity",
        }
    }
}

/// How a check ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It lets the login through.
    Passed,
    /// It refuses the login.
    Failed,
    /// Nobody looked.
    Skipped,
}

impl Verdict {
    /// Its name in the API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Failed => "failed",
            Self::Skipped => "skipped",
        }
    }
}

/// What a check compared, and what it asked AWS.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Compared {
    /// What the caller has.
    pub seen: String,
    /// What would be right.
    pub wanted: String,
    /// The call of AWS that answers it, as policies name it; empty if none does.
    pub aws_call: &'static str,
}

impl Compared {
    /// Two values.
    pub(super) fn of(seen: impl Into<String>, wanted: impl Into<String>) -> Self {
        Self { seen: seen.into(), wanted: wanted.into(), aws_call: "" }
    }

    /// The same, with the call that answers it.
    #[must_use]
    pub(super) fn by(self, aws_call: &'static str) -> Self {
        Self { aws_call, ..self }
    }
}

/// Why a check failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The cause.
    pub code: Code,
    /// The words that the login is refused with.
    pub text: String,
}

impl Fault {
    /// Who must act.
    #[must_use]
    pub const fn blame(&self) -> Blame {
        self.code.blame()
    }
}

/// A check that was made, or left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checked {
    /// Which one.
    pub check: Check,
    /// How it ended.
    pub verdict: Verdict,
    /// What it compared.
    pub compared: Compared,
    /// How long it took.
    pub duration: Duration,
    /// Why it failed.
    pub fault: Option<Fault>,
    /// What helps if it failed, and why it was left out if it was.
    pub hint: String,
}

/// The checks of one login.
pub struct Trace(Option<Mutex<Vec<Checked>>>);

/// A check under way.
#[must_use]
pub(super) struct Begun(Option<(Check, Instant)>);

impl Trace {
    /// A trace that keeps every check.
    #[must_use]
    pub fn on() -> Self {
        Self(Some(Mutex::default()))
    }

    /// Whether it keeps anything. Then there will be no login, and nothing may be spent for one.
    pub(super) fn is_on(&self) -> bool {
        self.0.is_some()
    }

    /// Begins a check.
    pub(super) fn begin(&self, check: Check) -> Begun {
        Begun(self.is_on().then(|| (check, Instant::now())))
    }

    /// Ends a check. What an error says that it compared counts before what the check says.
    ///
    /// # Errors
    /// The result's.
    pub(super) fn end<T, E: Coded>(
        &self,
        begun: Begun,
        result: Result<T, E>,
        compared: impl FnOnce(&Result<T, E>) -> Compared,
    ) -> Result<T, E> {
        if let (Some(mut checks), Begun(Some((check, since)))) = (self.checks(), begun) {
            let mut compared = compared(&result);
            let duration = Instant::now().saturating_duration_since(since);
            let (verdict, fault, hint) = match &result {
                Ok(_) => (Verdict::Passed, None, String::new()),
                Err(error) => {
                    if let Some(fact) = error.facts().into_iter().next() {
                        (compared.seen, compared.wanted) = (fact.seen, fact.wanted);
                    }
                    let code = error.code();
                    let hint = error.hint().map_or_else(|| code.hint().to_owned(), |hint| hint.to_string());
                    (Verdict::Failed, Some(Fault { code, text: error.to_string() }), hint)
                }
            };
            checks.push(Checked { check, verdict, compared, duration, fault, hint });
        }
        result
    }

    /// Begins and ends a check that takes no time.
    ///
    /// # Errors
    /// The result's.
    pub(super) fn note<T, E: Coded>(
        &self,
        check: Check,
        result: Result<T, E>,
        compared: impl FnOnce() -> Compared,
    ) -> Result<T, E> {
        self.end(self.begin(check), result, |_| compared())
    }

    /// A failure that a login ends with, and that others wait for who want to know what else is wrong. What
    /// comes back must be asked for its success before anything is given out.
    ///
    /// # Errors
    /// That of the result, if nobody waits.
    pub(super) fn hold<T, E>(&self, result: Result<T, E>) -> Result<Result<T, E>, E> {
        if self.is_on() { Ok(result) } else { result.map(Ok) }
    }

    /// A check that this login does not need, or that nobody but the client itself can pass.
    pub(super) fn skip(&self, check: Check, why: &str, compared: impl FnOnce() -> Compared) {
        if let Some(mut checks) = self.checks() {
            checks.push(skipped(check, why, compared()));
        }
    }

    fn checks(&self) -> Option<MutexGuard<'_, Vec<Checked>>> {
        Some(self.0.as_ref()?.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The checks, in the order in which a login makes them. Those that were not reached are among them.
    #[must_use]
    pub fn into_checks(self, order: &[Check]) -> Vec<Checked> {
        let Self(checks) = self;
        let made = checks.map(|checks| checks.into_inner().unwrap_or_else(PoisonError::into_inner));
        let mut made = made.unwrap_or_default();
        for check in order {
            if made.iter().all(|checked| checked.check != *check) {
                made.push(skipped(*check, NOT_REACHED, Compared::default()));
            }
        }
        let place = |check: Check| order.iter().position(|other| *other == check);
        made.sort_by_key(|checked| place(checked.check));
        made
    }
}

fn skipped(check: Check, why: &str, compared: Compared) -> Checked {
    let (verdict, hint) = (Verdict::Skipped, why.to_owned());
    Checked { check, verdict, compared, duration: Duration::ZERO, fault: None, hint }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::binding::partition::check_partition;
    use crate::framework::Failure;

    const ORDER: [Check; 4] = [Check::Role, Check::Sts, Check::Principal, Check::Identity];

    fn refused() -> Result<(), Failure> {
        Err(Failure::permission_denied(Code::LoginAddress))
    }

    #[test]
    fn a_trace_that_is_off_keeps_nothing_and_holds_nothing() {
        let asked = |_: &Result<(), Failure>| -> Compared { panic!("nobody wants to know") };
        assert_eq!(OFF.end(OFF.begin(Check::Role), Ok(()), asked), Ok(()));
        assert_eq!(OFF.end(OFF.begin(Check::Role), refused(), asked), refused());
        assert_eq!(OFF.hold(refused()), Err(refused().unwrap_err()));
        OFF.skip(Check::Role, "", || panic!("nobody wants to know"));
        assert!(!OFF.is_on());
    }

    #[test]
    fn a_failure_that_is_held_is_kept_with_what_helps() {
        let trace = Trace::on();
        let held = trace.hold(trace.note(Check::Sts, refused(), || Compared::of("a", "b").by("sts:X")));
        assert_eq!(held, Ok(refused()));
        trace.note(Check::Role, Ok::<_, Failure>(()), Compared::default).unwrap();
        trace.skip(Check::Principal, "not this one", Compared::default);
        let checks = trace.into_checks(&ORDER);
        let told: Vec<_> = checks.iter().map(|checked| (checked.check, checked.verdict)).collect();
        assert_eq!(
            told,
            [
                (Check::Role, Verdict::Passed),
                (Check::Sts, Verdict::Failed),
                (Check::Principal, Verdict::Skipped),
                (Check::Identity, Verdict::Skipped)
            ]
        );
        let failed = &checks[1];
        assert_eq!(failed.compared, Compared { seen: "a".into(), wanted: "b".into(), aws_call: "sts:X" });
        let text = "permission denied".to_owned();
        assert_eq!(failed.fault, Some(Fault { code: Code::LoginAddress, text }));
        assert_eq!(failed.hint, Code::LoginAddress.hint());
        assert_eq!((checks[2].hint.as_str(), checks[3].hint.as_str()), ("not this one", NOT_REACHED));
    }

    #[test]
    fn what_an_error_has_compared_counts_first() {
        let arn = crate::aws::arn::Arn::parse("arn:aws-cn:sts::1:assumed-role/App/s").unwrap();
        let trace = Trace::on();
        let result = check_partition(&arn, "us-east-1");
        trace.note(Check::Instance, result, || Compared::of("x", "y")).unwrap_err();
        let compared = &trace.into_checks(&[])[0].compared;
        assert_eq!((compared.seen.as_str(), compared.wanted.as_str()), ("aws-cn", "aws"));
    }
}
