//! What an agent does next, and when. Pure: it is told the time and what came of each step.

use std::time::Duration;

use tokio::time::Instant;
use vault_plugin_auth_aws::ports::Random;

use super::backoff::Backoff;

/// Something to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Log in.
    LogIn,
    /// Renew the token.
    Renew,
}

/// How long a token lives, as the server says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Lease {
    /// From the answer on; zero for a token that does not end.
    pub(super) duration: Duration,
    /// Whether it can be renewed.
    pub(super) renewable: bool,
}

/// The plan of an agent.
#[derive(Debug)]
pub(super) struct Schedule {
    next: Option<(Step, Instant)>,
    /// The longest lease that the token had: a renewal that gives less has met its maximum.
    full: Duration,
    /// When the token ends; `None` if it does not, or there is none.
    end: Option<Instant>,
    backoff: Backoff,
}

impl Schedule {
    /// Without a token: a login, at once.
    pub(super) fn new(now: Instant) -> Self {
        Self { next: Some((Step::LogIn, now)), full: Duration::ZERO, end: None, backoff: Backoff::default() }
    }

    /// The next step and its time. `None` if nothing will ever have to be done.
    pub(super) fn next(&self) -> Option<(Step, Instant)> {
        self.next
    }

    /// There is a new token.
    pub(super) fn logged_in(&mut self, now: Instant, lease: Lease) {
        self.backoff.succeeded();
        self.full = lease.duration;
        self.end = end(now, lease.duration);
        let step = if lease.renewable { Step::Renew } else { Step::LogIn };
        self.next = match lease.duration {
            Duration::ZERO => None,
            duration => later(now, two_thirds(duration)).map(|at| (step, at)),
        };
    }

    /// The token was renewed. Whether it can be renewed to its full time again; else the next step is a login,
    /// still within its life.
    pub(super) fn renewed(&mut self, now: Instant, lease: Lease) -> bool {
        self.backoff.succeeded();
        self.end = end(now, lease.duration);
        let goes_on = lease.renewable && lease.duration >= self.full && lease.duration > Duration::ZERO;
        self.full = self.full.max(lease.duration);
        let step = if goes_on { Step::Renew } else { Step::LogIn };
        self.next = later(now, two_thirds(lease.duration)).map(|at| (step, at));
        goes_on
    }

    /// The server refused to renew the token: it is gone, or whoever it was for is no longer admitted.
    pub(super) fn renewal_refused(&mut self, now: Instant) {
        self.next = Some((Step::LogIn, now));
    }

    /// The server could not renew the token. It is tried again while the token lives; then comes a login. How
    /// long until then.
    pub(super) fn renewal_failed(&mut self, now: Instant, random: &dyn Random) -> Duration {
        let wait = self.backoff.failed(random);
        let at = later(now, wait);
        self.next = match (at, self.end) {
            (Some(at), Some(end)) if at >= end => Some((Step::LogIn, end.max(now))),
            (at, _) => at.map(|at| (Step::Renew, at)),
        };
        self.next.map_or(wait, |(_, at)| at.saturating_duration_since(now))
    }

    /// A login did not succeed. How long until the next one.
    pub(super) fn login_failed(&mut self, now: Instant, random: &dyn Random) -> Duration {
        let wait = self.backoff.failed(random);
        self.next = later(now, wait).map(|at| (Step::LogIn, at));
        wait
    }

    /// A login is wanted at once.
    pub(super) fn log_in_at(&mut self, now: Instant) {
        self.next = Some((Step::LogIn, now));
    }
}

fn two_thirds(duration: Duration) -> Duration {
    // Divided first: no duration is too long for that.
    duration.checked_div(3).unwrap_or_default().saturating_mul(2)
}

/// `None` for a time too far away to be told.
fn later(now: Instant, wait: Duration) -> Option<Instant> {
    now.checked_add(wait)
}

fn end(now: Instant, duration: Duration) -> Option<Instant> {
    if duration.is_zero() { None } else { later(now, duration) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The longest wait each time.
    struct Longest;

    impl Random for Longest {
        fn fill(&self, _: &mut [u8]) -> bool {
            false
        }
    }

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn lease(duration: u64, renewable: bool) -> Lease {
        Lease { duration: seconds(duration), renewable }
    }

    /// An agent's time: it sleeps as the agent does, with the clock of the runtime standing still else.
    struct Agent {
        schedule: Schedule,
        start: Instant,
    }

    impl Agent {
        fn new() -> Self {
            let start = Instant::now();
            Self { schedule: Schedule::new(start), start }
        }

        /// Waits for the next step; it, and the second at which it comes.
        async fn step(&self) -> (Step, u64) {
            let (step, at) = self.schedule.next().unwrap();
            tokio::time::sleep_until(at).await;
            (step, Instant::now().duration_since(self.start).as_secs())
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_token_is_renewed_at_two_thirds_until_its_maximum_is_near() {
        let mut agent = Agent::new();
        assert_eq!(agent.step().await, (Step::LogIn, 0));
        agent.schedule.logged_in(Instant::now(), lease(900, true));
        for at in [600, 1200, 1800] {
            assert_eq!(agent.step().await, (Step::Renew, at));
            assert!(agent.schedule.renewed(Instant::now(), lease(900, true)));
        }
        assert_eq!(agent.step().await, (Step::Renew, 2400));
        assert!(!agent.schedule.renewed(Instant::now(), lease(300, true)), "less than the full time");
        assert_eq!(agent.step().await, (Step::LogIn, 2600), "100 s before the end of the old one");
    }

    #[tokio::test(start_paused = true)]
    async fn what_cannot_be_renewed_is_replaced_in_time() {
        let mut agent = Agent::new();
        agent.schedule.logged_in(Instant::now(), lease(90, false));
        assert_eq!(agent.step().await, (Step::LogIn, 60));
        agent.schedule.logged_in(Instant::now(), lease(90, true));
        assert_eq!(agent.step().await, (Step::Renew, 120));
        assert!(!agent.schedule.renewed(Instant::now(), lease(90, false)));
        assert_eq!(agent.step().await, (Step::LogIn, 180));
    }

    #[tokio::test(start_paused = true)]
    async fn a_token_without_an_end_is_left_alone() {
        let mut agent = Agent::new();
        agent.schedule.logged_in(Instant::now(), lease(0, true));
        assert_eq!(agent.schedule.next(), None);
        agent.schedule.log_in_at(Instant::now());
        assert_eq!(agent.step().await, (Step::LogIn, 0));
    }

    #[tokio::test(start_paused = true)]
    async fn a_renewal_that_gives_nothing_is_followed_by_a_login_at_once() {
        let mut agent = Agent::new();
        agent.schedule.logged_in(Instant::now(), lease(3, true));
        assert_eq!(agent.step().await, (Step::Renew, 2));
        assert!(!agent.schedule.renewed(Instant::now(), lease(0, true)));
        assert_eq!(agent.step().await, (Step::LogIn, 2));
    }

    #[tokio::test(start_paused = true)]
    async fn a_refused_renewal_is_followed_by_a_login_at_once() {
        let mut agent = Agent::new();
        agent.schedule.logged_in(Instant::now(), lease(900, true));
        assert_eq!(agent.step().await, (Step::Renew, 600));
        agent.schedule.renewal_refused(Instant::now());
        assert_eq!(agent.step().await, (Step::LogIn, 600));
    }

    #[tokio::test(start_paused = true)]
    async fn a_server_that_is_away_is_asked_to_renew_while_the_token_lives() {
        let mut agent = Agent::new();
        agent.schedule.logged_in(Instant::now(), lease(90, true));
        // One, two, four, eight seconds later; sixteen seconds more are past the end.
        for at in [60, 61, 63, 67, 75] {
            assert_eq!(agent.step().await, (Step::Renew, at));
            agent.schedule.renewal_failed(Instant::now(), &Longest);
        }
        assert_eq!(agent.step().await, (Step::LogIn, 90));
        agent.schedule.login_failed(Instant::now(), &Longest);
        assert_eq!(agent.step().await, (Step::LogIn, 122), "the count of failures goes on");
        agent.schedule.logged_in(Instant::now(), lease(90, true));
        assert_eq!(agent.step().await, (Step::Renew, 182));
        agent.schedule.renewal_failed(Instant::now(), &Longest);
        assert_eq!(agent.step().await, (Step::Renew, 183), "and ends with a success");
    }

    #[tokio::test(start_paused = true)]
    async fn logins_that_fail_come_less_and_less_often() {
        let mut agent = Agent::new();
        let mut times = Vec::new();
        for _ in 0..9 {
            let (step, at) = agent.step().await;
            assert_eq!(step, Step::LogIn);
            times.push(at);
            agent.schedule.login_failed(Instant::now(), &Longest);
        }
        assert_eq!(times, [0, 1, 3, 7, 15, 31, 63, 123, 183]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_longer_lease_becomes_the_full_one() {
        let mut agent = Agent::new();
        agent.schedule.logged_in(Instant::now(), lease(30, true));
        assert_eq!(agent.step().await, (Step::Renew, 20));
        assert!(agent.schedule.renewed(Instant::now(), lease(60, true)), "the role was given more time");
        assert_eq!(agent.step().await, (Step::Renew, 60));
        assert!(!agent.schedule.renewed(Instant::now(), lease(30, true)));
    }

    #[tokio::test(start_paused = true)]
    async fn no_lease_is_too_long() {
        let mut schedule = Schedule::new(Instant::now());
        schedule.logged_in(Instant::now(), Lease { duration: Duration::MAX, renewable: true });
        assert_eq!(schedule.next(), None);
    }
}
