//! The way of one batch, from its opening to the last answer.

use std::collections::HashMap;
use std::sync::Arc;

use futures_util::future::join_all;
use tokio::time::Instant;

use super::super::crowd::Crowd;
use super::super::shared_calls::SharedCalls;
use super::batch::{Answer, Batch, Lane, Place, Question};
use super::questions::Questions;
use crate::aws::calls::{Api, Token, Waiter};
use crate::aws::deadline::Deadline;
use crate::aws::ec2::Ec2Client;
use crate::aws::error::{CallError, NoResult};
use crate::aws::instance_id::{is_about_ids, own_refusal};

/// The way of one batch: what it was opened with, until the last of its questions is answered. When it
/// ends in whatever way, nothing is left of its questions, and whoever still waits for one learns so.
pub(super) struct Run {
    pub(super) questions: Arc<Questions>,
    pub(super) arriving: Arc<Crowd>,
    pub(super) place: Place,
    pub(super) batch: Arc<Batch>,
    pub(super) client: Ec2Client,
    pub(super) shared: SharedCalls,
    /// Who opened it.
    pub(super) caller: Arc<str>,
}

/// How the calls of some questions wait for their budget, and until when they must have ended.
#[derive(Clone)]
struct Turn {
    waiter: Waiter,
    deadline: Deadline,
}

impl Run {
    pub(super) async fn finish(self) {
        let deadline = Deadline::start();
        tokio::select! {
            biased;
            () = self.batch.is_full.notified() => {}
            // Full or not, it goes now.
            () = self.gather() => {}
        }
        let turn = Turn { waiter: self.place.waiter(&self.caller), deadline };
        let token = self.token(&turn).await;
        let questions = self.close();
        match token {
            Ok(token) => {
                let apart = self.settle(questions, &turn, Some(token)).await;
                self.settle_apart(apart, deadline).await;
            }
            Err(error) => self.answer_all(questions, &Err(error)),
        }
        let (questions, place) = (Arc::clone(&self.questions), self.place.clone());
        drop(self);
        questions.forget_when_quiet(&place).await;
    }

    /// Waits while others may still join.
    async fn gather(&self) {
        let window = self.batch.window.unwrap_or_default();
        if let Some(longest) = self.batch.crowd_window {
            // Nobody comes any more, or it has been long enough.
            let _ = tokio::time::timeout(longest.max(window), self.arriving.gone()).await;
        } else if !window.is_zero() {
            tokio::time::sleep(window).await;
        }
    }

    async fn token(&self, turn: &Turn) -> Result<Token, CallError> {
        let (account, region) = (self.place.client.account.as_str(), self.place.client.region.name());
        let line = self.shared.calls().own_line(account, region, Api::DescribeInstances);
        let token = line.token_for(&turn.waiter, turn.deadline).await;
        token.map_err(|cause| self.client.not_described(NoResult::Budget(cause)))
    }

    /// Ends the time in which the batch can be joined; its questions, without those for whose answer
    /// nobody waits any more.
    fn close(&self) -> Vec<Question> {
        let mut state = self.questions.state();
        let mut questions = std::mem::take(&mut *self.batch.questions());
        if let Some(group) = state.groups.get_mut(&self.place) {
            if group.open.as_ref().is_some_and(|open| open.number == self.batch.number) {
                group.open = None;
            }
            if self.batch.window.or(self.batch.crowd_window).is_some() {
                group.adapt_window(questions.len());
            }
            group.quiet_from = Instant::now().checked_add(group.window);
        }
        questions.retain(Question::is_waited_for);
        questions
    }

    /// Answers questions: in one call if EC2 knows all their ids. If it does not, those that it names are taken
    /// out and the others asked for again; if it names none, one is found by halves, and the more were found, the
    /// fewer of the others go together. What is returned is left to be asked: questions of callers with more than
    /// one such id, so that they cost no more calls of others.
    async fn settle(&self, questions: Vec<Question>, turn: &Turn, mut token: Option<Token>) -> Vec<Question> {
        let (mut waiting, mut left) = (questions, Vec::new());
        // Questions of which EC2 does not know all the ids, and how it said so.
        let mut refused: Option<(Vec<Question>, CallError)> = None;
        let mut unknown_of: HashMap<Arc<str>, u32> = HashMap::new();
        let (mut were_halved, mut found_by_halves) = (false, 0_usize);
        loop {
            let Some((mut questions, refusal)) = refused.take() else {
                waiting.retain(Question::is_waited_for);
                if waiting.is_empty() {
                    return left;
                }
                let rest = waiting.split_off(waiting.len().div_ceil(found_by_halves.max(1)));
                if let Outcome::Unknown(questions, refusal) = self.ask(waiting, turn, token.take()).await {
                    refused = Some((questions, refusal));
                }
                waiting = rest;
                continue;
            };
            let unknown = take_unknown(&mut questions, &refusal);
            found_by_halves = found_by_halves.saturating_add(usize::from(were_halved && !unknown.is_empty()));
            were_halved = unknown.is_empty();
            if unknown.is_empty() {
                let second_half = questions.split_off(questions.len() / 2);
                match self.ask(questions, turn, None).await {
                    // So it is in the other half.
                    Outcome::Answered => refused = Some((second_half, refusal)),
                    Outcome::Failed => waiting.extend(second_half),
                    Outcome::Unknown(questions, refusal) => {
                        waiting.extend(second_half);
                        refused = Some((questions, refusal));
                    }
                }
                continue;
            }
            waiting.append(&mut questions);
            for (question, refusal) in unknown {
                let count = unknown_of.entry(Arc::clone(&question.caller)).or_default();
                *count = count.saturating_add(1);
                self.refuse(question, refusal);
            }
            let (stay, go): (Vec<_>, Vec<_>) = waiting.into_iter().partition(|question| {
                question.caller == turn.waiter.caller
                    || unknown_of.get(&question.caller).is_none_or(|count| *count < 2)
            });
            waiting = stay;
            left.extend(go);
        }
    }

    /// Answers what was left: of each caller in calls of its own.
    async fn settle_apart(&self, questions: Vec<Question>, deadline: Deadline) {
        let mut by_caller: HashMap<Arc<str>, Vec<Question>> = HashMap::new();
        for question in questions {
            by_caller.entry(Arc::clone(&question.caller)).or_default().push(question);
        }
        join_all(by_caller.into_iter().map(async |(caller, questions)| {
            let turn = Turn { waiter: Waiter { caller, is_patient: false }, deadline };
            self.settle(questions, &turn, None).await;
        }))
        .await;
    }

    /// Asks for ids in one call. Nothing is answered if EC2 does not know one of them.
    async fn ask(&self, questions: Vec<Question>, turn: &Turn, token: Option<Token>) -> Outcome {
        let token = match token {
            Some(token) => Ok(token),
            None => self.token(turn).await,
        };
        let ids: Vec<&str> = questions.iter().map(|question| question.id.as_str()).collect();
        let answers = match token {
            Ok(token) => {
                self.client.describe_instances(&ids, self.shared.context(turn.deadline), token).await
            }
            Err(error) => Err(error),
        };
        match answers {
            Ok(answers) => {
                for (question, answer) in questions.into_iter().zip(answers) {
                    self.answer(question, answer);
                }
                Outcome::Answered
            }
            Err(refusal) if is_about_ids(&refusal) => Outcome::Unknown(questions, refusal),
            Err(error) => {
                self.answer_all(questions, &Err(error));
                Outcome::Failed
            }
        }
    }

    fn answer_all(&self, questions: Vec<Question>, answer: &Answer) {
        for question in questions {
            self.answer(question, answer.clone());
        }
    }

    fn refuse(&self, question: Question, refusal: CallError) {
        let (client, caller) = (&self.place.client, &question.caller);
        self.questions.state().trouble.remember(client, &question.id, caller, refusal.clone());
        self.answer(question, Err(refusal));
    }

    fn answer(&self, question: Question, answer: Answer) {
        {
            let mut state = self.questions.state();
            if answer.is_ok() && matches!(self.place.lane, Lane::Alone(_)) {
                state.trouble.forget(&self.place.client, &question.id);
            }
            if let Some(group) = state.groups.get_mut(&self.place) {
                let batch = self.batch.number;
                if group.asked.get(&question.id).is_some_and(|asked| asked.batch == batch) {
                    group.asked.remove(&question.id);
                }
            }
        }
        // Nobody may be waiting any more.
        let _ = question.answer.send(answer);
    }
}

/// What came of a call.
enum Outcome {
    /// All questions are answered with what EC2 knows.
    Answered,
    /// All questions are answered with why there is no answer.
    Failed,
    /// EC2 does not know all the ids.
    Unknown(Vec<Question>, CallError),
}

/// Takes out the questions whose ids EC2 does not know, as far as it can be told; with what it said of each.
fn take_unknown(questions: &mut Vec<Question>, refusal: &CallError) -> Vec<(Question, CallError)> {
    let is_alone = questions.len() == 1;
    let mut unknown = Vec::new();
    for question in std::mem::take(questions) {
        match own_refusal(refusal, &question.id).or_else(|| is_alone.then(|| refusal.clone())) {
            Some(own) => unknown.push((question, own)),
            None => questions.push(question),
        }
    }
    unknown
}

impl Drop for Run {
    fn drop(&mut self) {
        let mut state = self.questions.state();
        if let Some(group) = state.groups.get_mut(&self.place) {
            let batch = self.batch.number;
            if group.open.as_ref().is_some_and(|open| open.number == batch) {
                group.open = None;
            }
            group.asked.retain(|_, asked| asked.batch != batch);
            group.under_way = group.under_way.saturating_sub(1);
        }
        self.batch.questions().clear();
    }
}
