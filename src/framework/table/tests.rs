use std::sync::atomic::Ordering;

use serde_json::{Map, json};

use super::*;
use crate::framework::test_routes::{Broken, TestBackend, request, route, table};
use crate::framework::{ErrorKind, Field, FieldKind};

async fn answer(backend: &TestBackend, operation: Operation, path: &str, data: &str) -> Reply {
    table().handle(backend, request(operation, path, data)).await
}

fn refusal(text: &str) -> Reply {
    Reply::Refusal { text: text.to_owned(), kind: None }
}

fn error(kind: ErrorKind, text: &str) -> Reply {
    Reply::Error { kind, text: text.to_owned() }
}

fn echoed(reply: Reply) -> (Value, Vec<String>) {
    match reply {
        Reply::Answer(response) => (response.data.map_or(Value::Null, Value::Object), response.warnings),
        other => panic!("no answer: {other:?}"),
    }
}

#[test]
fn the_first_matching_route_wins() {
    let table = table();
    for (path, expected) in [
        ("login", Some(("login$", vec![]))),
        ("role", Some(("role/?", vec![]))),
        ("role/", Some(("role/?", vec![]))),
        ("role/dev", Some((r"role/(?P<role>\w(([\w-.]+)?\w)?)", vec![("role", "dev")]))),
        ("role/Dev-1.x/tag", Some((r"role/(?P<role>\w(([\w-.]+)?\w)?)/tag$", vec![("role", "Dev-1.x")]))),
        ("roletag-denylist/", Some(("roletag-denylist/?", vec![]))),
        ("roletag-denylist/a/b==", Some(("roletag-denylist/(?P<role_tag>.*)", vec![("role_tag", "a/b==")]))),
        ("optional", Some((r"optional(/(?P<name>\w(([\w-.]+)?\w)?))?", vec![("name", "")]))),
        ("optional/x", Some((r"optional(/(?P<name>\w(([\w-.]+)?\w)?))?", vec![("name", "x")]))),
        ("", None),
        ("login/", None),
        ("/login", None),
        ("role/-dev", None),
        ("role/dev/tag/", None),
    ] {
        let found = table.find(path).map(|(route, captures)| (route.pattern, captures));
        let expected = expected.map(|(pattern, captures)| {
            (pattern, captures.into_iter().map(|(name, value)| (name, value.to_owned())).collect())
        });
        assert_eq!(found, expected, "{path}");
    }
}

#[test]
fn mistakes_in_routes_are_found_when_the_table_is_made() {
    const NAME: Field = Field::new("name", FieldKind::Name, "");
    const BAD_DEFAULT: Field = Field::new("name", FieldKind::Name, "").default_json("x");
    let good = || route("x/(?P<name>.*)", &[NAME], &[Operation::Create, Operation::Update]);
    let cases: Vec<(Route<TestBackend>, Option<&str>)> = vec![
        (good(), None),
        (Route { pattern: "x/(", ..good() }, Some("^x/($: ")),
        (Route { fields: &[], ..good() }, Some("^x/(?P<name>.*)$: capture name is no field")),
        (Route { fields: &[NAME, NAME], ..good() }, Some("^x/(?P<name>.*)$: field name stands twice")),
        (
            Route { fields: &[BAD_DEFAULT], ..good() },
            Some("^x/(?P<name>.*)$: default of field name is not JSON"),
        ),
        (route("x", &[], &[Operation::Read, Operation::Read]), Some("^x$: operation read stands twice")),
        (
            Route {
                existence_check: Some(|_, _, _| Box::pin(async { Ok(true) })),
                ..route("x", &[], &[Operation::Update])
            },
            Some("^x$: an existence check needs create and update"),
        ),
    ];
    for (route, expected) in cases {
        let result = RouteTable::new(HostFlavor::OpenBao, vec![route]).err();
        match expected {
            None => assert_eq!(result, None),
            Some(start) => {
                assert!(result.as_ref().is_some_and(|text| text.starts_with(start)), "{result:?}")
            }
        }
    }
}

#[tokio::test]
async fn unknown_paths_and_operations_are_told_apart() {
    let backend = TestBackend::default();
    let path = || error(ErrorKind::UnsupportedPath, "unsupported path");
    let operation = || error(ErrorKind::UnsupportedOperation, "unsupported operation");
    for (op, name, expected) in [
        (Operation::Read, "nope", path()),
        (Operation::Help, "nope", path()),
        (Operation::Update, "login/x", path()),
        (Operation::Read, "login", operation()),
        (Operation::List, "role/dev", operation()),
        (Operation::Read, "role/", operation()),
        (Operation::Patch, "role/dev", operation()),
        (Operation::Header, "role/dev", operation()),
        (Operation::Scan, "role/", operation()),
        (Operation::Renew, "login", operation()),
    ] {
        // Not even the data is looked at.
        assert_eq!(answer(&backend, op, name, "no JSON").await, expected, "{op:?} {name}");
    }
    assert_eq!(backend.calls.load(Ordering::Relaxed), 0);
}

#[tokio::test]
async fn fields_reach_the_handler_converted_and_captures_win() {
    let backend = TestBackend::default();
    let reply = answer(
        &backend,
        Operation::Update,
        "role/dev",
        r#"{"role":"prod","ttl":"1h","token_policies":"a, b","max_retries":null,"zeta":1,"alpha":2}"#,
    )
    .await;
    let (data, warnings) = echoed(reply);
    assert_eq!(data, json!({"role": "dev", "ttl": 3600, "token_policies": ["a", "b"], "max_retries": 0}));
    assert_eq!(
        warnings,
        [
            "Endpoint ignored these unrecognized parameters: [alpha zeta]",
            "Endpoint replaced the value of these parameters with the values captured from the \
             endpoint's path: [role]",
        ]
    );
}

#[tokio::test]
async fn null_members_are_supplied_except_durations_and_do_not_count_as_replaced() {
    let backend = TestBackend::default();
    let data = r#"{"role":null,"ttl":null,"token_policies":null}"#;
    let (data, warnings) = echoed(answer(&backend, Operation::Update, "role/dev", data).await);
    assert_eq!(data, json!({"role": "dev", "token_policies": []}));
    assert_eq!(warnings, Vec::<String>::new());
}

#[tokio::test]
async fn an_optional_group_without_a_part_supplies_empty_text() {
    let backend = TestBackend::default();
    let (data, _) = echoed(answer(&backend, Operation::Read, "optional", "null").await);
    assert_eq!(data, json!({"name": ""}));
}

#[tokio::test]
async fn warnings_need_a_response() {
    let backend = TestBackend::default();
    let reply = answer(&backend, Operation::Delete, "role/dev", r#"{"zeta":1}"#).await;
    assert_eq!(reply, Reply::Empty);
}

#[tokio::test]
async fn warnings_stand_beside_an_identity_too() {
    let backend = TestBackend::default();
    let Reply::Answer(response) = answer(&backend, Operation::Update, "login", r#"{"zeta":1}"#).await else {
        panic!("no answer");
    };
    assert!(response.auth.is_some());
    assert_eq!(response.warnings, ["Endpoint ignored these unrecognized parameters: [zeta]"]);
}

#[tokio::test]
async fn a_handler_finds_of_the_data_what_the_route_read_and_its_digest() {
    const FIELDS: &[Field] = &[Field::new("name", FieldKind::String, "")];
    let mut route = route("digest", FIELDS, &[Operation::Update]);
    for endpoint in &mut route.endpoints {
        endpoint.handler = |_, request, fields| {
            let seen =
                json!({"data": request.data, "digest": request.data_digest, "name": fields.text("name")});
            Box::pin(async move { Ok(Some(Response::with_data(seen.as_object().cloned().unwrap()))) })
        };
    }
    let table = RouteTable::new(HostFlavor::Vault, vec![route]).unwrap();
    let mut digests = Vec::new();
    for data in [r#"{"name":"a"}"#, r#"{"name":"a"}"#, r#"{"name": "a"}"#] {
        let request = request(Operation::Update, "digest", data);
        let reply = table.handle(&TestBackend::default(), request).await;
        let Reply::Answer(response) = reply else { panic!("no answer") };
        let seen = response.data.unwrap();
        assert_eq!((&seen["data"], &seen["name"]), (&json!(""), &json!("a")));
        digests.push(seen["digest"].clone());
    }
    assert_eq!(digests[0], digests[1]);
    assert_ne!(digests[0], digests[2]);
}

/// The answer without content to data, where members with nearly the name of a field are told of.
async fn answer_of_silence(operation: Operation, data: &str) -> Reply {
    const FIELDS: &[Field] = &[
        Field::new("name", FieldKind::String, ""),
        Field::new("access_key", FieldKind::String, ""),
        Field::new("secret_key", FieldKind::String, ""),
    ];
    let mut route = route("silent/(?P<name>[a-z]+)", FIELDS, &[operation]);
    route.warns_of_unknown_fields = true;
    for endpoint in &mut route.endpoints {
        endpoint.handler = |_, _, _| Box::pin(async { Ok(None) });
    }
    let table = RouteTable::new(HostFlavor::Vault, vec![route]).unwrap();
    table.handle(&TestBackend::default(), request(operation, "silent/a", data)).await
}

#[tokio::test]
async fn a_member_with_nearly_the_name_of_a_field_is_told_of() {
    for operation in [Operation::Create, Operation::Update] {
        let data = r#"{"acess_key":"hunter2","secret_key":"s","Secret-Key":1}"#;
        let Reply::Answer(response) = answer_of_silence(operation, data).await else { panic!("no answer") };
        let expected = [
            "unrecognized parameter \"Secret-Key\" was ignored; did you mean \"secret_key\"?",
            "unrecognized parameter \"acess_key\" was ignored; did you mean \"access_key\"?",
        ];
        assert_eq!(
            *response,
            Response { warnings: expected.map(str::to_owned).into(), ..Response::default() }
        );
    }
    // Once there is an answer, it says what others say too.
    let data = r#"{"acess_key":1,"zeta":2,"name":"b"}"#;
    let Reply::Answer(response) = answer_of_silence(Operation::Update, data).await else {
        panic!("no answer")
    };
    assert_eq!(
        response.warnings,
        [
            "unrecognized parameter \"acess_key\" was ignored; did you mean \"access_key\"?",
            "Endpoint ignored these unrecognized parameters: [zeta]",
            "Endpoint replaced the value of these parameters with the values captured from the \
             endpoint's path: [name]",
        ]
    );
}

#[tokio::test]
async fn other_members_and_other_operations_stay_without_an_answer() {
    // The path says what `name` is, so nobody meant that.
    for data in [r#"{"zeta":1}"#, r#"{"names":1}"#, r#"{"access_key":1}"#, "{}"] {
        assert_eq!(answer_of_silence(Operation::Update, data).await, Reply::Empty, "{data}");
    }
    for operation in [Operation::Delete, Operation::Read, Operation::List] {
        assert_eq!(answer_of_silence(operation, r#"{"acess_key":1}"#).await, Reply::Empty);
    }
}

#[tokio::test]
async fn what_is_told_of_misspelt_members_is_bounded() {
    let name = format!("access{}key", "_".repeat(1000));
    let data = json!({ name: 1 }).to_string();
    let Reply::Answer(response) = answer_of_silence(Operation::Update, &data).await else {
        panic!("no answer")
    };
    let shown = format!("access{}", "_".repeat(58));
    assert_eq!(
        response.warnings,
        [format!("unrecognized parameter \"{shown}\" was ignored; did you mean \"access_key\"?")]
    );

    let many: Map<String, Value> =
        (0..20).map(|n| (format!("access{}key", "_".repeat(n + 2)), json!(1))).collect();
    let data = Value::Object(many).to_string();
    let Reply::Answer(response) = answer_of_silence(Operation::Update, &data).await else {
        panic!("no answer")
    };
    assert_eq!(response.warnings.len(), 17, "sixteen, and one line for the rest");
    assert!(response.warnings[16].starts_with("Endpoint ignored these unrecognized parameters: [access_"));
}

#[tokio::test]
async fn data_that_does_not_convert_is_refused() {
    let backend = TestBackend::default();
    for (path, data, expected) in [
        (
            "role/dev",
            r#"{"ttl":-5}"#,
            "Field validation failed: error converting input for field \"ttl\": cannot provide negative \
             value '-5'",
        ),
        (
            "role/dev",
            r#"{"role":"x","max_retries":"secret","ttl":"secret"}"#,
            "Field validation failed: error converting input for field \"ttl\": time: invalid duration",
        ),
        ("role/dev", "[]", "request data is not a JSON object"),
        ("login", &json!({"role": "x".repeat(600)}).to_string(), "request data is longer than 512 bytes"),
    ] {
        assert_eq!(answer(&backend, Operation::Update, path, data).await, refusal(expected));
    }
    // The longer data is fine where the route sets no limit.
    let long = json!({"x": "x".repeat(600)}).to_string();
    assert!(matches!(answer(&backend, Operation::Update, "role/dev", &long).await, Reply::Answer(_)));
}

#[tokio::test]
async fn endpoints_that_write_go_to_a_node_that_can() {
    let backend = TestBackend { read_only: true, ..TestBackend::default() };
    assert_eq!(
        answer(&backend, Operation::Update, "config/client", "no JSON").await,
        error(ErrorKind::Unknown, "cannot write to readonly storage")
    );
    assert_eq!(answer(&backend, Operation::Delete, "config/client", "null").await, Reply::Empty);
    let backend = TestBackend::default();
    assert!(matches!(answer(&backend, Operation::Update, "config/client", "null").await, Reply::Answer(_)));
}

#[tokio::test]
async fn the_existence_check_decides_between_create_and_update() {
    let backend = TestBackend::default();
    let failed = |status, code, text: &'static str| Err((status, code, text));
    let user = |code, text| failed(Status::User, code, text);
    for (operation, path, data, expected) in [
        (Operation::Update, "role/dev", "null", Ok(Existence::Exists(true))),
        (Operation::Update, "role/new", "null", Ok(Existence::Exists(false))),
        (Operation::Create, "role/new", "null", Ok(Existence::Exists(false))),
        (Operation::Update, "role/broken", "null", Ok(Existence::Failed(Failure::internal(&Broken)))),
        (Operation::Update, "login", "null", Ok(Existence::NotChecked)),
        (Operation::Update, "nope", "null", Ok(Existence::Failed(Failure::unsupported_path()))),
        (
            Operation::Update,
            "role/dev",
            r#"{"ttl":-5}"#,
            user(
                Code::FieldValue,
                "error converting input for field \"ttl\": cannot provide negative value '-5'",
            ),
        ),
        (Operation::Update, "role/dev", "[]", user(Code::RequestData, "request data is not a JSON object")),
        (
            Operation::Read,
            "role/dev",
            "null",
            failed(
                Status::Internal,
                Code::HostProtocol,
                "incorrect operation type read for an existence check",
            ),
        ),
    ] {
        let checked = table().existence_check(&backend, &request(operation, path, data)).await;
        match (checked, expected) {
            (checked, Ok(expected)) => assert_eq!(checked, expected, "{operation:?} {path} {data}"),
            (Existence::Failed(failure), Err(expected)) => {
                let seen = (failure.status(), failure.code(), failure.text());
                assert_eq!(seen, expected, "{operation:?} {path} {data}");
            }
            (checked, Err(expected)) => panic!("{operation:?} {path} {data}: {checked:?}, not {expected:?}"),
        }
    }
}

#[tokio::test]
async fn help_is_answered_for_every_path_and_any_data() {
    let backend = TestBackend::default();
    for data in ["", "null", "no JSON", "[]", r#"{"requestResponsePrefix":5,"ttl":-5}"#] {
        for path in ["", "login", "role/dev", "role/dev/tag", "optional"] {
            let (answer, warnings) = echoed(answer(&backend, Operation::Help, path, data).await);
            let keys: Vec<&str> = answer.as_object().unwrap().keys().map(String::as_str).collect();
            assert_eq!(keys, ["help", "openapi", "see_also"], "{path}");
            assert!(answer["see_also"].is_null() && answer["help"].is_string());
            assert_eq!(warnings, Vec::<String>::new());
        }
    }
}
