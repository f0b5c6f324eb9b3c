//! Who rotates the access key of `config/client`: the host's rotation manager, or the plugin itself where there is
//! none. Never both.

use super::config_client_refused::ClientRefused;
use crate::entry::ClientConfig;
use crate::framework::Request;
use crate::go::GoDuration;
use crate::mount::Mount;
use crate::mount::own_rotation::schedule::Schedule;
use crate::ports::{RotationJob, SystemViewError};

/// Shortest period, and shortest window, of rotations by the plugin itself: each takes some minutes.
const SHORTEST: GoDuration = GoDuration::from_secs(600);

/// Checks what the plugin itself is to rotate by.
pub(super) fn check_own_rotation(config: &ClientConfig) -> Result<(), ClientRefused> {
    if !config.rotates_in_plugin() {
        return Ok(());
    }
    if config.rotation_schedule.is_empty() {
        return if config.rotation_period < SHORTEST {
            Err(ClientRefused::TooOften("rotation_period"))
        } else {
            Ok(())
        };
    }
    if config.rotation_window != GoDuration::ZERO && config.rotation_window < SHORTEST {
        return Err(ClientRefused::TooOften("rotation_window"));
    }
    match Schedule::parse(&config.rotation_schedule) {
        Some(_) => Ok(()),
        None => Err(ClientRefused::NoTimes),
    }
}

/// Tells the host's rotation manager what a configuration asks of it. Returns what it has done.
pub(super) async fn follow_rotation(
    mount: &Mount,
    request: &Request,
    stored: Option<&ClientConfig>,
    config: &ClientConfig,
) -> Result<Option<&'static str>, ClientRefused> {
    let by_host = stored.filter(|stored| stored.rotates_by_host());
    if config.rotates_in_plugin() {
        refuse_manager(mount, request, by_host, config).await?;
        Ok(None)
    } else if config.rotates() {
        register(mount, request, config).await?;
        Ok(Some("registration"))
    } else if by_host.is_some() {
        deregister(mount, request).await?;
        Ok(Some("deregistration"))
    } else {
        Ok(None)
    }
}

/// Refuses rotation by the plugin where there is a rotation manager, which nothing but an attempt tells: it is given
/// the job it has already, or a job that is taken back at once.
async fn refuse_manager(
    mount: &Mount,
    request: &Request,
    by_host: Option<&ClientConfig>,
    config: &ClientConfig,
) -> Result<(), ClientRefused> {
    let registered = register(mount, request, by_host.unwrap_or(config)).await;
    match registered {
        Err(ClientRefused::NoRotationManager(_)) => Ok(()),
        Err(ClientRefused::NotRegistered(text)) if text.contains(UNSUPPORTED) => Ok(()),
        Err(error) => Err(error),
        Ok(()) => {
            if by_host.is_none() {
                deregister(mount, request).await?;
            }
            Err(ClientRefused::HasRotationManager)
        }
    }
}

/// How a host says that it has no rotation manager.
const UNSUPPORTED: &str = "rotation manager capabilities not supported";

async fn register(mount: &Mount, request: &Request, config: &ClientConfig) -> Result<(), ClientRefused> {
    let job = RotationJob {
        mount_point: request.mount_point.clone(),
        path: request.path.clone(),
        schedule: config.rotation_schedule.clone(),
        window_seconds: config.rotation_window.as_secs(),
        period_seconds: config.rotation_period.as_secs(),
    };
    match mount.system_view().register_rotation_job(job).await {
        Ok(_) => Ok(()),
        Err(SystemViewError::Unimplemented) => Err(ClientRefused::NoRotationManager(mount.host())),
        Err(SystemViewError::Failed(text)) => Err(ClientRefused::NotRegistered(text)),
    }
}

pub(super) async fn deregister(mount: &Mount, request: &Request) -> Result<(), ClientRefused> {
    match mount.system_view().deregister_rotation_job(&request.mount_point, &request.path).await {
        // A host without the rotation manager has no job either.
        Ok(()) | Err(SystemViewError::Unimplemented) => Ok(()),
        Err(SystemViewError::Failed(text)) if text.contains(UNSUPPORTED) => Ok(()),
        Err(SystemViewError::Failed(text)) => Err(ClientRefused::NotDeregistered(text)),
    }
}
