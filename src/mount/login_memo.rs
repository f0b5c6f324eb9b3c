//! What the host's question for the role of a login and that login spare each other.
//!
//! If the client names no role, only STS can tell it. The host asks twice with the same bytes, in one of two
//! orders:
//!
//! * Before the login, where a role-based quota exists: the login that follows may then use the verification,
//!   once.
//! * After the login, everywhere else: the question is then answered with the name of the role, once. A name
//!   is no verification and has a place and a type of its own, so nothing that a login leaves behind can admit
//!   another one: whoever sends the same bytes again has STS asked again.
//!
//! So every verification admits one login at the most. Nothing else remembers a verified request.

use std::num::NonZeroUsize;
use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use tokio::time::Instant;

use crate::concurrency::bounded_cache::BoundedCache;
use crate::concurrency::cache_status::CacheStatus;
use crate::proof::verified_caller::VerifiedCaller;

/// How long an answer waits for the request that it spares a call.
const LIFETIME: Duration = Duration::from_secs(5);
/// Answers of one kind that wait at the same time, per mount.
const MAX_WAITING: NonZeroUsize = NonZeroUsize::MIN.saturating_add(255);

/// Which login an answer is for: the same data of the same mount under the same configuration.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct LoginKey {
    data: Vec<u8>,
    generation: u64,
}

impl LoginKey {
    /// The key of a login, by the digest of its data.
    #[must_use]
    pub fn new(mount: &str, data: &[u8; 32], generation: u64) -> Self {
        let mut text = data.to_vec();
        text.extend_from_slice(mount.as_bytes());
        Self { data: digest(&SHA256, &text).as_ref().to_vec(), generation }
    }
}

/// Answers that wait for the other request of their login.
#[derive(Default)]
pub struct LoginMemo {
    callers: Waiting<VerifiedCaller>,
    roles: Waiting<String>,
}

impl LoginMemo {
    /// Keeps the verification of a question for the login that follows.
    pub fn keep_caller(&self, key: LoginKey, caller: VerifiedCaller) {
        self.callers.keep(key, caller);
    }

    /// Takes the verification for a login; there is none a second time, and never one of a login. The key is
    /// asked for only if any waits: most logins name their role, and then none does.
    #[must_use]
    pub fn take_caller(&self, key: impl FnOnce() -> LoginKey) -> Option<VerifiedCaller> {
        self.callers.take(key)
    }

    /// Keeps the name of a finished login's role for the question that follows.
    pub fn keep_role(&self, key: LoginKey, name: String) {
        self.roles.keep(key, name);
    }

    /// Takes the name of the role for a question after its login; there is none a second time.
    #[must_use]
    pub fn take_role(&self, key: impl FnOnce() -> LoginKey) -> Option<String> {
        self.roles.take(key)
    }

    /// How full and how useful the verifications are, of the times when any waited.
    pub fn status(&self) -> CacheStatus {
        self.callers.0.status()
    }
}

/// Answers of one kind, and since when they wait.
struct Waiting<T>(BoundedCache<LoginKey, (Instant, T)>);

impl<T> Default for Waiting<T> {
    fn default() -> Self {
        Self(BoundedCache::new(MAX_WAITING))
    }
}

impl<T> Waiting<T> {
    fn keep(&self, key: LoginKey, answer: T) {
        self.0.put(key, (Instant::now(), answer));
    }

    fn take(&self, key: impl FnOnce() -> LoginKey) -> Option<T> {
        if self.0.is_empty() {
            return None;
        }
        let in_time =
            |(since, _): &(Instant, T)| Instant::now().saturating_duration_since(*since) <= LIFETIME;
        self.0.take_if(&key(), in_time).map(|(_, answer)| answer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::sts::CallerIdentity;

    fn caller() -> VerifiedCaller {
        let document = b"<GetCallerIdentityResponse><GetCallerIdentityResult><Arn>arn:aws:iam::1:user/u</Arn><UserId>AIDA</UserId><Account>1</Account></GetCallerIdentityResult></GetCallerIdentityResponse>";
        VerifiedCaller::from_identity(&CallerIdentity::parse(document).unwrap()).unwrap()
    }

    fn key() -> LoginKey {
        LoginKey::new("mount", &[1; 32], 1)
    }

    fn others() -> [LoginKey; 3] {
        [
            LoginKey::new("mount", &[2; 32], 1),
            LoginKey::new("other", &[1; 32], 1),
            LoginKey::new("mount", &[1; 32], 2),
        ]
    }

    /// Every request of a login as the mount makes it, with the number of times that STS is asked.
    #[derive(Default)]
    struct Requests {
        memo: LoginMemo,
        sts_calls: u32,
    }

    impl Requests {
        fn ask(&mut self) -> VerifiedCaller {
            self.sts_calls = self.sts_calls.saturating_add(1);
            caller()
        }

        /// Whether STS was asked.
        fn login(&mut self) -> bool {
            if self.memo.take_caller(key).is_some() {
                return false;
            }
            self.ask();
            self.memo.keep_role(key(), "u".to_owned());
            true
        }

        /// Whether STS was asked.
        fn question(&mut self) -> bool {
            if self.memo.take_role(key).is_some() {
                return false;
            }
            let caller = self.ask();
            self.memo.keep_caller(key(), caller);
            true
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_verification_is_used_once_soon_and_for_the_same_bytes() {
        let memo = LoginMemo::default();
        memo.keep_caller(key(), caller());
        for other in others() {
            assert_eq!(memo.take_caller(|| other), None);
        }
        assert_eq!(memo.take_caller(key), Some(caller()));
        assert_eq!(memo.take_caller(key), None);
        memo.keep_caller(key(), caller());
        tokio::time::advance(LIFETIME).await;
        assert_eq!(memo.take_caller(key), Some(caller()));
        memo.keep_caller(key(), caller());
        tokio::time::advance(LIFETIME + Duration::from_millis(1)).await;
        assert_eq!(memo.take_caller(key), None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_role_is_told_once_soon_and_for_the_same_bytes() {
        let memo = LoginMemo::default();
        memo.keep_role(key(), "u".to_owned());
        for other in others() {
            assert_eq!(memo.take_role(|| other), None);
        }
        assert_eq!(memo.take_role(key).as_deref(), Some("u"));
        assert_eq!(memo.take_role(key), None);
        memo.keep_role(key(), "u".to_owned());
        tokio::time::advance(LIFETIME).await;
        assert_eq!(memo.take_role(key).as_deref(), Some("u"));
        memo.keep_role(key(), "u".to_owned());
        tokio::time::advance(LIFETIME + Duration::from_millis(1)).await;
        assert_eq!(memo.take_role(key), None);
    }

    #[tokio::test(start_paused = true)]
    async fn the_two_kinds_do_not_meet() {
        let memo = LoginMemo::default();
        memo.keep_role(key(), "u".to_owned());
        assert_eq!(memo.take_caller(key), None, "what a login leaves behind admits nobody");
        assert_eq!(memo.take_role(key).as_deref(), Some("u"), "and a login does not use it up");
        memo.keep_caller(key(), caller());
        assert_eq!(memo.take_role(key), None);
        assert_eq!(memo.take_caller(key), Some(caller()));
    }

    #[tokio::test(start_paused = true)]
    async fn a_question_before_its_login_is_the_only_one_that_asks() {
        let mut requests = Requests::default();
        for _ in 0..3 {
            assert!(requests.question());
            assert!(!requests.login());
        }
        // Without a question there is nothing to use.
        assert!(requests.login());
    }

    #[tokio::test(start_paused = true)]
    async fn a_question_after_its_login_asks_nothing() {
        let mut requests = Requests::default();
        for _ in 0..3 {
            assert!(requests.login(), "also the same bytes again");
            assert!(!requests.question());
        }
        assert_eq!(requests.sts_calls, 3);
        assert!(requests.question(), "one question for each login");
    }

    #[tokio::test(start_paused = true)]
    async fn the_same_bytes_again_ask_again_whatever_came_between() {
        // Both logins are finished before the first question.
        let mut requests = Requests::default();
        assert!(requests.login() && requests.login());
        assert!(!requests.question());
        assert!(requests.login(), "a told role admits nobody");

        // A question that comes before a login finds the name of an earlier one: that login asks by itself.
        let mut requests = Requests::default();
        assert!(requests.login());
        assert!(!requests.question());
        assert!(requests.login());
        assert!(!requests.question());
        assert!(requests.login());
    }

    /// Orders are told by the bits of a number: a login or a question at each place.
    #[tokio::test(start_paused = true)]
    async fn in_every_order_a_verification_admits_one_login_at_the_most() {
        for order in 0..1_u32 << 10 {
            let (mut requests, mut logins) = (Requests::default(), 0);
            for place in 0..10 {
                if order >> place & 1 == 0 {
                    requests.question();
                } else {
                    requests.login();
                    logins += 1;
                }
                assert!(logins <= requests.sts_calls, "{order:b} at {place}");
            }
        }
    }
}
