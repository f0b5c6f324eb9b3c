//! Look-ups in IAM that many logins may want at the same time: equal ones become one call.

use std::future::Future;

use super::attempts::Deadline;
use super::calls::Api;
use super::clients::{ClientKey, SharedCalls};
use super::error::CallError;
use super::iam::{IamClient, IamEntity, InstanceProfile};
use super::single_flight::SingleFlight;

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
    asked_at: u64,
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
    pub async fn get_user(&self, name: &str, asked_at: u64) -> Result<IamEntity, CallError> {
        let (client, calls, user) = (self.client.clone(), self.calls.clone(), name.to_owned());
        let call = async move { client.get_user(&user, calls.context(Deadline::start())).await };
        self.entity(Api::GetUser, name, asked_at, call).await
    }

    /// A role by name. Only who asks at the same stage of what is known shares the answer.
    ///
    /// # Errors
    /// See [`CallError`].
    pub async fn get_role(&self, name: &str, asked_at: u64) -> Result<IamEntity, CallError> {
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
        asked_at: u64,
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
            let endpoint = &self.client.endpoint;
            let action = api.action();
            Err(CallError::Failed(format!("{action} at {endpoint}: no answer in the time of this request")))
        })
    }
}
