//! `config/certificate/<name>` and `config/certificates`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::under_test;
use testkit::host::{Answer, Host, Mount, PERFORMANCE_STANDBY, READ_ONLY};

const NOT_ONE_BLOCK: &str = "invalid certificate; should be one PEM block only";

/// A certificate that AWS publishes, by the algorithm of its key.
fn published(key: &str) -> String {
    let list: Vec<Value> =
        serde_json::from_str(include_str!("../../../data/aws-certificates/certificates.json")).unwrap();
    let entry = list.iter().find(|entry| entry["key"] == key).unwrap_or_else(|| panic!("none of {key}"));
    entry["pem"].as_str().unwrap().to_owned()
}

fn dsa() -> String {
    published("DSAPublicKey")
}

fn rsa() -> String {
    published("RSAPublicKey")
}

/// A certificate of a kind that AWS does not use, long expired.
fn elliptic_curve() -> String {
    let mut parameters = rcgen::CertificateParams::new(Vec::new()).unwrap();
    parameters.not_after = rcgen::date_time_ymd(2001, 1, 1);
    let certificate = parameters.self_signed(&rcgen::KeyPair::generate().unwrap()).unwrap();
    format!(
        "-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n",
        STANDARD.encode(certificate.der())
    )
}

fn base64(text: &str) -> String {
    STANDARD.encode(text)
}

struct Scene {
    _host: Host,
    mount: Mount,
}

impl Scene {
    async fn open() -> Self {
        let (host, mount) = under_test::mounted(under_test::open_bao()).await;
        Self { _host: host, mount }
    }

    async fn write(&self, name: &str, fields: &Value) -> Answer {
        self.mount.write(&format!("config/certificate/{name}"), fields).await
    }

    async fn read(&self, name: &str) -> Answer {
        self.mount.read(&format!("config/certificate/{name}")).await
    }

    async fn delete(&self, name: &str) -> Answer {
        self.mount.delete(&format!("config/certificate/{name}")).await
    }

    fn stored(&self, name: &str) -> Option<Value> {
        self.mount.storage().json(&format!("config/certificate/{name}"))
    }

    fn put(&self, name: &str, entry: &Value) {
        self.mount.storage().put_json(&format!("config/certificate/{name}"), entry);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn certificates_are_kept_as_pem_with_their_type() {
    let scene = Scene::open().await;
    let (dsa, rsa, curve) = (dsa(), rsa(), elliptic_curve());
    // Standard base64, in lines too, or the text itself.
    let lines: Vec<String> =
        base64(&dsa).as_bytes().chunks(64).map(|line| String::from_utf8_lossy(line).into_owned()).collect();
    for (name, supplied, kind, pem) in [
        ("dsa", base64(&dsa), None, &dsa),
        ("in-lines", lines.join("\r\n") + "\n", Some("pkcs7"), &dsa),
        ("rsa.plain", rsa.clone(), Some("IDENTITY"), &rsa),
        ("curve", base64(&curve), Some("Pkcs7"), &curve),
    ] {
        let mut fields = json!({"aws_public_cert": supplied});
        if let Some(kind) = kind {
            fields["type"] = json!(kind);
        }
        scene.write(name, &fields).await.expect(204);
        let expected = json!({"aws_public_cert": pem, "type": kind.unwrap_or("pkcs7").to_lowercase()});
        assert_eq!(scene.read(name).await.expect(200).data, expected, "{name}");
        assert_eq!(scene.stored(name).unwrap(), expected);
        let text = scene.mount.storage().get(&format!("config/certificate/{name}")).unwrap();
        assert!(text.starts_with(b"{\"aws_public_cert\":") && text.ends_with(b"}\n"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn names_are_listed_and_deleted_as_they_are_spelled() {
    let scene = Scene::open().await;
    let fields = json!({"aws_public_cert": dsa()});
    scene.mount.list("config/certificates").await.expect(404);
    scene.read("b").await.expect(404);
    for name in ["b", "B", "a.b-c_1"] {
        scene.write(name, &fields).await.expect(204);
    }
    for path in ["config/certificates", "config/certificates/"] {
        assert_eq!(scene.mount.list(path).await.expect(200).data, json!({"keys": ["B", "a.b-c_1", "b"]}));
    }
    for name in ["b", "absent"] {
        scene.delete(name).await.expect(204);
    }
    assert_eq!(
        scene.mount.list("config/certificates").await.expect(200).data["keys"],
        json!(["B", "a.b-c_1"])
    );
    for path in
        ["config/certificate", "config/certificate/", "config/certificate/-a", "config/certificate/a/b"]
    {
        assert_eq!(scene.mount.read(path).await.expect(404).error(), "unsupported path", "{path}");
    }
    scene.mount.ask("list", "config/certificate/b", &Value::Null).await.expect(405);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_refused_is_not_stored() {
    let scene = Scene::open().await;
    let pem = dsa();
    let garbled = "-----BEGIN CERTIFICATE-----\nAQID\n-----END CERTIFICATE-----\n";
    for (fields, status, text) in [
        (json!({}), 400, "missing aws_public_cert"),
        (json!({"type": "identity"}), 400, "missing aws_public_cert"),
        (json!({"type": "bogus"}), 400, "invalid certificate type \"bogus\""),
        (json!({"type": "BO\"GUS", "aws_public_cert": pem}), 400, "invalid certificate type \"bo\\\"gus\""),
        (json!({"type": "", "aws_public_cert": pem}), 400, "invalid certificate type \"\""),
        (json!({"aws_public_cert": ""}), 400, "invalid aws_public_cert"),
        (json!({"aws_public_cert": "\r\n"}), 400, "invalid aws_public_cert"),
        (json!({"aws_public_cert": "!!!"}), 500, NOT_ONE_BLOCK),
        (json!({"aws_public_cert": base64("junk")}), 500, NOT_ONE_BLOCK),
        (json!({"aws_public_cert": pem.repeat(2)}), 500, NOT_ONE_BLOCK),
        (json!({"aws_public_cert": format!("{pem}\n")}), 500, NOT_ONE_BLOCK),
        (json!({"aws_public_cert": base64(&format!("{pem}trailing"))}), 500, NOT_ONE_BLOCK),
    ] {
        let answer = scene.write("x", &fields).await.expect(status);
        assert_eq!(answer.error(), text, "{fields}");
        assert_eq!(scene.stored("x"), None, "{fields}");
    }
    let answer = scene.write("x", &json!({"aws_public_cert": garbled})).await.expect(500);
    assert!(answer.error().starts_with("x509: "), "{}", answer.error());
    assert_eq!(scene.stored("x"), None);
    // Text before the block and its label do not count.
    let odd = format!("some text\n{}", pem.replace("CERTIFICATE", "X"));
    scene.write("x", &json!({"aws_public_cert": odd})).await.expect(204);
    assert_eq!(scene.read("x").await.expect(200).data["aws_public_cert"], json!(odd));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_update_needs_the_certificate_again_and_keeps_the_type() {
    let scene = Scene::open().await;
    scene.write("x", &json!({"aws_public_cert": dsa(), "type": "identity"})).await.expect(204);
    let answer = scene.write("x", &json!({"type": "pkcs7"})).await.expect(400);
    assert_eq!(answer.error(), "missing aws_public_cert");
    assert_eq!(scene.stored("x").unwrap()["type"], "identity");
    scene.write("x", &json!({"aws_public_cert": rsa()})).await.expect(204);
    assert_eq!(scene.read("x").await.expect(200).data, json!({"aws_public_cert": rsa(), "type": "identity"}));
    // A type that nobody knows must be replaced.
    scene.put("y", &json!({"aws_public_cert": dsa(), "type": "later"}));
    let answer = scene.write("y", &json!({"aws_public_cert": rsa()})).await.expect(400);
    assert_eq!(answer.error(), "invalid certificate type \"later\"");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_entry_without_a_type_gets_it_when_it_is_read() {
    let scene = Scene::open().await;
    let old = json!({"aws_public_cert": dsa(), "from_a_later_version": [1]});
    for kind in [json!(null), json!("")] {
        let mut entry = old.clone();
        entry["type"] = kind;
        scene.put("old", &entry);
        assert_eq!(
            scene.read("old").await.expect(200).data,
            json!({"aws_public_cert": dsa(), "type": "pkcs7"})
        );
        entry["type"] = json!("pkcs7");
        assert_eq!(scene.stored("old").unwrap(), entry, "written back, with what is not known");
    }
    let puts = scene.mount.storage().counts().puts;
    scene.read("old").await.expect(200);
    assert_eq!(scene.mount.storage().counts().puts, puts, "once");

    // Where it cannot be written back, the host asks a node where it can.
    scene.put("old", &old);
    scene.mount.storage().set_read_only(true);
    scene.mount.system_view().update(|values| values.replication_state = PERFORMANCE_STANDBY);
    assert_eq!(scene.read("old").await.expect(500).error(), READ_ONLY);
    let fields = json!({"aws_public_cert": dsa()});
    let check =
        scene.mount.request("update", "config/certificate/old", &fields).existence_check().await.unwrap();
    assert!(check.check_found && check.exists && check.err.is_none(), "{check:?}");
    assert_eq!(scene.write("old", &fields).await.expect(500).error(), READ_ONLY);
    assert_eq!(scene.stored("old").unwrap(), old);
}
