//! Look-ups in IAM that many logins may want at the same time: equal ones become one call.

use std::future::Future;

use super::key::ClientKey;
use super::shared_calls::SharedCalls;
use crate::aws::calls::Api;
use crate::aws::deadline::Deadline;
use crate::aws::error::{CallError, FailedCall, NoResult};
use crate::aws::iam::{IamClient, IamEntity, InstanceProfile};
use crate::concurrency::bounded_cache::ReadStart;
use crate::concurrency::single_flight::SingleFlight;

/// What is being looked up in IAM for one mount.
#[derive(Default)]
pub struct IamFlights {
    entities: SingleFlight<EntityKey, Result<IamEntity, CallError>>,
    profiles: SingleFlight<(ClientKey, String), Result<InstanceProfile, CallError>>,
}

/// What tells one question about a user or role from another.
#[derive(Clone, PartialEq, Eq, Hash)]
struct EntityKey {
    client: ClientKey,
    api: Api,
    name: String,
    asked_at: ReadStart,
}

/// IAM of one account, for one request. A call has time of its own, and goes on as long as anybody
/// waits for it; an answer that has come is given to nobody else.
pub struct SharedIam<'a> {
    pub(super) flights: &'a IamFlights,
    pub(super) key: ClientKey,
    pub(super) client: IamClient,
    pub(super) calls: SharedCalls,
    pub(super) deadline: Deadline,
}

impl SharedIam<'_> {
    /// A user by name. Only who asks at the same stage of what is known shares the answer.
    ///
    /// # Errors
    /// See [`CallError`].
    pub async fn get_user(&self, name: &str, asked_at: ReadStart) -> Result<IamEntity, CallError> {
        let (client, calls, user) = (self.client.clone(), self.calls.clone(), name.to_owned());
        let call = async move { client.get_user(&user, calls.context(Deadline::start())).await };
        self.entity(Api::GetUser, name, asked_at, call).await
    }

    /// A role by name. Only who asks at the same stage of what is known shares the answer.
    ///
    /// # Errors
    /// See [`CallError`].
    pub async fn get_role(&self, name: &str, asked_at: ReadStart) -> Result<IamEntity, CallError> {
        let (client, calls, role) = (self.client.clone(), self.calls.clone(), name.to_owned());
        let call = async move { client.get_role(&role, calls.context(Deadline::start())).await };
        self.entity(Api::GetRole, name, asked_at, call).await
    }

    /// An instance profile by name.
    ///
    /// # Errors
    /// See [`CallError`].
    pub async fn get_instance_profile(&self, name: &str) -> Result<InstanceProfile, CallError> {
        let (client, calls, profile) = (self.client.clone(), self.calls.clone(), name.to_owned());
        let call =
            async move { client.get_instance_profile(&profile, calls.context(Deadline::start())).await };
        let key = (self.key.clone(), name.to_owned());
        self.wait(Api::GetInstanceProfile, self.flights.profiles.run(key, call)).await
    }

    async fn entity(
        &self,
        api: Api,
        name: &str,
        asked_at: ReadStart,
        call: impl Future<Output = Result<IamEntity, CallError>> + Send + 'static,
    ) -> Result<IamEntity, CallError> {
        let key = EntityKey { client: self.key.clone(), api, name: name.to_owned(), asked_at };
        self.wait(api, self.flights.entities.run(key, call)).await
    }

    async fn wait<T>(
        &self,
        api: Api,
        call: impl Future<Output = Result<T, CallError>>,
    ) -> Result<T, CallError> {
        self.deadline.limit_call(call).await.unwrap_or_else(|| {
            let (action, endpoint) = (api.action(), self.client.endpoint.to_string());
            Err(FailedCall { action, endpoint, cause: NoResult::OutOfTime }.into())
        })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};
    use std::time::{Duration, SystemTime};

    use async_trait::async_trait;
    use aws_credential_types::Credentials;
    use bytes::Bytes;
    use http::{HeaderMap, StatusCode};

    use super::*;
    use crate::aws::arn::AccountId;
    use crate::aws::calls::Calls;
    use crate::aws::endpoint::{Endpoint, Service};
    use crate::aws::region::Partition;
    use crate::ports::testing::{Same, StandingClock};
    use crate::ports::{HttpRequest, HttpResponse, Transport, TransportError, World};

    const LATENCY: Duration = Duration::from_millis(100);

    /// Knows everybody, under one unique id, and answers after a while.
    #[derive(Default)]
    struct Iam {
        asked: Mutex<Vec<String>>,
    }

    #[async_trait]
    impl Transport for Iam {
        async fn send(&self, request: HttpRequest) -> Result<HttpResponse, TransportError> {
            let body = String::from_utf8(request.body.into()).unwrap();
            self.asked.lock().unwrap().push(body.clone());
            tokio::time::sleep(LATENCY).await;
            let (action, _) = body.strip_prefix("Action=").unwrap().split_once('&').unwrap();
            let entity = action.strip_prefix("Get").unwrap();
            let id = format!("{}Id", entity);
            let body = format!(
                "<{action}Response><{action}Result><{entity}><{id}>ID</{id}><Arn>arn</Arn></{entity}></{action}Result></{action}Response>"
            );
            Ok(HttpResponse { status: StatusCode::OK, headers: HeaderMap::new(), body: Bytes::from(body) })
        }
    }

    struct Scene {
        iam: Arc<Iam>,
        calls: SharedCalls,
        flights: IamFlights,
    }

    impl Scene {
        fn new() -> Self {
            let iam = Arc::<Iam>::default();
            let world = Arc::new(World {
                transport: Arc::clone(&iam) as Arc<dyn Transport>,
                clock: Arc::new(StandingClock(SystemTime::UNIX_EPOCH)),
                random: Arc::new(Same(0)),
            });
            let calls = SharedCalls::new(world, Arc::<Calls>::default(), 1);
            Self { iam, calls, flights: IamFlights::default() }
        }

        /// IAM for one request under a generation of the configuration.
        fn request(&self, generation: u64) -> SharedIam<'_> {
            let (account, region) = (AccountId::new("1"), Partition::Aws.iam_region());
            let key = ClientKey {
                mount: String::new(),
                partition: Partition::Aws,
                account: account.clone(),
                region: region.clone(),
                role_arn: String::new(),
                external_id: String::new(),
                generation,
            };
            let endpoint = Endpoint::of_service(Service::Iam, &region).unwrap();
            let credentials = Credentials::new("AKID", "secret", None, None, "test");
            let client = IamClient { account, endpoint, region, credentials };
            let deadline = Deadline::start();
            SharedIam { flights: &self.flights, key, client, calls: self.calls.clone(), deadline }
        }

        fn asked(&self) -> usize {
            std::mem::take(&mut *self.iam.asked.lock().unwrap()).len()
        }
    }

    #[tokio::test(start_paused = true)]
    async fn equal_questions_become_one_and_others_do_not() {
        let scene = Scene::new();
        let [a, b, c] = [1, 1, 2].map(|generation| scene.request(generation));
        let (first, second) =
            tokio::join!(a.get_role("r", ReadStart::at(0)), b.get_role("r", ReadStart::at(0)));
        assert_eq!((first.is_ok(), first, scene.asked()), (true, second, 1));
        let (first, second) = tokio::join!(a.get_instance_profile("p"), b.get_instance_profile("p"));
        assert_eq!((first.is_ok(), first, scene.asked()), (true, second, 1));
        let _ = tokio::join!(a.get_user("u", ReadStart::at(0)), b.get_user("u", ReadStart::at(0)));
        assert_eq!(scene.asked(), 1);
        let _ = tokio::join!(
            a.get_role("r", ReadStart::at(0)),
            a.get_role("s", ReadStart::at(0)),
            a.get_role("r", ReadStart::at(1)),
            a.get_user("r", ReadStart::at(0)),
            c.get_role("r", ReadStart::at(0)),
            a.get_instance_profile("r"),
            a.get_instance_profile("s"),
            c.get_instance_profile("r"),
        );
        assert_eq!(scene.asked(), 8);
        a.get_role("r", ReadStart::at(0)).await.unwrap();
        a.get_role("r", ReadStart::at(0)).await.unwrap();
        assert_eq!(scene.asked(), 2, "no answer is kept");
    }

    #[tokio::test(start_paused = true)]
    async fn who_gives_up_does_not_take_the_others_along() {
        let scene = Scene::new();
        let (a, b) = (scene.request(1), scene.request(1));
        let (given_up, answer) = tokio::join!(
            tokio::time::timeout(LATENCY / 2, a.get_instance_profile("p")),
            b.get_instance_profile("p"),
        );
        assert!(given_up.is_err());
        assert_eq!((answer.is_ok(), scene.asked()), (true, 1));
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_waits_no_longer_than_its_own_time() {
        let scene = Scene::new();
        let late = scene.request(1);
        tokio::time::sleep(Duration::from_millis(29_700)).await;
        let in_time = scene.request(1);
        let (late, in_time) =
            tokio::join!(late.get_role("r", ReadStart::at(0)), in_time.get_role("r", ReadStart::at(0)));
        let text = late.unwrap_err().to_string();
        assert_eq!(text, "GetRole at https://iam.amazonaws.com: no answer in the time of this request");
        assert_eq!((in_time.is_ok(), scene.asked()), (true, 1));
    }
}
