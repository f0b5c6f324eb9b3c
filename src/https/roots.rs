//! Whom TLS trusts: the certificates of the system and those of `SSL_CERT_FILE`.

use std::path::Path;

use rustls::RootCertStore;
use rustls_native_certs::{CertificateResult, load_certs_from_paths, load_native_certs};

use super::environment::Environment;

/// All trusted certificates. What cannot be read is reported to the log, and is an error only if
/// nothing else is left.
pub(super) fn roots(environment: &Environment) -> Result<RootCertStore, String> {
    let mut found = CertificateResult::default();
    let mut add = |more: CertificateResult| {
        found.certs.extend(more.certs);
        found.errors.extend(more.errors);
    };
    let file = environment.certificate_file.as_deref();
    let directories = &environment.certificate_directories;
    if environment.system_certificates {
        system_certificates(file.is_some() || !directories.is_empty()).into_iter().for_each(&mut add);
    }
    add(load_certs_from_paths(file, None));
    for directory in directories {
        add(load_certs_from_paths(None, Some(directory)));
    }
    let defects: Vec<String> = found.errors.iter().map(ToString::to_string).collect();
    for defect in &defects {
        tracing::warn!("trusted certificates: {defect}");
    }
    found.certs.sort_unstable_by(|one, other| one.as_ref().cmp(other.as_ref()));
    found.certs.dedup();
    let mut roots = RootCertStore::empty();
    let (_, unusable) = roots.add_parsable_certificates(found.certs);
    if unusable > 0 {
        tracing::debug!("{unusable} certificates of the trust store cannot be used");
    }
    if roots.is_empty() {
        let named = file.map(Path::display).map(|file| format!(" and {file}")).unwrap_or_default();
        let detail = defects.first().map(|defect| format!(": {defect}")).unwrap_or_default();
        return Err(format!(
            "no trusted certificates found in the system{named}; install the system's CA certificates or \
             set SSL_CERT_FILE{detail}"
        ));
    }
    Ok(roots)
}

/// The certificates of the operating system. Where the environment names others, the loader of the
/// system's takes those instead, so its directories are read one by one.
fn system_certificates(environment_names_others: bool) -> Vec<CertificateResult> {
    if !environment_names_others {
        return vec![load_native_certs()];
    }
    openssl_probe::candidate_cert_dirs()
        .map(|directory| load_certs_from_paths(None, Some(directory)))
        .collect()
}
