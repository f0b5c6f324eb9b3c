//! The broker: the stream on which the host announces where its own services can be reached.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::Stream;
use tokio::sync::{Notify, mpsc, watch};
use tokio::time::timeout;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status, Streaming};

use crate::plugin::process::lifecycle::Lifecycle;
use crate::plugin::wire::protocol::plugin::ConnInfo;
use crate::plugin::wire::protocol::plugin::conn_info::Knock;
use crate::plugin::wire::protocol::plugin::grpc_broker_server::GrpcBroker;

/// Where its lines stand in the log. Operators filter by it, so it does not follow the file.
const LOG: &str = concat!(env!("CARGO_CRATE_NAME"), "::plugin::broker");

/// How long a message of the host is waited for; the time and the text of Go plugins.
const MESSAGE_TIMEOUT: Duration = Duration::from_secs(5);
/// Said when the host does not announce an id in time.
pub(crate) const NO_CONNECTION_INFO: &str = "timeout waiting for connection info";
/// Announcements that are kept for a set-up still to come; beyond it the lowest ids, which are the
/// oldest, are dropped.
const MAX_UNCLAIMED: usize = 4096;
/// Messages to the host that wait to be sent.
const OUTBOUND_QUEUE: usize = 16;

type Outbound = mpsc::Sender<Result<ConnInfo, Status>>;

/// Why a knock brought no new stream.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum KnockError {
    /// The host said no.
    Refused(String),
    /// The host said nothing; whether it will is unknown.
    Unanswered,
}

/// What the host has said on the broker stream, and the way to answer.
pub(crate) struct Broker {
    lifecycle: Arc<Lifecycle>,
    announcements: Mailbox,
    acknowledgements: Mailbox,
    outbound: watch::Sender<Option<Outbound>>,
}

impl Broker {
    /// A broker without a stream yet.
    pub(crate) fn new(lifecycle: Arc<Lifecycle>) -> Arc<Self> {
        Arc::new(Self {
            lifecycle,
            announcements: Mailbox::default(),
            acknowledgements: Mailbox::default(),
            outbound: watch::Sender::new(None),
        })
    }

    /// Where the host serves an id. The announcement may come before or after the question.
    pub(crate) async fn announced(&self, id: u32) -> Option<ConnInfo> {
        timeout(MESSAGE_TIMEOUT, self.announcements.take(id)).await.ok()
    }

    /// Asks the host to take the next multiplexed stream for an id. One knock at a time.
    pub(crate) async fn knock(&self, id: u32) -> Result<(), KnockError> {
        self.acknowledgements.discard(id);
        let exchange = async {
            let knock = ConnInfo {
                service_id: id,
                knock: Some(Knock { knock: true, ..Knock::default() }),
                ..ConnInfo::default()
            };
            let outbound = self.outbound.subscribe().wait_for(Option::is_some).await.ok()?.clone()?;
            outbound.send(Ok(knock)).await.ok()?;
            self.acknowledgements.take(id).await.knock
        };
        match timeout(MESSAGE_TIMEOUT, exchange).await {
            Ok(Some(answer)) if answer.error.is_empty() => Ok(()),
            Ok(Some(answer)) => Err(KnockError::Refused(answer.error)),
            Ok(None) | Err(_) => Err(KnockError::Unanswered),
        }
    }

    /// Opens the way to the host; returns the end from which its messages are sent.
    pub(crate) fn connect(&self) -> mpsc::Receiver<Result<ConnInfo, Status>> {
        let (sender, receiver) = mpsc::channel(OUTBOUND_QUEUE);
        self.outbound.send_replace(Some(sender));
        receiver
    }

    /// Takes a message of the host.
    pub(crate) fn receive(&self, info: ConnInfo) {
        match &info.knock {
            None => self.announcements.put(info),
            Some(knock) if knock.ack => self.acknowledgements.put(info),
            // A knock asks for a service of ours besides the main one; there is none.
            Some(_) => tracing::debug!(target: LOG, id = info.service_id, "knock of the server ignored"),
        }
    }
}

/// Messages by id, waiting for whoever asks.
#[derive(Default)]
struct Mailbox {
    messages: Mutex<BTreeMap<u32, ConnInfo>>,
    arrived: Notify,
}

impl Mailbox {
    fn put(&self, info: ConnInfo) {
        let mut messages = self.messages.lock().unwrap_or_else(PoisonError::into_inner);
        messages.insert(info.service_id, info);
        if messages.len() > MAX_UNCLAIMED {
            messages.pop_first();
        }
        drop(messages);
        self.arrived.notify_waiters();
    }

    fn discard(&self, id: u32) -> Option<ConnInfo> {
        self.messages.lock().unwrap_or_else(PoisonError::into_inner).remove(&id)
    }

    async fn take(&self, id: u32) -> ConnInfo {
        loop {
            // Registered before looking, so that no arrival is missed in between.
            let arrived = self.arrived.notified();
            if let Some(info) = self.discard(id) {
                return info;
            }
            arrived.await;
        }
    }
}

/// The gRPC service of a [`Broker`].
pub(crate) struct BrokerService(pub(crate) Arc<Broker>);

#[tonic::async_trait]
impl GrpcBroker for BrokerService {
    type StartStreamStream = Pin<Box<dyn Stream<Item = Result<ConnInfo, Status>> + Send>>;

    async fn start_stream(
        &self,
        request: Request<Streaming<ConnInfo>>,
    ) -> Result<Response<Self::StartStreamStream>, Status> {
        let mut inbound = request.into_inner();
        let broker = self.0.clone();
        let presence = broker.lifecycle.broker_stream();
        let receiver = broker.connect();
        tokio::spawn(async move {
            // The host never ends this stream while it needs the plugin.
            while let Ok(Some(info)) = inbound.message().await {
                broker.receive(info);
            }
            drop(presence);
        });
        Ok(Response::new(Box::pin(ReceiverStream::new(receiver))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn announcement(id: u32) -> ConnInfo {
        ConnInfo {
            service_id: id,
            network: "unix".to_owned(),
            address: format!("/tmp/plugin{id}"),
            knock: None,
        }
    }

    fn answer(id: u32, error: &str) -> ConnInfo {
        let knock = Knock { knock: true, ack: true, error: error.to_owned() };
        ConnInfo { service_id: id, knock: Some(knock), ..ConnInfo::default() }
    }

    #[tokio::test(start_paused = true)]
    async fn an_announcement_is_found_whether_it_comes_before_or_after_the_question() {
        let broker = Broker::new(Lifecycle::new());
        broker.receive(announcement(2));
        assert_eq!(broker.announced(2).await, Some(announcement(2)));

        let (found, ()) = tokio::join!(broker.announced(1), async {
            tokio::time::sleep(MESSAGE_TIMEOUT / 2).await;
            broker.receive(announcement(3));
            broker.receive(announcement(1));
        });
        assert_eq!(found, Some(announcement(1)));
    }

    #[tokio::test(start_paused = true)]
    async fn a_missing_announcement_is_given_up() {
        let broker = Broker::new(Lifecycle::new());
        broker.receive(announcement(1));
        let start = tokio::time::Instant::now();
        assert_eq!(broker.announced(2).await, None);
        assert_eq!(start.elapsed(), MESSAGE_TIMEOUT);
    }

    #[tokio::test]
    async fn unclaimed_announcements_are_bounded() {
        let broker = Broker::new(Lifecycle::new());
        for id in 0..=u32::try_from(MAX_UNCLAIMED).unwrap() {
            broker.receive(announcement(id));
        }
        assert_eq!(broker.announcements.messages.lock().unwrap().len(), MAX_UNCLAIMED);
        assert_eq!(broker.announced(1).await, Some(announcement(1)));
        assert_eq!(broker.announcements.discard(0), None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_knock_waits_for_the_stream_and_for_its_answer() {
        let broker = Broker::new(Lifecycle::new());
        broker.receive(answer(7, "left over from an earlier knock"));
        let host = async {
            tokio::time::sleep(Duration::from_secs(1)).await;
            let mut messages = broker.connect();
            let knock = messages.recv().await.unwrap().unwrap();
            assert_eq!((knock.service_id, knock.knock.unwrap().knock), (7, true));
            broker.receive(answer(7, ""));
            let _ = messages.recv().await;
            broker.receive(answer(8, "no listener for id 8"));
            let _ = messages.recv().await;
            messages
        };
        let plugin = async {
            assert_eq!(broker.knock(7).await, Ok(()));
            assert_eq!(broker.knock(8).await, Err(KnockError::Refused("no listener for id 8".to_owned())));
            assert_eq!(broker.knock(9).await, Err(KnockError::Unanswered));
        };
        tokio::join!(host, plugin);
    }
}
