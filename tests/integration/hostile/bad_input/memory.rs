//! How far one request can make the process grow.
//!
//! The kernel keeps the highest resident size of a process and forgets it on request. What counts is the
//! highest size during a request, less the size of the process before the first of them all: what an
//! earlier request has left behind in the allocator must not hide what a later one needs.

use std::future::Future;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::garbage::nested;
use crate::login_scene::{LoginScene, login_as};
use testkit::aws::{Fault, Instance, OTHER_ACCOUNT, RawAnswer};
use testkit::host::Host;
use testkit::proto::pb::Auth;

/// What one request may add to the process, in KiB.
const GROWTH_LIMIT: u64 = 32 * 1024;
/// Data of a request that the transport just lets pass, in bytes.
const LARGEST: usize = 4 * 1024 * 1024 - 4096;
/// The longest answer of AWS that is read.
const ANSWER: usize = 1024 * 1024;

/// Measures one process.
struct Meter {
    host: Host,
    /// Resident size before the first measurement, in KiB.
    before: u64,
    /// Growth by what caused it.
    measured: Vec<(u64, String)>,
}

impl Meter {
    fn new(host: &Host) -> Self {
        let before = host.rss_kib().expect("a running process");
        Self { host: host.clone(), before, measured: Vec::new() }
    }

    /// Measures the process while something is done.
    async fn measure<T>(&mut self, what: String, work: impl Future<Output = T>) -> T {
        let process = format!("/proc/{}", self.host.pid());
        let forget_the_peak = "5";
        // The plugin hides its memory, so only root may; where the peak is not forgotten, it is that of all so far,
        // which is no lower.
        let _ = std::fs::write(format!("{process}/clear_refs"), forget_the_peak);
        let result = work.await;
        let status = std::fs::read_to_string(format!("{process}/status")).expect("a running process");
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("the highest size");
        let peak: u64 = peak.trim().trim_end_matches("kB").trim().parse().expect("a number");
        self.measured.push((peak.saturating_sub(self.before), what));
        result
    }

    #[track_caller]
    fn assert_within_the_limit(mut self) {
        self.measured.sort_unstable_by(|one, other| other.cmp(one));
        self.measured.retain(|(grown, _)| *grown > GROWTH_LIMIT);
        assert!(self.measured.is_empty(), "KiB: {:#?}", self.measured);
    }
}

/// JSON text of about that many bytes: `begin`, then as many `piece`s as fit, then `end`.
fn filled(length: usize, begin: &str, piece: &str, end: &str) -> String {
    let count = (length - begin.len() - end.len()) / piece.len();
    format!("{begin}{}{end}", piece.repeat(count))
}

/// Request data as large as it gets, in the shapes that become large in memory.
fn large_data(field: &str) -> Vec<(String, String)> {
    let shapes = [
        ("text", format!("{{\"{field}\":\""), "x", "\"}"),
        ("escapes", format!("{{\"{field}\":\""), "\\u0041", "\"}"),
        ("two-byte escapes", format!("{{\"{field}\":\""), "\\n", "\"}"),
        ("base64", format!("{{\"{field}\":\""), "QUFB", "\"}"),
        ("commas", format!("{{\"{field}\":\""), ",", "\"}"),
        ("numbers", format!("{{\"{field}\":["), "0,", "0]}"),
        ("empty texts", format!("{{\"{field}\":["), "\"\",", "\"\"]}"),
        ("empty lists", format!("{{\"{field}\":["), "[],", "[]]}"),
        ("empty objects", format!("{{\"{field}\":["), "{},", "{}]}"),
        ("small objects", format!("{{\"{field}\":["), "{\"a\":0},", "{}]}"),
        ("unclosed lists", format!("{{\"{field}\":"), "[", ""),
        ("unclosed objects", format!("{{\"{field}\":"), "{\"\":", ""),
        ("one key again and again", "{".to_owned(), "\"a\":0,", "\"a\":0}"),
        ("blanks", "{".to_owned(), " ", "}"),
        ("a long number", format!("{{\"{field}\":"), "9", "}"),
        ("a number in the text", format!("{{\"{field}\":\""), "1.", "\"}"),
    ];
    let mut all: Vec<(String, String)> = shapes
        .into_iter()
        .map(|(name, begin, piece, end)| (name.to_owned(), filled(LARGEST, &begin, piece, end)))
        .collect();
    // Not one shape is worst at its longest: some are refused there, and pass below a limit.
    for count in [11_100, 49_990, 99_980] {
        all.push((format!("{count} objects"), format!("{{\"{field}\":[{}0]}}", "{},".repeat(count))));
        all.push((format!("{count} texts"), format!("{{\"{field}\":[{}0]}}", "\"\",".repeat(count))));
        all.push((format!("{count} lists"), format!("{{\"{field}\":[{}0]}}", "[],".repeat(count))));
        let members: Vec<String> = (0..count).map(|number| format!("\"{number}\":0")).collect();
        all.push((format!("{count} members"), format!("{{\"{field}\":{{{}}}}}", members.join(","))));
        all.push((format!("{count} fields"), format!("{{{}}}", members.join(","))));
        let texts: Vec<String> =
            (0..count).map(|_| format!("\"{}\"", "x".repeat(LARGEST / count - 4))).collect();
        all.push((format!("{count} long texts"), format!("{{\"{field}\":[{}]}}", texts.join(","))));
    }
    all.push(("depth".to_owned(), format!("{{\"{field}\":{}}}", nested(60))));
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn one_login_grows_the_process_within_the_limit() {
    let scene = LoginScene::open().await;
    let pid = scene.host.pid();
    scene.admitted(&scene.alice_login()).await;
    let mut meter = Meter::new(&scene.host);
    for field in ["iam_request_headers", "iam_request_body", "other"] {
        for (name, data) in large_data(field) {
            let request = scene.mount.request("update", "login", &Value::Null).data_text(&data);
            meter.measure(format!("{field}: {name}"), request.reply()).await.unwrap();
        }
    }
    // Within the limit of a login's data, with headers that pass every check of their own.
    let mut login = scene.alice_login();
    for count in [60, 64, 65, 5000] {
        let headers: Value = (0..count)
            .map(|number| (format!("H{number}"), json!("x".repeat(120_000 / count))))
            .collect::<serde_json::Map<_, _>>()
            .into();
        for headers in
            [headers.clone(), json!(headers.to_string()), json!(STANDARD.encode(headers.to_string()))]
        {
            login["iam_request_headers"] = headers;
            meter.measure(format!("{count} headers"), scene.mount.login_only(&login)).await;
        }
    }
    for (name, document) in large_documents() {
        let encoded = STANDARD.encode(document);
        for login in [
            json!({"role": "dev", "pkcs7": encoded}),
            json!({"role": "dev", "identity": encoded, "signature": "AAAA"}),
            json!({"role": "dev", "identity": "AAAA", "signature": encoded}),
        ] {
            let answer = meter.measure(name.to_owned(), scene.mount.login_only(&login)).await;
            assert!(answer.auth.is_none() && !answer.errors.is_empty(), "{name}: {answer:#?}");
        }
    }
    meter.assert_within_the_limit();
    scene.assert_alive(pid).await;
}

/// Documents and signatures as long as they get, in the shapes that are hard on parsers.
fn large_documents() -> Vec<(&'static str, Vec<u8>)> {
    const LENGTH: usize = 96 * 1024;
    let repeated = |piece: &[u8]| piece.repeat(LENGTH / piece.len());
    let long_form = |content: Vec<u8>| {
        let length = u32::try_from(content.len()).unwrap().to_be_bytes();
        [[0x30, 0x84].as_slice(), &length, &content].concat()
    };
    vec![
        ("nested sequences of no stated length", repeated(&[0x30, 0x80])),
        ("nested octet strings of no stated length", repeated(&[0x24, 0x80])),
        ("nested sequences of stated length", repeated(&[0x30, 0x84, 0x00, 0x01, 0x00, 0x00])),
        ("many nulls", long_form(repeated(&[0x05, 0x00])[..LENGTH - 16].to_vec())),
        ("many sequences", long_form(repeated(&[0x30, 0x00])[..LENGTH - 16].to_vec())),
        ("a length beyond all", vec![0x30, 0x88, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]),
        ("a long tag", repeated(&[0xff])),
        ("nested lists", repeated(b"[")),
        ("nested objects", repeated(b"{\"a\":")),
        ("line breaks", repeated(b"\n")),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn one_write_grows_the_process_within_the_limit() {
    let scene = LoginScene::open().await;
    let pid = scene.host.pid();
    scene.admitted(&scene.alice_login()).await;
    let mut meter = Meter::new(&scene.host);
    let paths = [
        ("role/large", "bound_ami_id"),
        ("role/large", "token_bound_cidrs"),
        ("config/client", "allowed_sts_header_values"),
        ("config/sts/111122223333", "sts_role"),
    ];
    for (path, field) in paths {
        for (name, data) in large_data(field) {
            let before = scene.mount.storage().entries();
            let request = scene.mount.request("update", path, &Value::Null).data_text(&data);
            meter.measure(format!("{path} {field}: {name}"), request.reply()).await.unwrap();
            // What was accepted is not part of the next measurement.
            for key in scene.mount.storage().keys() {
                match before.get(&key) {
                    Some(value) => scene.mount.storage().put(&key, value.clone()),
                    None => {
                        scene.mount.storage().remove(&key);
                    }
                }
                scene.mount.invalidate(&key).await.unwrap();
            }
        }
    }
    meter.assert_within_the_limit();
    scene.assert_alive(pid).await;
}

/// What comes back at a renewal is the server's own, but it is read like any request.
#[tokio::test(flavor = "multi_thread")]
async fn one_renewal_grows_the_process_within_the_limit() {
    let scene = LoginScene::open().await;
    let pid = scene.host.pid();
    let auth = scene.mount.login_only(&scene.alice_login()).await.auth.expect("an identity");
    let mut meter = Meter::new(&scene.host);
    for (name, internal_data) in large_data("role_name") {
        let auth = Auth { internal_data, ..auth.clone() };
        let request = scene.mount.request("renew", "login", &Value::Null).auth(auth).reply();
        let reply = meter.measure(name, request).await.unwrap();
        assert!(reply.response.is_none_or(|response| response.auth.is_none()));
    }
    meter.assert_within_the_limit();
    scene.assert_alive(pid).await;
}

/// Answers as long as they are read, in the shapes that become large in memory.
fn large_answers(root: &str) -> Vec<(String, Fault)> {
    let shapes = [
        ("elements", format!("<{root}>"), "<a/>", format!("</{root}>")),
        ("open elements", format!("<{root}>"), "<a>", String::new()),
        ("results", format!("<{root}>"), "<GetCallerIdentityResult/>", format!("</{root}>")),
        (
            "members",
            format!("<{root}><GetInstanceProfileResult><InstanceProfile><Roles>"),
            "<member/>",
            format!("</Roles></InstanceProfile></GetInstanceProfileResult></{root}>"),
        ),
        (
            "members with an ARN",
            format!("<{root}><GetInstanceProfileResult><InstanceProfile><Roles>"),
            "<member><Arn>a</Arn></member>",
            format!("</Roles></InstanceProfile></GetInstanceProfileResult></{root}>"),
        ),
        (
            "tags",
            format!("<{root}><reservationSet><item><instancesSet><item><tagSet>"),
            "<item><key>k</key></item>",
            format!("</tagSet></item></instancesSet></item></reservationSet></{root}>"),
        ),
        (
            "reservations",
            format!("<{root}><reservationSet>"),
            "<item/>",
            format!("</reservationSet></{root}>"),
        ),
        ("text", format!("<{root}>"), "x", format!("</{root}>")),
        ("references", format!("<{root}>"), "&#x41;", format!("</{root}>")),
        ("entities", format!("<{root}>"), "&amp;", format!("</{root}>")),
        ("CDATA", format!("<{root}>"), "<![CDATA[]]>", format!("</{root}>")),
        ("comments", format!("<{root}>"), "<!---->", format!("</{root}>")),
        ("attributes", format!("<{root} "), "a='' ", "/>".to_owned()),
        ("a long name", "<".to_owned(), "a", "/>".to_owned()),
        ("entity declarations", "<!DOCTYPE a [".to_owned(), "<!ENTITY a 'x'>", format!("]><{root}/>")),
        ("instructions", String::new(), "<?a?>", format!("<{root}/>")),
        ("blanks", String::new(), " ", format!("<{root}/>")),
        ("bytes that are no text", format!("<{root}>"), "\u{0}", format!("</{root}>")),
    ];
    let mut all: Vec<(String, Fault)> = shapes
        .into_iter()
        .map(|(name, begin, piece, end)| (name.to_owned(), Fault::xml(&filled(ANSWER, &begin, piece, &end))))
        .collect();
    let error = filled(
        ANSWER,
        "<ErrorResponse><Error><Code>X</Code><Message>",
        "x",
        "</Message></Error></ErrorResponse>",
    );
    for status in [400, 500] {
        let Fault::Answer(answer) = Fault::xml(&error) else { unreachable!() };
        all.push((format!("an error with {status}"), Fault::Answer(RawAnswer { status, ..answer })));
    }
    let headers = (0..90).map(|number| (format!("X-{number}"), "x".repeat(600))).collect();
    let body = vec![b' '; ANSWER];
    all.push((
        "headers".to_owned(),
        Fault::Answer(RawAnswer { status: 200, content_type: None, headers, body }),
    ));
    all.push(("an endless body".to_owned(), Fault::Endless));
    all.push(("more than is read".to_owned(), Fault::Oversized(4 * ANSWER)));
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn one_answer_of_aws_grows_the_process_within_the_limit() {
    let scene = LoginScene::open().await;
    let pid = scene.host.pid();
    let role = scene.aws.create_role("App");
    let profile = scene.aws.create_instance_profile("App", &[&role]);
    let id = "i-0123456789abcdef0";
    scene.aws.run_instance(Instance::with_id(id).profile(&profile));
    let session = scene.aws.session(&role, id);
    let inferred = json!({
        "auth_type": "iam",
        "inferred_entity_type": "ec2_instance",
        "inferred_aws_region": "us-east-1",
        "bound_iam_role_arn": role.arn,
    });
    scene.write_role("inferred", &inferred).await;
    let sts = json!({"sts_role": role.arn});
    scene.mount.write(&format!("config/sts/{OTHER_ACCOUNT}"), &sts).await.expect(204);
    scene.configure(&scene.mount, &json!({"max_retries": 0})).await;
    let login = login_as(&session.credentials, "inferred");
    scene.admitted(&login).await;

    let foreign = json!({"bound_iam_principal_arn": format!("arn:aws:iam::{OTHER_ACCOUNT}:user/x")});
    let own = json!({"bound_iam_principal_arn": role.arn});
    let mut meter = Meter::new(&scene.host);
    for action in ["GetCallerIdentity", "DescribeInstances", "GetInstanceProfile", "GetRole", "AssumeRole"] {
        for (name, fault) in large_answers(&format!("{action}Response")) {
            scene.aws.fault(action, 1, fault);
            let (path, data) = match action {
                "GetRole" => ("role/own", &own),
                "AssumeRole" => ("role/foreign", &foreign),
                _ => ("login", &login),
            };
            let request = scene.mount.request("update", path, data).send();
            let answer = meter.measure(format!("{action}: {name}"), request).await;
            assert!(matches!(answer.status, 400 | 500), "{action}: {name}: {answer:#?}");
            assert!(answer.auth.is_none());
            scene.aws.clear_faults();
        }
    }
    meter.assert_within_the_limit();
    scene.assert_alive(pid).await;
}
