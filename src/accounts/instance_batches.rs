//! Descriptions of instances that are asked for at the same time, in one call.
//!
//! When many instances start together, each of their logins asks EC2 for its own. AWS grants an account
//! 20 such calls per second, but answers a hundred ids in one. So ids of the same client are collected
//! in batches:
//!
//! * An id that comes when nothing was asked lately goes at once. A lone login pays nothing.
//! * An id that comes while others are asked for, or shortly after, opens a batch that others may join
//!   for a while. That window grows as long as batches have more than one id, and shrinks when they do
//!   not. A batch that is full goes at once; one that waits for its call budget can still be joined.
//! * While a crowd is on its way here, a batch can be joined for twice as long as the login that opened it has been
//!   under way itself, and at least a second: what is waited for here stays in proportion to what had to be
//!   waited for before. When nobody is on the way any more, it goes.
//! * Whoever asks for an id that is being asked for shares that answer. An answer that has come is
//!   given to nobody else.
//!
//! If EC2 does not know one of the ids it describes none. Those that it names are then taken out of the batch and
//! the others asked for again; each login gets what AWS says about its own id. Ids are named by clients, so that
//! must not cost others their calls:
//!
//! * An id that no instance can have is not asked for at all.
//! * An id that EC2 did not know is kept out of batches for a minute. It is asked for alone, when nothing else
//!   waits, and every few seconds at the most; who asks in between gets the answer of before.
//! * The caller of such an id has batches of its own for a minute, which take turns with those of others.

mod batch;
mod questions;
mod run;
mod trouble;

use std::sync::Arc;
use std::time::Duration;

pub use self::batch::Wanted;
use self::batch::{LONGEST_CROWD_WINDOW, Lane, Place, SHORTEST_CROWD_WINDOW};
use self::questions::Questions;
use self::run::Run;
use super::crowd::Crowd;
use super::key::ClientKey;
use super::shared_calls::SharedCalls;
use crate::aws::deadline::Deadline;
use crate::aws::ec2::{Description, Ec2Client};
use crate::aws::error::{CallError, NoResult};
use crate::aws::instance_id::{is_instance_id, malformed};

/// The batches of one mount.
pub struct InstanceBatches {
    questions: Arc<Questions>,
    /// The logins that may ask soon.
    arriving: Arc<Crowd>,
}

impl InstanceBatches {
    /// Batches for logins that are in this crowd before they ask.
    #[must_use]
    pub fn new(arriving: Arc<Crowd>) -> Self {
        Self { questions: Arc::default(), arriving }
    }

    /// Describes an instance. The call has time of its own; this waits for it until the deadline.
    ///
    /// # Errors
    /// See [`CallError`].
    pub async fn describe(
        &self,
        key: ClientKey,
        client: Ec2Client,
        shared: SharedCalls,
        wanted: Wanted<'_>,
        deadline: Deadline,
    ) -> Result<Description, CallError> {
        if !is_instance_id(wanted.id) {
            return Err(malformed(wanted.id));
        }
        let lane = self.questions.state().trouble.lane(&key, &wanted)?;
        let place = Place { client: key, lane };
        let caller: Arc<str> = wanted.caller.into();
        if let Some(arrival) = wanted.arrival {
            arrival.arrive();
        }
        let crowd_window =
            (place.lane == Lane::Shared && self.arriving.is_crowd()).then(|| crowd_window(deadline));
        let (answer, opened) = self.questions.ask(&place, wanted.id, &caller, crowd_window);
        if let Some(batch) = opened {
            let (questions, arriving) = (Arc::clone(&self.questions), Arc::clone(&self.arriving));
            let run = Run { questions, arriving, place, batch, client: client.clone(), shared, caller };
            tokio::spawn(run.finish());
        }
        match deadline.limit_call(answer).await {
            Some(Ok(answer)) => answer,
            Some(Err(_)) => Err(client.not_described(NoResult::Ended)),
            None => Err(client.not_described(NoResult::OutOfTime)),
        }
    }
}

/// How long a batch can be joined while a crowd is on its way, if a login with this deadline opens it now.
fn crowd_window(deadline: Deadline) -> Duration {
    let in_proportion = deadline.age().saturating_mul(2).clamp(SHORTEST_CROWD_WINDOW, LONGEST_CROWD_WINDOW);
    // Time is left for the call, whatever it waits for.
    in_proportion.min(deadline.remaining().div_f64(4.0))
}

#[cfg(test)]
mod tests;
