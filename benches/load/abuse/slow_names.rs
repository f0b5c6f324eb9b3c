//! Regions that nobody has: their host names are looked up, and a name server may take its time. They
//! come to another mount than that of the honest clients.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use serde_json::json;

use super::plan::{Pace, Plan};
use super::scene::Scene;
use testkit::aws::{Credentials, LoginOptions, sign_login};
use testkit::host::MountOptions;

const REGIONS: usize = 620;
/// Clients of a flood.
const CLIENTS: usize = 64;

/// A look-up that takes ten seconds for hosts of AWS, and for no other.
const SLOW: &str = r#"
#define _GNU_SOURCE
#include <dlfcn.h>
#include <netdb.h>
#include <string.h>
#include <unistd.h>
typedef int look_up(const char *, const char *, const struct addrinfo *, struct addrinfo **);
int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints, struct addrinfo **found) {
    if (node != NULL && strstr(node, "amazonaws.com") != NULL) {
        sleep(10);
        return EAI_NONAME;
    }
    look_up *real = (look_up *)dlsym(RTLD_NEXT, "getaddrinfo");
    return real(node, service, hints, found);
}
"#;

/// A library that looks names up so, to be loaded before all others; `None` without a C compiler. It has
/// no effect on programs that do without the system's C library.
pub(super) fn library() -> Option<PathBuf> {
    // One for all runs of the bench.
    let folder = std::env::temp_dir().join("vault-plugin-auth-aws-bench");
    std::fs::create_dir_all(&folder).ok()?;
    let (source, library) = (folder.join("slow.c"), folder.join("slow.so"));
    std::fs::write(&source, SLOW).ok()?;
    let compiled = Command::new("cc")
        .args(["-shared", "-fPIC", "-O1", "-o"])
        .args([&library, &source])
        .arg("-ldl")
        .stdin(Stdio::null())
        .status();
    if compiled.is_ok_and(|status| status.success()) {
        return Some(library);
    }
    crate::progress("abuse: no C compiler, so names cannot be made slow");
    None
}

pub(super) async fn plan(scene: &Scene) -> Plan {
    let mount = scene.stage.host.mount("regional", MountOptions::default()).await;
    let mut configuration = scene.stage.keys();
    configuration["use_sts_region_from_client"] = json!(true);
    mount.write("config/client", &configuration).await.expect(204);
    let login = |number: usize| {
        let credentials = Credentials {
            access_key_id: "AKIAIOSFODNN7EXAMPLE".to_owned(),
            secret_access_key: "unknown".to_owned(),
            session_token: None,
        };
        let region = format!("us-made-{number}");
        sign_login(&credentials, &LoginOptions::vault_cli().region(&region).role("absent"))
    };
    Plan { logins: (0..REGIONS).map(login).collect(), mount, paced: Pace::Once, clients: CLIENTS }
}
