//! How a parser is attacked: from the inputs it is known for, changed at random.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::io::Write as _;
use std::str::FromStr;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use proptest::test_runner::{Config, RngAlgorithm, TestError, TestRng, TestRunner};

use crate::mutation::{Input, changed};

/// Inputs tried by default.
const CASES: u32 = ROUNDS * CASES_PER_ROUND;
const ROUNDS: u32 = 6;
/// After so many inputs, those that met something new join the ones that are changed further.
const CASES_PER_ROUND: u32 = 250;
/// Most inputs that are kept to be changed further.
const MAX_CORPUS: usize = 500;
/// Longest part of an input, in bytes. Parsers have limits of their own, which unit tests test.
const MAX_PART: usize = 8 * 1024;

/// Pieces of XML.
pub(crate) const XML: &[&str] = &[
    "<!--",
    "-->",
    "<![CDATA[",
    "]]>",
    "&lt;",
    "&#0;",
    "<",
    ">",
    "<p:",
    " xmlns:p=\"x\"",
    "\0",
    "\u{feff}",
    "é",
];
/// Pieces of JSON.
pub(crate) const JSON: &[&str] = &["{", "}", "[", "]", "\"", ":", ",", "null"];

/// What a parser did with an input. The text says which way it took: inputs that take a new way are
/// changed further, so the texts should be few.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Verdict {
    /// It took it for what it parses.
    Accepted(String),
    /// It did not.
    Refused(String),
}

impl Verdict {
    pub(crate) fn accepted(way: impl Into<String>) -> Self {
        Self::Accepted(way.into())
    }

    fn is_accepted(&self) -> bool {
        matches!(self, Self::Accepted(_))
    }

    /// With the reason up to what it quotes or counts.
    pub(crate) fn refused(reason: &str) -> Self {
        let end = reason.find(|c: char| matches!(c, ':' | '"' | ',' | '[') || c.is_ascii_digit());
        Self::Refused(reason[..end.unwrap_or(reason.len())].to_owned())
    }
}

/// A parser under attack, with inputs of `N` parts: texts, or bytes with `&'static [u8]` for `S`.
pub(crate) struct Target<const N: usize, S: 'static = &'static str> {
    /// Inputs that the parser takes.
    pub(crate) accepted: &'static [[S; N]],
    /// Inputs that it refuses, best for one reason only.
    pub(crate) refused: &'static [[S; N]],
    /// Pieces of the language, which random bytes would hardly hit, in lists.
    pub(crate) tokens: &'static [&'static [S]],
    /// Hands an input to the parser and asserts what must hold of the result.
    pub(crate) check: fn([&[u8]; N]) -> Verdict,
}

impl<const N: usize, S: AsRef<[u8]> + Copy> Target<N, S> {
    /// Tries the known inputs as they are, then attacks: in short and always in the same way, or for as long as `FUZZ_SECONDS` says.
    ///
    /// # Panics
    /// When an assertion of the target fails; with the smallest input found that makes it fail. When
    /// the verdict on a known input is another one. And when no changed input was accepted, or none
    /// refused: then the target tests nothing.
    pub(crate) fn run(&self) {
        let plan = Plan::from_environment();
        let mut corpus: Vec<Input<N>> = Vec::new();
        let mut known = BTreeSet::new();
        for (seeds, accepted) in [(self.accepted, true), (self.refused, false)] {
            for input in seeds.iter().map(Input::from) {
                let verdict = (self.check)(input.parts());
                assert_eq!(verdict.is_accepted(), accepted, "{verdict:?} for {input:?}");
                known.insert(verdict);
                corpus.push(input);
            }
        }
        let tokens = self.tokens.concat();
        let tried = RefCell::new(BTreeMap::new());
        let mut round = 0;
        while !plan.is_over(round) {
            let new = RefCell::new(Vec::new());
            let result = plan.runner(round).run(&changed(&corpus, &tokens), |input| {
                if input.longest_part() > MAX_PART {
                    return Ok(());
                }
                let verdict = (self.check)(input.parts());
                if !known.contains(&verdict) && !tried.borrow().contains_key(&verdict) {
                    new.borrow_mut().push(input);
                }
                *tried.borrow_mut().entry(verdict).or_default() += 1;
                Ok(())
            });
            match result {
                Ok(()) => {}
                Err(TestError::Fail(reason, input)) => {
                    panic!("{reason}\nwith the input\n{input:?}\nFUZZ_SEED={}", plan.seed)
                }
                Err(TestError::Abort(reason)) => panic!("{reason}"),
            }
            corpus.extend(new.into_inner());
            corpus.truncate(MAX_CORPUS);
            round += 1;
        }
        let tried = tried.into_inner();
        let summary = summary(&tried);
        if plan.time.is_some() {
            // A report must not fail the test.
            let _ = writeln!(std::io::stderr(), "{summary}");
        }
        assert!(tried.keys().any(Verdict::is_accepted), "nothing was accepted:\n{summary}");
        assert!(!tried.keys().all(Verdict::is_accepted), "nothing was refused:\n{summary}");
    }
}

/// How long and with what randomness.
struct Plan {
    seed: u64,
    time: Option<Duration>,
    begun: Instant,
}

impl Plan {
    fn from_environment() -> Self {
        let time = variable("FUZZ_SECONDS").map(Duration::from_secs);
        let fresh = || SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        let seed = variable("FUZZ_SEED").unwrap_or_else(|| time.map_or(0, |_| fresh()));
        Self { seed, time, begun: Instant::now() }
    }

    fn is_over(&self, round: u32) -> bool {
        match self.time {
            Some(time) => self.begun.elapsed() >= time,
            None => round >= CASES / CASES_PER_ROUND,
        }
    }

    fn runner(&self, round: u32) -> TestRunner {
        let mut seed = [0; 32];
        seed[..8].copy_from_slice(&self.seed.to_le_bytes());
        seed[8..12].copy_from_slice(&round.to_le_bytes());
        let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &seed);
        let config = Config { cases: CASES_PER_ROUND, failure_persistence: None, ..Config::default() };
        TestRunner::new_with_rng(config, rng)
    }
}

fn variable<T: FromStr>(name: &str) -> Option<T> {
    let text = std::env::var(name).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{name}={text} is not a number")))
}

fn summary(tried: &BTreeMap<Verdict, u64>) -> String {
    let mut lines = format!("{} inputs", tried.values().sum::<u64>());
    for (verdict, count) in tried {
        let _ = write!(lines, "\n{count:>9} {verdict:?}");
    }
    lines
}
