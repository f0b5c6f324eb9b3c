//! What the API says about itself, through `path-help` and OpenAPI documents: clients and user
//! interfaces are generated from it.
//!
//! The texts of all paths are committed under `tests/data/openapi`. After an intended change,
//! `UPDATE_OPENAPI=1 cargo test --test integration openapi` writes them anew; the difference is for
//! the commit to show.

mod committed;
mod document;
mod routes;

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::under_test;
use testkit::host::{Answer, Mount};

use document::{Document, Schema};
use routes::{Expected, ROUTES};

/// The parts of a help answer, which has no others.
fn parts(answer: Answer) -> (String, Value) {
    let mut data = answer.expect(200).data;
    let members = data.as_object_mut().expect("an object");
    let (help, openapi) = (members.remove("help"), members.remove("openapi"));
    assert_eq!(data, json!({"see_also": null}));
    (help.unwrap().as_str().expect("help is text").to_owned(), openapi.unwrap())
}

/// The document as the host asks for it when it describes all its mounts.
async fn whole_document(mount: &Mount) -> Value {
    let data = json!({"requestResponsePrefix": "aws"});
    parts(mount.request("help", "", &data).without_connection().send().await).1
}

fn pretty(document: &Value) -> String {
    serde_json::to_string_pretty(document).unwrap() + "\n"
}

/// A field that roles have on OpenBao alone, and its part of the help.
const OF_OPENBAO: &str = "token_strictly_bind_ip";
const HELP_OF_OPENBAO: &str = "    token_strictly_bind_ip (bool)\n\n        \
                               Whether a token may be used only from the address of its login.\n\n";

fn is_listed(path: &Value) -> bool {
    path["get"]["parameters"][0]["name"] == "list"
}

/// OpenBao's document as it must be on Vault.
fn as_on_vault(document: &Value, info: &Value) -> Value {
    let mut document = document.clone();
    document["info"] = info.clone();
    let paths = document["paths"].as_object_mut().unwrap();
    *paths = std::mem::take(paths)
        .into_iter()
        .map(|(name, path)| (if is_listed(&path) { format!("{name}/") } else { name }, path))
        .collect();
    let role = &mut document["components"]["schemas"]["AwsWriteAuthRoleRequest"]["properties"];
    role.as_object_mut().unwrap().remove(OF_OPENBAO).expect("OpenBao has the field");
    document
}

#[tokio::test(flavor = "multi_thread")]
async fn documents_are_as_committed() {
    let (_open_bao, of_open_bao) = under_test::mounted(under_test::open_bao()).await;
    let (_vault, of_vault) = under_test::mounted(under_test::vault()).await;
    let document = whole_document(&of_open_bao).await;
    committed::compare("openbao.json", &pretty(&document));
    let other = whole_document(&of_vault).await;
    committed::compare("vault-info.json", &pretty(&other["info"]));
    let expected = as_on_vault(&document, &other["info"]);
    assert_eq!(other, expected, "the servers' documents differ in more than is known");
    // Help on the mount names no prefix; no operation id depends on it.
    assert_eq!(parts(of_open_bao.help("").await).1, document);
}

#[tokio::test(flavor = "multi_thread")]
async fn help_is_as_committed() {
    let (_open_bao, of_open_bao) = under_test::mounted(under_test::open_bao()).await;
    let (_vault, of_vault) = under_test::mounted(under_test::vault()).await;
    let mut names = vec!["help/mount.txt".to_owned()];
    let mut paths = vec![String::new()];
    for route in ROUTES {
        names.push(format!("help/{}.txt", route.template.replace('/', "-").replace(['{', '}'], "")));
        paths.push(route.example());
    }
    for (name, path) in names.iter().zip(&paths) {
        let (text, _) = parts(of_open_bao.help(path).await);
        committed::compare(name, &format!("{text}\n"));
        assert_eq!(text.contains(HELP_OF_OPENBAO), path == "role/example", "{path}");
        assert_eq!(parts(of_vault.help(path).await).0, text.replace(HELP_OF_OPENBAO, ""), "{path}");
    }
    committed::has_only("help", &names);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_path_has_its_part_of_the_document() {
    for (launch, on_vault) in [(under_test::open_bao(), false), (under_test::vault(), true)] {
        let (_host, mount) = under_test::mounted(launch).await;
        let whole = whole_document(&mount).await;
        let mut seen = 0;
        for route in ROUTES {
            let (_, part) = parts(mount.help(&route.example()).await);
            let typed: Document = serde_json::from_value(part.clone()).unwrap();
            let [name] = typed.paths.keys().collect::<Vec<_>>()[..] else { panic!("{part}") };
            let slash = if on_vault && is_listed(&part["paths"][name]) { "/" } else { "" };
            assert_eq!(name, &format!("/{}{slash}", route.template));
            for member in ["openapi", "info"] {
                assert_eq!(part[member], whole[member]);
            }
            for (path, item) in part["paths"].as_object().unwrap() {
                assert_eq!(item, &whole["paths"][path], "{path}");
            }
            for (name, schema) in part["components"]["schemas"].as_object().unwrap() {
                assert_eq!(schema, &whole["components"]["schemas"][name], "{name}");
                seen += 1;
            }
        }
        assert_eq!(seen, whole["components"]["schemas"].as_object().unwrap().len());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn paths_and_operation_ids_are_those_of_the_method() {
    let (_host, mount) = under_test::mounted(under_test::open_bao()).await;
    let document: Document = serde_json::from_value(whole_document(&mount).await).unwrap();
    let reported: BTreeMap<&str, Expected> = document
        .paths
        .iter()
        .map(|(path, item)| {
            let template = path.strip_prefix('/').expect("paths begin with a slash");
            let operations =
                item.operations().map(|(method, operation)| (method, operation.operation_id.as_str()));
            let expected = Expected {
                template,
                operations: operations.collect(),
                creates: item.create_supported,
                unauthenticated: item.unauthenticated,
                deprecated: item.operations().any(|(_, operation)| operation.deprecated),
            };
            (template, expected)
        })
        .collect();
    let expected: BTreeMap<&str, Expected> =
        ROUTES.iter().map(|route| (route.template, route.expected())).collect();
    assert_eq!(reported.keys().collect::<Vec<_>>(), expected.keys().collect::<Vec<_>>());
    for (template, route) in expected {
        assert_eq!(reported[template], route);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_host_can_decode_the_documents() {
    for launch in [under_test::open_bao(), under_test::vault()] {
        let (_host, mount) = under_test::mounted(launch).await;
        let raw = whole_document(&mount).await;
        let document: Document = serde_json::from_value(raw).unwrap();
        assert_eq!(document.openapi, "3.0.2");
        check_parameters(&document);
        check_requests(&document);
        let ids: Vec<&str> = document.operations().map(|operation| operation.operation_id.as_str()).collect();
        let mut distinct = ids.clone();
        distinct.sort_unstable();
        distinct.dedup();
        assert_eq!(distinct.len(), ids.len(), "an operation id stands twice");
        for operation in document.operations() {
            assert_eq!(operation.tags, ["auth"]);
            let id = &operation.operation_id;
            assert!(id.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-')), "{id}");
        }
    }
}

fn check_parameters(document: &Document) {
    for (path, item) in &document.paths {
        assert!(!item.description.is_empty(), "{path} has no description");
        let in_path: Vec<&str> = path.split(['{', '}']).skip(1).step_by(2).collect();
        let mut names: Vec<&str> = item.parameters.iter().map(|parameter| parameter.name.as_str()).collect();
        assert!(names.is_sorted_by_key(|name| name.to_lowercase()), "{path}: {names:?}");
        names.sort_by_key(|name| in_path.iter().position(|other| other == name));
        assert_eq!(names, in_path, "{path}");
        for parameter in &item.parameters {
            assert_eq!((parameter.place.as_str(), parameter.required), ("path", true), "{path}");
            check_type(path, &parameter.schema);
        }
        for (method, operation) in item.operations() {
            let is_delete = method == "delete";
            let status: Vec<&str> = operation.responses.keys().map(String::as_str).collect();
            assert_eq!(status, [if is_delete { "204" } else { "200" }], "{path}");
            let text = &operation.responses[status[0]].description;
            assert_eq!(text, if is_delete { "empty body" } else { "OK" });
            for parameter in &operation.parameters {
                assert_eq!((parameter.name.as_str(), parameter.place.as_str()), ("list", "query"), "{path}");
                assert!(parameter.required);
                assert_eq!(parameter.schema.values, [json!("true")]);
            }
        }
    }
}

/// Each request body is one of the schemas, named after its operation; and each schema is used.
fn check_requests(document: &Document) {
    let mut used = Vec::new();
    for (path, item) in &document.paths {
        for (method, operation) in item.operations() {
            let Some(body) = &operation.request_body else { continue };
            assert_eq!((method, body.required), ("post", true), "{path}");
            let content: Vec<&String> = body.content.keys().collect();
            assert_eq!(content, ["application/json"], "{path}");
            let reference = body.content["application/json"].schema.reference.as_deref();
            let name = reference.and_then(|text| text.strip_prefix("#/components/schemas/")).unwrap();
            let words: String = operation.operation_id.split('-').map(capitalised).collect();
            assert_eq!(name, format!("{words}Request"));
            used.push(name.to_owned());
        }
    }
    used.sort();
    let known: Vec<&String> = document.components.schemas.keys().collect();
    assert_eq!(used.iter().collect::<Vec<_>>(), known);
    for (name, schema) in &document.components.schemas {
        assert_eq!(schema.kind.as_deref(), Some("object"), "{name}");
        assert!(!schema.properties.is_empty(), "{name}");
        for (property, schema) in &schema.properties {
            let place = format!("{name}.{property}");
            assert!(!schema.description.is_empty(), "{place} has no description");
            check_type(&place, schema);
        }
    }
}

fn capitalised(word: &str) -> String {
    let (first, rest) = word.split_at(1);
    first.to_uppercase() + rest
}

/// Type and format are a pair of those that fields can have; defaults and allowed values are of it.
fn check_type(place: &str, schema: &Schema) {
    let fits = |value: &Value| match schema.kind.as_deref() {
        Some("string") => value.is_string(),
        Some("integer") => value.is_i64(),
        Some("boolean") => value.is_boolean(),
        Some("array") => value.as_array().is_some_and(|values| values.iter().all(Value::is_string)),
        _ => false,
    };
    let formats: &[&str] = match schema.kind.as_deref() {
        Some("string" | "boolean" | "array") => &[],
        Some("integer") => &["seconds"],
        other => panic!("{place} is a {other:?}"),
    };
    assert!(schema.format.iter().all(|format| formats.contains(&format.as_str())), "{place}: {schema:?}");
    assert_eq!(schema.items.is_some(), schema.kind.as_deref() == Some("array"), "{place}");
    if let Some(items) = &schema.items {
        assert_eq!(items.kind.as_deref(), Some("string"), "{place}");
    }
    assert!(schema.default.iter().all(fits), "{place}: {schema:?}");
    assert!(schema.values.iter().all(fits), "{place}: {schema:?}");
    assert!(schema.properties.is_empty() && schema.reference.is_none(), "{place}");
}
