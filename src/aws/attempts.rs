//! How often and how long a call to AWS is tried.

use std::time::Duration;

use http::header::RETRY_AFTER;
use http::{HeaderMap, StatusCode};

use super::calls::{Meter, Outcome};
use super::context::CallContext;
use super::deadline::Deadline;
use super::error::ServiceError;
use super::gave_up::{AttemptError, GaveUp};
use crate::ports::{HttpRequest, HttpResponse, Random, TransportError};

/// Longest time for one attempt, connection included.
pub const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(10);
/// Upper bound of the first pause between attempts; it doubles with each further one.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
/// Upper bound of any pause that AWS did not ask for.
const LONGEST_PAUSE: Duration = Duration::from_secs(8);

/// An answer, and how long the attempt took that got it.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The answer.
    pub response: HttpResponse,
    /// From the sending to the end of the body.
    pub latency: Duration,
}

/// Sends a request until there is an answer that is neither a server error nor a request for
/// patience, at most `max_attempts` times and until the deadline.
///
/// Connection errors, 429, 5xx except 501, and throttling codes are tried again after a random part
/// of a growing pause; `Retry-After` is honoured as far as time is left. A throttling answer that
/// stays is returned as the answer it is. The meter counts each attempt, and may hold it back.
///
/// # Errors
/// When it gave up.
pub async fn send(
    context: CallContext<'_>,
    request: &HttpRequest,
    meter: &mut Meter<'_>,
) -> Result<Answer, GaveUp> {
    let CallContext { transport, random, deadline, max_attempts, .. } = context;
    let mut attempts: u32 = 0;
    loop {
        if let Err(cause) = meter.wait_for_budget(deadline).await {
            let out_of_time = Some(deadline.allotted());
            return Err(GaveUp { attempts, cause: cause.into(), out_of_time });
        }
        attempts = attempts.saturating_add(1);
        let time = ATTEMPT_TIMEOUT.min(deadline.remaining());
        let attempt = meter.attempt();
        let result = tokio::time::timeout(time, transport.send(request.clone())).await;
        let outcome = outcome(&result);
        let latency = attempt.end(outcome);
        let last = attempts >= max_attempts;
        let (cause, retry_after) = match result {
            Err(_) => (AttemptError::TimedOut(time.as_secs().max(1)), None),
            Ok(Err(error)) if error.may_pass() => (error.into(), None),
            Ok(Err(error)) => return Err(GaveUp { attempts, cause: error.into(), out_of_time: None }),
            Ok(Ok(response)) => {
                let retry_after = retry_after(&response.headers);
                let answer = Answer { response, latency };
                if is_server_trouble(answer.response.status) {
                    (AttemptError::ServerErrors, retry_after)
                } else if !last && outcome == Outcome::Throttled {
                    match pause_before_next(random, attempts, retry_after, deadline) {
                        Some(pause) => {
                            tokio::time::sleep(pause).await;
                            continue;
                        }
                        None => return Ok(answer),
                    }
                } else {
                    return Ok(answer);
                }
            }
        };
        let pause = if last { None } else { pause_before_next(random, attempts, retry_after, deadline) };
        match pause {
            Some(pause) => tokio::time::sleep(pause).await,
            None => {
                let was_cut_short = matches!(cause, AttemptError::TimedOut(_)) && time < ATTEMPT_TIMEOUT;
                // The patience that AWS asks for is its own time.
                let ran_out = was_cut_short || (!last && retry_after.is_none());
                let out_of_time = ran_out.then(|| deadline.allotted());
                return Err(GaveUp { attempts, cause, out_of_time });
            }
        }
    }
}

fn is_server_trouble(status: StatusCode) -> bool {
    status == StatusCode::TOO_MANY_REQUESTS
        || (status.is_server_error() && status != StatusCode::NOT_IMPLEMENTED)
}

fn outcome<T>(result: &Result<Result<HttpResponse, TransportError>, T>) -> Outcome {
    match result {
        Ok(Ok(answer)) if answer.status.is_success() => Outcome::Answered,
        Ok(Ok(answer)) if is_throttled(answer) => Outcome::Throttled,
        Ok(Ok(_)) => Outcome::Refused,
        Ok(Err(_)) | Err(_) => Outcome::Unanswered,
    }
}

fn is_throttled(answer: &HttpResponse) -> bool {
    let status = answer.status;
    status == StatusCode::TOO_MANY_REQUESTS
        || ((status.is_client_error() || is_server_trouble(status))
            && ServiceError::parse(status, &answer.body).is_throttling())
}

fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds))
}

/// The pause before the next attempt; `None` when no time would be left after it.
fn pause_before_next(
    random: &dyn Random,
    attempts: u32,
    retry_after: Option<Duration>,
    deadline: Deadline,
) -> Option<Duration> {
    let ceiling =
        FIRST_PAUSE.saturating_mul(2_u32.saturating_pow(attempts.saturating_sub(1))).min(LONGEST_PAUSE);
    let pause = retry_after.unwrap_or_else(|| random_part(random, ceiling));
    (pause < deadline.remaining()).then_some(pause)
}

fn random_part(random: &dyn Random, whole: Duration) -> Duration {
    let mut bytes = [0; 4];
    if !random.fill(&mut bytes) {
        return whole;
    }
    let fraction = f64::from(u32::from_be_bytes(bytes)) / f64::from(u32::MAX);
    whole.mul_f64(fraction)
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use tokio::time::Instant;

    use async_trait::async_trait;
    use bytes::Bytes;
    use http::Method;

    use super::super::calls::{Api, Calls, LineStatus, Purpose};
    use super::*;
    use crate::aws::deadline::{LAST_WORD, TOTAL_TIMEOUT};
    use crate::ports::Transport;
    use crate::ports::testing::Same;

    enum Step {
        Status(u16, &'static str, Option<&'static str>),
        Fails(TransportError),
        Hangs,
    }

    struct Script(Mutex<Vec<Step>>);

    #[async_trait]
    impl Transport for Script {
        async fn send(&self, _request: HttpRequest) -> Result<HttpResponse, TransportError> {
            let step = self.0.lock().unwrap().remove(0);
            match step {
                Step::Status(status, body, retry_after) => {
                    let mut headers = HeaderMap::new();
                    if let Some(value) = retry_after {
                        headers.insert(RETRY_AFTER, value.parse().unwrap());
                    }
                    let status = StatusCode::from_u16(status).unwrap();
                    Ok(HttpResponse { status, headers, body: Bytes::from_static(body.as_bytes()) })
                }
                Step::Fails(error) => Err(error),
                Step::Hangs => std::future::pending().await,
            }
        }
    }

    const THROTTLED: &str =
        "<ErrorResponse><Error><Code>Throttling</Code><Message>m</Message></Error></ErrorResponse>";

    async fn run(steps: Vec<Step>, max_attempts: u32) -> (Result<u16, GaveUp>, Duration) {
        let (result, time, _) = run_counted(&Calls::default(), steps, max_attempts).await;
        (result, time)
    }

    /// As a call of the server itself.
    async fn run_counted(
        calls: &Calls,
        steps: Vec<Step>,
        max_attempts: u32,
    ) -> (Result<u16, GaveUp>, Duration, LineStatus) {
        let request = HttpRequest {
            method: Method::POST,
            uri: "https://sts.amazonaws.com//".parse().unwrap(),
            headers: HeaderMap::new(),
            body: Bytes::new(),
            response_limit: 1024,
            host_chosen_in: None,
        };
        let start = Instant::now();
        let script = Script(Mutex::new(steps));
        let context = CallContext {
            transport: &script,
            random: &Same(255),
            now: std::time::SystemTime::UNIX_EPOCH,
            deadline: Deadline::start(),
            max_attempts,
            calls,
            purpose: Purpose::General,
        };
        let mut meter = Meter::own(calls.own_line("1", "r", Api::DescribeInstances), None);
        let result = send(context, &request, &mut meter).await;
        let line = calls.status().remove(0);
        (result.map(|answer| answer.response.status.as_u16()), start.elapsed(), line)
    }

    #[tokio::test(start_paused = true)]
    async fn every_attempt_is_counted_for_what_it_was() {
        let limited = "<Response><Errors><Error><Code>RequestLimitExceeded</Code><Message>m</Message></Error></Errors></Response>";
        for (step, throttles, errors) in [
            (Step::Status(200, "", None), 0, 0),
            (Step::Status(403, "", None), 0, 1),
            (Step::Status(500, "", None), 0, 1),
            (Step::Status(429, "", None), 1, 0),
            (Step::Status(400, THROTTLED, None), 1, 0),
            (Step::Status(503, limited, None), 1, 0),
            (Step::Fails(TransportError::Connect("refused".to_owned())), 0, 1),
            (Step::Hangs, 0, 1),
        ] {
            let (_, _, line) = run_counted(&Calls::default(), vec![step], 1).await;
            let counts = line.counts;
            assert_eq!((counts.calls, counts.throttles, counts.errors), (1, throttles, errors));
        }
        let steps = vec![Step::Status(500, "", None), Step::Status(200, "", None)];
        assert_eq!(run_counted(&Calls::default(), steps, 2).await.2.counts.calls, 2);
    }

    #[tokio::test(start_paused = true)]
    async fn every_attempt_takes_its_part_of_the_budget() {
        let calls = Calls::default();
        let line = calls.own_line("1", "r", Api::DescribeInstances);
        for _ in 0..49 {
            line.token(Deadline::start()).await.unwrap();
        }
        let steps = || vec![Step::Status(503, "", Some("0")), Step::Status(200, "", None)];
        let (result, time, _) = run_counted(&calls, steps(), 2).await;
        assert_eq!(result, Ok(200));
        assert!(time.abs_diff(Duration::from_millis(100)) < Duration::from_millis(3), "{time:?}");
        for _ in 0..20 {
            line.record(Outcome::Throttled, Instant::now());
            tokio::time::advance(Duration::from_millis(1)).await;
        }
        let ahead = (0..30).map(|_| line.token(Deadline::start()));
        let (_, (result, ..)) =
            tokio::join!(futures_util::future::join_all(ahead), run_counted(&calls, steps(), 2),);
        let gave_up = result.unwrap_err();
        assert_eq!(gave_up.attempts, 0);
        assert!(gave_up.cause.to_string().starts_with("the call budget for ec2:DescribeInstances"));
    }

    #[tokio::test(start_paused = true)]
    async fn trouble_is_tried_again_with_growing_pauses() {
        let connect = || Step::Fails(TransportError::Connect("refused".to_owned()));
        let (result, time) =
            run(vec![connect(), Step::Status(503, "", None), Step::Status(200, "", None)], 3).await;
        assert_eq!(result, Ok(200));
        assert_eq!(time, Duration::from_millis(1500));
        let (result, _) = run(vec![Step::Status(500, "", None), Step::Status(429, "", None)], 2).await;
        assert_eq!(result, Err(GaveUp { attempts: 2, cause: AttemptError::ServerErrors, out_of_time: None }));
        let (result, _) = run(vec![connect(), connect()], 2).await;
        assert_eq!(
            result,
            Err(GaveUp {
                attempts: 2,
                cause: TransportError::Connect("refused".to_owned()).into(),
                out_of_time: None
            })
        );
    }

    #[tokio::test(start_paused = true)]
    async fn throttling_is_tried_again_and_then_returned() {
        let throttled = || Step::Status(400, THROTTLED, None);
        assert_eq!(run(vec![throttled(), Step::Status(200, "", None)], 3).await.0, Ok(200));
        assert_eq!(run(vec![throttled(), throttled()], 2).await.0, Ok(400));
    }

    #[tokio::test(start_paused = true)]
    async fn answers_and_hopeless_errors_are_final() {
        for status in [200, 302, 400, 403, 501] {
            assert_eq!(run(vec![Step::Status(status, "", None)], 3).await.0, Ok(status));
        }
        for error in [TransportError::Tls("t".to_owned()), TransportError::TooLarge { limit: 1 }] {
            assert_eq!(run(vec![Step::Fails(error)], 3).await.0.unwrap_err().attempts, 1);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn an_attempt_and_the_whole_have_an_end() {
        let (result, time) = run(vec![Step::Hangs, Step::Hangs, Step::Hangs, Step::Hangs], 9).await;
        assert_eq!(time, TOTAL_TIMEOUT - LAST_WORD);
        let gave_up = result.unwrap_err();
        assert_eq!(gave_up.cause.to_string(), "no answer within 8 s");
        assert_eq!(gave_up.to_string(), "no answer within 8 s; no time was left of the 30 s of this request");
    }

    #[tokio::test(start_paused = true)]
    async fn retry_after_is_honoured_while_time_is_left() {
        let (result, time) =
            run(vec![Step::Status(503, "", Some("7")), Step::Status(200, "", None)], 3).await;
        assert_eq!((result, time), (Ok(200), Duration::from_secs(7)));
        let (result, time) = run(vec![Step::Status(503, "", Some("3600"))], 3).await;
        assert_eq!((result.unwrap_err().attempts, time), (1, Duration::ZERO));
    }
}
