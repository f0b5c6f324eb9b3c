//! Renewal of tokens of the ec2 login.

use crate::accounts::instance::look_up_running;
use crate::accounts::instance_batches::Wanted;
use crate::aws::arn::AccountId;
use crate::aws::deadline::Deadline;
use crate::aws::region::Region;
use crate::binding::organization::{binds_organization, check_organization};
use crate::entry::{AccessListEntry, StoredTime};
use crate::framework::Auth;
use crate::go::{GoDuration, Overflow};
use crate::login::ended::Ended;
use crate::login::token_data::{ENTRY_CONTENDED, ROLE, ROLE_TAG_MAX_TTL, ec2_keys, left_behind};
use crate::login::token_life::MaxTtls;
use crate::mount::Mount;
use crate::store::ConfigSnapshot;

use super::caller_of;

pub(crate) async fn renew(mount: &Mount, mut auth: Auth) -> Result<Auth, Ended> {
    let instance_id = left_behind(&auth, ec2_keys::INSTANCE_ID)?;
    let region = left_behind(&auth, ec2_keys::REGION)?;
    let account = AccountId::new(left_behind(&auth, ec2_keys::ACCOUNT_ID).unwrap_or(""));
    let snapshot = mount.store().config_snapshot().await?;
    check_running(mount, &snapshot, &account, region, instance_id).await?;
    check_organization_again(mount, &snapshot, &auth, &account, region).await?;
    let tag_max_ttl = tag_max_ttl(&auth)?;
    let key = AccessListEntry::key(instance_id);
    let _turn = mount.store().turn(&key).await;
    let mut change = mount.begin_change(&key, ENTRY_CONTENDED);
    loop {
        let loaded = change.load::<AccessListEntry>().await?;
        let mut entry = loaded.entry.clone().ok_or_else(|| Ended::AccessList(instance_id.to_owned()))?;
        let role = mount.role(&entry.role).await?.ok_or(Ended::RoleGone)?;
        let ttls = MaxTtls::of(mount, &role, tag_max_ttl).await?;
        let now = StoredTime::from(mount.world().clock.now());
        entry.last_updated_time = now;
        entry.expiration_time = now.plus(ttls.longest);
        if change.write(&loaded, &entry).await? {
            auth.lease.ttl = role.token.token_ttl;
            auth.lease.max_ttl = ttls.shortest;
            auth.period = role.token.token_period;
            return Ok(auth);
        }
    }
}

async fn check_running(
    mount: &Mount,
    snapshot: &ConfigSnapshot,
    account: &AccountId,
    region: &str,
    instance_id: &str,
) -> Result<(), Ended> {
    let look_up = mount.look_up(snapshot, Deadline::start());
    let caller = caller_of(account, instance_id);
    look_up_running(look_up, account, region, Wanted { id: instance_id, caller: &caller, arrival: None })
        .await
        .map(|_| ())
        .map_err(|cause| Ended::Instance { id: instance_id.to_owned(), cause: Box::new(cause) })
}

/// In strict mode, that the account of the instance is still one of those that the role of the login binds. That
/// role and the one of the access list, which gives the times, may be two.
async fn check_organization_again(
    mount: &Mount,
    snapshot: &ConfigSnapshot,
    auth: &Auth,
    account: &AccountId,
    region: &str,
) -> Result<(), Ended> {
    let of_mount = snapshot.config.iam_strict_request;
    let role_name = match left_behind(auth, ROLE) {
        Ok(name) => name,
        Err(_) if !of_mount => return Ok(()),
        Err(error) => return Err(error.into()),
    };
    let role = match mount.role(role_name).await? {
        Some(role) => role,
        None if !of_mount => return Ok(()),
        None => return Err(Ended::RoleGone),
    };
    let is_strict = of_mount || role.iam_strict_request;
    // The instance was described, so its region is one.
    let (true, true, Some(region)) = (is_strict, binds_organization(&role), Region::parse(region)) else {
        return Ok(());
    };
    let look_up = mount.look_up(snapshot, Deadline::start());
    let checked = check_organization(look_up, &role, role_name, region.partition(), account).await;
    checked.map_err(|error| Ended::Organization(Box::new(error)))
}

/// How long the role tag of the login lets the token live; nothing where there was none.
fn tag_max_ttl(auth: &Auth) -> Result<GoDuration, Ended> {
    match auth.metadata.get(ROLE_TAG_MAX_TTL).map(String::as_str) {
        None | Some("") => Ok(GoDuration::ZERO),
        Some(text) => GoDuration::parse_field(text, Overflow::Refused).map_err(Ended::TagMaxTtl),
    }
}
