use std::collections::BTreeSet;

use aws_lc_rs::digest::{SHA256, digest};

use super::super::signature::Curve;
use super::*;

/// Every member of the published list.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    sha256: String,
    kind: String,
    regions: Vec<String>,
    not_after: String,
    key: String,
    pem: String,
}

fn entries() -> Vec<Entry> {
    serde_json::from_str(BUILT_IN).unwrap()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn every_built_in_certificate_parses_and_has_its_fingerprint() {
    let entries = entries();
    assert_eq!((entries.len(), built_in().len()), (88, 88));
    for entry in &entries {
        let der = pem::single_block(&entry.pem).unwrap();
        assert_eq!(hex(digest(&SHA256, &der).as_ref()), entry.sha256);
        let certificate = TrustedCertificate::from_pem(&entry.pem).unwrap();
        let key = match certificate.key {
            PublicKey::Rsa(_) => "RSAPublicKey",
            PublicKey::Dsa(_) => "DSAPublicKey",
            PublicKey::Ec(..) | PublicKey::Other => "other",
        };
        assert_eq!(key, entry.key, "{}", entry.sha256);
        let end = time::OffsetDateTime::UNIX_EPOCH + certificate.validity.1;
        assert_eq!(end.date().to_string(), entry.not_after, "{}", entry.sha256);
        assert!(certificate.validity.0 < certificate.validity.1);
        assert!(["pkcs7", "signature", "rsa2048"].contains(&entry.kind.as_str()));
        assert!(entry.regions.len() <= 1);
    }
    let fingerprints: BTreeSet<_> = entries.iter().map(|entry| &entry.sha256).collect();
    assert_eq!(fingerprints.len(), 88);
}

#[test]
fn issuer_and_serial_number_name_one_certificate() {
    let names: BTreeSet<_> =
        built_in().iter().map(|known| (&known.certificate.issuer, &known.certificate.serial)).collect();
    assert_eq!(names.len(), built_in().len());
}

#[test]
fn what_the_built_in_method_trusts_is_trusted() {
    let serials: BTreeSet<_> = built_in()
        .iter()
        .map(|known| hex(&known.certificate.serial).trim_start_matches('0').to_uppercase())
        .collect();
    for serial in [
        "96BA48D9E55E1A67",
        "8EECC25EE58DD52E",
        "9558881298FF1185",
        "A771B0AD41B8EECB",
        "8C1251CF7701B7EE",
        "176D50C48A4",
        "F7C99D70D405644F",
        "A9CBE1410330DFC5",
        "ED42F915C51BCAF5",
        "C97AB8857FCEA245",
        "ABA67D9891ACDBC7",
        "E67718421A0DCBA0",
        "176D50C6DB2",
        "90BBDEED78A443E3",
        "87BD1E7ABCD8EED4",
    ] {
        assert!(serials.contains(serial), "{serial}");
    }
}

/// How many built-in certificates may vouch for a document of a region: in a message, beside it.
fn pools(region: &str) -> (usize, usize) {
    (Pool::of_messages(region, &[]).iter().count(), Pool::of_detached_signatures(region, &[]).iter().count())
}

#[test]
fn a_region_has_few_certificates() {
    // Its two, and those of which the region is not known: five of RSA, six of DSA.
    for entry in entries() {
        for region in &entry.regions {
            let expected = if region == "cn-northwest-1" { 82 } else { 7 };
            assert_eq!(pools(region), (13 - usize::from(region == "cn-northwest-1"), expected), "{region}");
        }
    }
    for region in ["xx-new-1", "", "evil.example"] {
        assert_eq!(pools(region), (88, 82), "{region}");
    }
}

#[test]
fn a_certificate_of_another_region_is_in_no_pool() {
    let of = |region: &str| {
        let known = built_in().iter().find(|known| known.names(region) && !known.signs_detached).unwrap();
        hex(&known.certificate.serial)
    };
    let has = |region: &str, serial: &str| {
        Pool::of_messages(region, &[]).iter().any(|trusted| hex(&trusted.serial) == serial)
    };
    assert!(has("us-east-1", &of("us-east-1")) && !has("us-east-1", &of("eu-west-1")));
    assert!(has("eu-west-1", &of("eu-west-1")) && !has("eu-west-1", &of("us-east-1")));
}

#[test]
fn stored_certificates_come_first_and_all_keys_have_an_end() {
    let stored = vec![TrustedCertificate::from_pem(RSA).unwrap(); 2];
    let pool = Pool::of_detached_signatures("us-east-1", &stored);
    let first: Vec<_> = pool.iter().take(2).map(|trusted| &trusted.serial).collect();
    assert_eq!((first, pool.iter().count()), (vec![&stored[0].serial, &stored[1].serial], 9));
    let many = vec![TrustedCertificate::from_pem(RSA).unwrap(); 1_000];
    assert_eq!(Pool::of_detached_signatures("us-east-1", &many).iter().count(), MAX_KEYS);
    let none = vec![TrustedCertificate::from_pem(DSA).unwrap(), TrustedCertificate::from_pem(EC).unwrap()];
    assert_eq!(Pool::of_detached_signatures("us-east-1", &none).iter().count(), 7);
}

const RSA: &str = include_str!("../../../../tests/data/identity-documents/rsa2048.pem");
const DSA: &str = include_str!("dsa1024.pem");
const EC: &str = include_str!("ecp384.pem");

#[test]
fn the_kind_of_key_is_known() {
    assert!(matches!(TrustedCertificate::from_pem(DSA).unwrap().key, PublicKey::Dsa(_)));
    assert!(matches!(TrustedCertificate::from_pem(EC).unwrap().key, PublicKey::Ec(Curve::P384, _)));
}

#[test]
fn one_certificate_in_one_block_is_asked_for() {
    let text = |pem: &str| TrustedCertificate::from_pem(pem).map(|_| ()).unwrap_err().to_string();
    let one_block = "invalid certificate; should be one PEM block only";
    assert_eq!(text(""), one_block);
    assert_eq!(text(&DSA.repeat(2)), one_block);
    assert_eq!(text(&format!("{DSA}x")), one_block);
    assert!(TrustedCertificate::from_pem(&DSA.replace("CERTIFICATE", "ANYTHING")).is_ok());
    assert!(TrustedCertificate::from_pem(&format!("before\n{DSA}")).is_ok());

    assert!(text("-----BEGIN X-----\nAQID\n-----END X-----").starts_with("x509: malformed certificate: "));
    let mut trailing = pem::single_block(DSA).unwrap();
    trailing.push(0);
    assert!(TrustedCertificate::from_der(&trailing).is_err());
}

#[test]
fn a_damaged_certificate_never_panics() {
    for pem in [DSA, EC] {
        let der = pem::single_block(pem).unwrap();
        for position in 0..der.len() {
            for byte in [0x00, 0x01, 0x30, 0x7f, 0x80, 0xff] {
                let mut damaged = der.clone();
                damaged[position] = byte;
                // Only that it returns counts.
                let _ = TrustedCertificate::from_der(&damaged);
            }
            let _ = TrustedCertificate::from_der(&der[..position]);
        }
    }
}
