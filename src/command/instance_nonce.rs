//! The nonce by which an instance proves to a server that it logged in there before.
//!
//! It is made before the first login and kept in a file, one for each server, mount and instance: an
//! image made of this machine must not log in with the nonce of this one.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use aws_lc_rs::digest::{SHA256, digest};
use vault_plugin_auth_aws::ports::{Random, SystemRandom};
use zeroize::Zeroizing;

use super::environment::Environment;
use super::exit::Failure;
use super::private_file;

/// Where it is kept, unless a file is named.
///
/// # Errors
/// There is no home folder.
pub(crate) fn default_file(
    environment: Environment,
    server: &str,
    namespace: &str,
    mount: &str,
    instance_id: &str,
) -> Result<PathBuf, Failure> {
    let state = environment
        .path("XDG_STATE_HOME")
        .or_else(|| environment.home().map(|home| home.join(".local/state")))
        .ok_or_else(|| {
            Failure::Usage("without HOME there is no place for the nonce; name one by -nonce-file".to_owned())
        })?;
    let who = [server, namespace, mount, instance_id].join("\n");
    let name: String =
        digest(&SHA256, who.as_bytes()).as_ref().iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    Ok(state.join(env!("CARGO_PKG_NAME")).join(format!("ec2-nonce-{name}")))
}

/// The nonce of this file, which is made if it is not there.
///
/// # Errors
/// The file cannot be read or made, or others may read it.
pub(crate) fn of_file(path: &Path) -> Result<Zeroizing<String>, Failure> {
    let failed = |what: &str, error: &io::Error| {
        Failure::Usage(format!("the nonce file {} cannot be {what}: {error}", path.display()))
    };
    if !path.exists() {
        if let Some(folder) = path.parent() {
            private_file::create_folder(folder).map_err(|error| failed("made", &error))?;
        }
        match private_file::create(path, made()?.as_bytes()) {
            // Another login was first; its nonce counts.
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(failed("made", &error)),
            _ => {}
        }
    }
    let metadata = fs::metadata(path).map_err(|error| failed("read", &error))?;
    if metadata.permissions().mode() & 0o077 != 0 {
        return Err(Failure::Usage(format!(
            "the nonce file {} can be read by others than its owner; whoever has the nonce can log in as this instance. \
             If nobody did: chmod 600",
            path.display()
        )));
    }
    let nonce = Zeroizing::new(fs::read_to_string(path).map_err(|error| failed("read", &error))?);
    let nonce = Zeroizing::new(nonce.trim().to_owned());
    if nonce.is_empty() {
        // An empty nonce would switch off logging in again, for good.
        return Err(Failure::Usage(format!("the nonce file {} is empty", path.display())));
    }
    Ok(nonce)
}

fn made() -> Result<Zeroizing<String>, Failure> {
    let mut bytes = Zeroizing::new([0; 32]);
    if !SystemRandom::default().fill(bytes.as_mut_slice()) {
        return Err(Failure::Usage("the system gives no random numbers".to_owned()));
    }
    Ok(Zeroizing::new(bytes.iter().map(|byte| format!("{byte:02x}")).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_stays_the_same_and_private() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a/b/nonce");
        let nonce = of_file(&path).unwrap();
        assert_eq!((nonce.len(), of_file(&path).unwrap()), (64, nonce));
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::metadata(path.parent().unwrap()).unwrap().permissions().mode() & 0o777, 0o700);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        assert!(of_file(&path).unwrap_err().to_string().contains("others"));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        fs::write(&path, "\n").unwrap();
        assert!(of_file(&path).unwrap_err().to_string().contains("empty"));
    }

    #[test]
    fn each_server_mount_and_instance_has_its_own() {
        let environment = Environment::of(|name| (name == "HOME").then(|| "/home/me".into()));
        let file = |mount: &str, instance: &str| {
            default_file(environment, "https://a", "", mount, instance).unwrap()
        };
        assert!(file("aws", "i-1").starts_with("/home/me/.local/state/vault-plugin-auth-aws"));
        assert_eq!(file("aws", "i-1"), file("aws", "i-1"));
        assert_ne!(file("aws", "i-1"), file("aws", "i-2"));
        assert_ne!(file("aws", "i-1"), file("aws2", "i-1"));
    }
}
