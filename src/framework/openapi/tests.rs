use super::*;
use crate::framework::test_routes::{CONTEXT, TestBackend, request, route, table_of};
use crate::framework::{Reply, RouteTable};

async fn of_host(host: HostFlavor, path: &str, data: &str) -> Value {
    match table_of(host).handle(&TestBackend::default(), request(Operation::Help, path, data)).await {
        Reply::Answer(response) => response.data.unwrap().remove("openapi").unwrap(),
        other => panic!("no answer: {other:?}"),
    }
}

async fn of_path(path: &str) -> Value {
    of_host(HostFlavor::OpenBao, path, "null").await
}

fn operation_ids(document: &Value) -> Vec<(String, String)> {
    let mut ids = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            if let Some(id) = operation.get("operationId") {
                ids.push((format!("{method} {path}"), id.as_str().unwrap().to_owned()));
            }
        }
    }
    ids
}

#[tokio::test]
async fn of_one_route_in_full() {
    assert_eq!(
        of_path("config/client").await,
        json!({
            "openapi": "3.0.2",
            "info": {
                "title": "OpenBao API",
                "version": "2.7.2",
                "description":
                    "HTTP API that gives you full access to OpenBao. All API routes are prefixed with `/v1/`.",
                "license": {
                    "name": "Mozilla Public License 2.0",
                    "url": "https://www.mozilla.org/en-US/MPL/2.0",
                },
            },
            "paths": { "/config/client": {
                "description": "Configures the client.",
                "x-vault-createSupported": true,
                "get": {
                    "operationId": "aws-read-client-configuration",
                    "tags": ["auth"],
                    "responses": { "200": { "description": "OK" } },
                },
                "post": {
                    "operationId": "aws-configure-client",
                    "tags": ["auth"],
                    "requestBody": {
                        "required": true,
                        "content": { "application/json": {
                            "schema": { "$ref": "#/components/schemas/AwsConfigureClientRequest" },
                        } },
                    },
                    "responses": { "200": { "description": "OK" } },
                },
                "delete": {
                    "operationId": "aws-delete-client-configuration",
                    "tags": ["auth"],
                    "responses": { "204": { "description": "empty body" } },
                },
            } },
            "components": { "schemas": { "AwsConfigureClientRequest": {
                "type": "object",
                "properties": {
                    "access_key": {
                        "type": "string",
                        "description": "Key id of the server.",
                        "default": "",
                        "x-vault-displayAttrs": { "name": "Access key", "sensitive": true },
                    },
                    "old": { "type": "boolean", "description": "Use the new one.", "deprecated": true },
                    "allowed_sts_header_values": { "type": "array", "items": { "type": "string" } },
                },
            } } },
        })
    );
}

#[tokio::test]
async fn path_parameters_stand_at_the_path() {
    let document = of_path("role/dev").await;
    let item = &document["paths"]["/role/{role}"];
    assert_eq!(
        item["parameters"],
        json!([{
            "name": "role",
            "description": "Name of the role.",
            "in": "path",
            "required": true,
            "schema": { "type": "string" },
        }])
    );
    assert_eq!(
        document["components"]["schemas"],
        json!({ "AwsWriteAuthRoleRequest": { "type": "object", "properties": {
            "ttl": { "type": "integer", "format": "seconds", "description": "Time to live." },
            "max_retries": { "type": "integer", "description": "Attempts.", "default": -1 },
            "auth_type": { "type": "string", "description": "Type.", "enum": ["iam", "ec2"] },
            "token_policies":
                { "type": "array", "items": { "type": "string" }, "description": "Policies." },
        } } })
    );
    // Nothing but the path parameter: no request body.
    let tag = of_path("role/dev/tag").await;
    assert_eq!(tag["paths"]["/role/{role}/tag"]["post"].get("requestBody"), None);
    assert_eq!(tag["components"], json!({ "schemas": {} }));
}

#[tokio::test]
async fn lists_are_reads_with_a_parameter() {
    let list = of_path("role/").await;
    assert_eq!(
        list["paths"]["/role"]["get"]["parameters"],
        json!([{
            "name": "list",
            "description": "Must be set to `true`",
            "required": true,
            "in": "query",
            "schema": { "type": "string", "enum": ["true"] },
        }])
    );
    let both = of_path("optional/x").await;
    assert_eq!(
        both["paths"]["/optional/{name}"]["get"]["parameters"],
        json!([{
            "name": "list",
            "description": "Return a list if `true`",
            "in": "query",
            "schema": { "type": "string" },
        }])
    );
}

#[test]
fn scans_are_reads_with_a_parameter() {
    let table = RouteTable::new(
        HostFlavor::OpenBao,
        vec![route("scan", &[], &[Operation::Scan]), route("both", &[], &[Operation::Scan, Operation::Read])],
    )
    .unwrap();
    let document = Value::Object(document(table.compiled(), HostFlavor::OpenBao, &CONTEXT, "aws"));
    let parameter = |path: &str| document["paths"][path]["get"]["parameters"][0].clone();
    assert_eq!(
        (&parameter("/scan")["name"], &parameter("/scan")["required"]),
        (&json!("scan"), &json!(true))
    );
    assert_eq!(parameter("/both")["description"], "Return a recursive list if `true`");
}

#[tokio::test]
async fn of_the_mount_has_all_routes_and_their_names() {
    let data = r#"{"requestResponsePrefix":"aws-plugin"}"#;
    let document = of_host(HostFlavor::OpenBao, "", data).await;
    let expected = [
        ("delete /config/client", "aws-delete-client-configuration"),
        ("get /config/client", "aws-read-client-configuration"),
        ("post /config/client", "aws-configure-client"),
        ("post /login", "aws-login"),
        // Without attributes: the prefix the host names, the operation, the words of the path.
        ("get /optional", "aws-plugin-read-optional"),
        ("patch /optional", "aws-plugin-patch-optional"),
        ("get /optional/{name}", "aws-plugin-read-optional-name"),
        ("patch /optional/{name}", "aws-plugin-patch-optional-name"),
        ("get /role", "aws-list-auth-roles"),
        ("delete /role/{role}", "aws-delete-auth-role"),
        ("get /role/{role}", "aws-read-auth-role"),
        ("post /role/{role}", "aws-write-auth-role"),
        ("post /role/{role}/tag", "aws-write-role-tag"),
        ("get /roles", "aws-list-auth-roles2"),
        ("get /roletag-denylist", "aws-list-role-tag-deny-lists"),
        ("delete /roletag-denylist/{role_tag}", "aws-delete-role-tag-deny-list"),
        ("get /roletag-denylist/{role_tag}", "aws-read-role-tag-deny-list"),
        ("post /roletag-denylist/{role_tag}", "aws-write-role-tag-deny-list"),
    ];
    let expected = expected.map(|(at, id)| (at.to_owned(), id.to_owned()));
    assert_eq!(operation_ids(&document), expected);
    // A pattern without templates is shown as it is, without operations.
    assert_eq!(document["paths"]["/any/.*"], json!({}));
    let marked = |key: &str| -> Vec<&String> {
        let paths = document["paths"].as_object().unwrap();
        paths.iter().filter(|(_, item)| item.get(key) == Some(&json!(true))).map(|(path, _)| path).collect()
    };
    assert_eq!(marked("x-vault-unauthenticated"), ["/login"]);
    assert_eq!(marked("x-vault-createSupported"), ["/config/client", "/role/{role}"]);
    let deprecated = &document["paths"]["/roletag-denylist/{role_tag}"]["get"]["deprecated"];
    assert_eq!(deprecated, &json!(true));
    assert_eq!(document["paths"]["/login"]["post"].get("deprecated"), None);
}

#[test]
fn operation_ids_follow_attributes_of_operation_and_route() {
    let parts = |prefix, verb, suffix| DisplayAttributes {
        operation_prefix: prefix,
        operation_verb: verb,
        operation_suffix: suffix,
        ..DisplayAttributes::default()
    };
    for (own, of_route, expected) in [
        (parts("", "", ""), parts("", "", ""), ["host-write-a-x", "host-write-a-y-b"]),
        (parts("", "", ""), parts("aws", "", ""), ["aws-write-a-x", "aws-write-a-y-b"]),
        (parts("", "", ""), parts("aws", "", "Thing"), ["aws-write-thing", "aws-write-a-y-b"]),
        (parts("", "", ""), parts("aws", "", "one|two"), ["aws-write-one", "aws-write-two"]),
        (parts("", "", ""), parts("aws", "", "|two"), ["aws-write-a-x", "aws-write-two"]),
        (parts("", "", ""), parts("", "tidy", ""), ["tidy", "tidy-a-y-b"]),
        (parts("", "", ""), parts("", "tidy", "list"), ["tidy-list", "tidy-a-y-b"]),
        (parts("own", "", "s"), parts("aws", "tidy", "list"), ["own-tidy-s", "own-tidy-a-y-b"]),
        (parts("", "make", ""), parts("aws", "tidy", "a|b"), ["aws-make-a", "aws-make-b"]),
    ] {
        let mut route = route("a/(x|y/b)", &[], &[Operation::Update]);
        route.display = of_route;
        route.endpoints[0].display = own;
        let table = RouteTable::new(HostFlavor::OpenBao, vec![route]).unwrap();
        let ids =
            operation_ids(&Value::Object(document(table.compiled(), HostFlavor::OpenBao, &CONTEXT, "host")));
        let ids: Vec<&str> = ids.iter().map(|(_, id)| id.as_str()).collect();
        assert_eq!(ids, expected, "{own:?} {of_route:?}");
    }
}

#[tokio::test]
async fn names_the_product_of_the_host() {
    let info = of_host(HostFlavor::Vault, "login", "null").await["info"].clone();
    assert_eq!(info["title"], "HashiCorp Vault API");
    assert_eq!(
        info["description"],
        "HTTP API that gives you full access to Vault. All API routes are prefixed with `/v1/`."
    );
}

#[tokio::test]
async fn only_paths_that_can_be_listed_end_as_the_host_has_them() {
    for (host, listed) in [(HostFlavor::OpenBao, "/role"), (HostFlavor::Vault, "/role/")] {
        let paths = of_host(host, "", "null").await["paths"].clone();
        assert_eq!(paths[listed]["get"]["parameters"][0]["name"], "list", "{host:?}");
        for name in ["/login", "/role/{role}", "/config/client"] {
            assert!(paths[name].is_object(), "{host:?}: {name}");
        }
        let ending = paths.as_object().unwrap().keys().filter(|path| path.ends_with('/'));
        assert_eq!(ending.count() > 0, host == HostFlavor::Vault);
    }
}

#[test]
fn types_have_their_schemas() {
    for (kind, expected) in [
        (FieldKind::String, json!({ "type": "string" })),
        (FieldKind::Name, json!({ "type": "string", "pattern": r"\w([\w-.]*\w)?" })),
        (FieldKind::Int, json!({ "type": "integer" })),
        (FieldKind::Bool, json!({ "type": "boolean" })),
        (FieldKind::DurationSecond, json!({ "type": "integer", "format": "seconds" })),
        (FieldKind::CommaStringSlice, json!({ "type": "array", "items": { "type": "string" } })),
        (FieldKind::Header, json!({ "type": "string" })),
    ] {
        assert_eq!(Value::Object(type_schema(kind)), expected, "{kind:?}");
    }
}

#[test]
fn special_paths_are_exact_prefixes_or_have_free_segments() {
    for (special, path, expected) in [
        ("login", "login", true),
        ("login", "login/x", false),
        ("login", "loginx", false),
        ("login*", "loginx", true),
        ("login*", "login/x", true),
        ("login/*", "login/x/y", true),
        ("login/*", "login", false),
        ("*", "anything/at/all", true),
        ("role/+/tag", "role/{role}/tag", true),
        ("role/+/tag", "role/{role}/tags", false),
        ("role/+", "role/x/y", false),
        ("role/+/t*", "role/x/tag/y", true),
        ("role/+/t*", "role/x", false),
    ] {
        assert_eq!(special_path_matches(special, path), expected, "{special} {path}");
    }
}

#[test]
fn display_attributes_leave_out_operation_id_parts() {
    let display = DisplayAttributes {
        name: "n",
        value: Some("v"),
        sensitive: true,
        edit_type: "textarea",
        group: "g",
        operation_prefix: "p",
        operation_verb: "v",
        operation_suffix: "s",
    };
    let mut object = Object::new();
    insert_display(&mut object, &display);
    assert_eq!(
        Value::Object(object),
        json!({ "x-vault-displayAttrs":
            { "name": "n", "value": "v", "sensitive": true, "group": "g", "editType": "textarea" } })
    );
}

/// The structures the host decodes a document into; unknown keys and other types are errors.
mod host {
    use std::collections::BTreeMap;

    use serde::Deserialize;
    use serde_json::Value;

    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "decoding is the test")]
    pub(super) struct Document {
        openapi: String,
        info: Info,
        paths: BTreeMap<String, PathItem>,
        components: Components,
    }

    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "decoding is the test")]
    struct Info {
        title: String,
        description: String,
        version: String,
        license: BTreeMap<String, String>,
    }

    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "decoding is the test")]
    struct Components {
        schemas: BTreeMap<String, Schema>,
    }

    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "decoding is the test")]
    struct PathItem {
        description: Option<String>,
        parameters: Option<Vec<Parameter>>,
        #[serde(rename = "x-vault-unauthenticated")]
        unauthenticated: Option<bool>,
        #[serde(rename = "x-vault-createSupported")]
        create_supported: Option<bool>,
        #[serde(rename = "x-vault-displayAttrs")]
        display: Option<BTreeMap<String, Value>>,
        get: Option<Operation>,
        post: Option<Operation>,
        patch: Option<Operation>,
        delete: Option<Operation>,
    }

    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "decoding is the test")]
    struct Operation {
        #[serde(rename = "operationId")]
        id: String,
        tags: Vec<String>,
        parameters: Option<Vec<Parameter>>,
        #[serde(rename = "requestBody")]
        body: Option<Body>,
        responses: BTreeMap<u16, BTreeMap<String, String>>,
        deprecated: Option<bool>,
    }

    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "decoding is the test")]
    struct Body {
        required: bool,
        content: BTreeMap<String, BTreeMap<String, Schema>>,
    }

    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "decoding is the test")]
    struct Parameter {
        name: String,
        description: Option<String>,
        r#in: String,
        schema: Option<Schema>,
        required: Option<bool>,
        deprecated: Option<bool>,
    }

    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "decoding is the test")]
    struct Schema {
        #[serde(rename = "$ref")]
        reference: Option<String>,
        r#type: Option<String>,
        description: Option<String>,
        properties: Option<BTreeMap<String, Schema>>,
        items: Option<Box<Schema>>,
        format: Option<String>,
        pattern: Option<String>,
        r#enum: Option<Vec<Value>>,
        default: Option<Value>,
        deprecated: Option<bool>,
        #[serde(rename = "x-vault-displayAttrs")]
        display: Option<BTreeMap<String, Value>>,
    }
}

#[tokio::test]
async fn every_value_has_the_type_the_host_decodes() {
    let document = of_path("").await;
    if let Err(error) = serde_json::from_value::<host::Document>(document) {
        panic!("{error}");
    }
}
