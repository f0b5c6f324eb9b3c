//! Renewal of tokens of the ec2 login.

use crate::accounts::instance::look_up_running;
use crate::accounts::instance_batches::Wanted;
use crate::aws::arn::AccountId;
use crate::aws::deadline::Deadline;
use crate::entry::{AccessListEntry, StoredTime};
use crate::framework::Auth;
use crate::go::{GoDuration, Overflow};
use crate::login::ended::Ended;
use crate::login::token_data::{ENTRY_CONTENDED, ROLE_TAG_MAX_TTL, ec2_keys, left_behind};
use crate::login::token_life::MaxTtls;
use crate::mount::Mount;

use super::caller_of;

pub(crate) async fn renew(mount: &Mount, mut auth: Auth) -> Result<Auth, Ended> {
    let instance_id = left_behind(&auth, ec2_keys::INSTANCE_ID)?;
    let region = left_behind(&auth, ec2_keys::REGION)?;
    let account = AccountId::new(left_behind(&auth, ec2_keys::ACCOUNT_ID).unwrap_or(""));
    check_running(mount, &account, region, instance_id).await?;
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
    account: &AccountId,
    region: &str,
    instance_id: &str,
) -> Result<(), Ended> {
    let snapshot = mount.store().config_snapshot().await?;
    let look_up = mount.look_up(&snapshot, Deadline::start());
    let caller = caller_of(account, instance_id);
    look_up_running(look_up, account, region, Wanted { id: instance_id, caller: &caller, arrival: None })
        .await
        .map(|_| ())
        .map_err(|cause| Ended::Instance { id: instance_id.to_owned(), cause: Box::new(cause) })
}

/// How long the role tag of the login lets the token live; nothing where there was none.
fn tag_max_ttl(auth: &Auth) -> Result<GoDuration, Ended> {
    match auth.metadata.get(ROLE_TAG_MAX_TTL).map(String::as_str) {
        None | Some("") => Ok(GoDuration::ZERO),
        Some(text) => GoDuration::parse_field(text, Overflow::Refused).map_err(Ended::TagMaxTtl),
    }
}
