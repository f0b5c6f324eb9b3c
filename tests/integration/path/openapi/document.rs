//! The document as typed structures, like those a host decodes it into: what does not fit makes the
//! document of all its mounts fail. Unlike a host's, these take no key that they do not know.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Document {
    pub openapi: String,
    #[expect(dead_code, reason = "decoding it is the test")]
    pub info: Info,
    pub paths: BTreeMap<String, PathItem>,
    pub components: Components,
}

impl Document {
    pub(super) fn operations(&self) -> impl Iterator<Item = &Operation> {
        self.paths.values().flat_map(PathItem::operations).map(|(_, operation)| operation)
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "decoding it is the test")]
pub(super) struct Info {
    pub title: String,
    pub description: String,
    pub version: String,
    pub license: License,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "decoding it is the test")]
pub(super) struct License {
    pub name: String,
    pub url: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PathItem {
    #[serde(default)]
    pub description: String,
    #[serde(default)]
    pub parameters: Vec<Parameter>,
    #[serde(default, rename = "x-vault-unauthenticated")]
    pub unauthenticated: bool,
    #[serde(default, rename = "x-vault-createSupported")]
    pub create_supported: bool,
    #[serde(default, rename = "x-vault-displayAttrs")]
    #[expect(dead_code, reason = "decoding it is the test")]
    pub display: Option<Display>,
    get: Option<Operation>,
    post: Option<Operation>,
    patch: Option<Operation>,
    delete: Option<Operation>,
}

impl PathItem {
    /// Methods and operations.
    pub(super) fn operations(&self) -> impl Iterator<Item = (&'static str, &Operation)> {
        let all =
            [("get", &self.get), ("post", &self.post), ("patch", &self.patch), ("delete", &self.delete)];
        all.into_iter().filter_map(|(method, operation)| Some((method, operation.as_ref()?)))
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Operation {
    #[serde(rename = "operationId")]
    pub operation_id: String,
    pub tags: Vec<String>,
    #[serde(default)]
    pub deprecated: bool,
    #[serde(default)]
    pub parameters: Vec<Parameter>,
    #[serde(rename = "requestBody")]
    pub request_body: Option<RequestBody>,
    pub responses: BTreeMap<String, Response>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Parameter {
    pub name: String,
    #[serde(default)]
    #[expect(dead_code, reason = "decoding it is the test")]
    pub description: String,
    #[serde(rename = "in")]
    pub place: String,
    #[serde(default)]
    pub required: bool,
    #[serde(default)]
    #[expect(dead_code, reason = "decoding it is the test")]
    pub deprecated: bool,
    pub schema: Schema,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RequestBody {
    pub required: bool,
    pub content: BTreeMap<String, MediaType>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct MediaType {
    pub schema: Schema,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Response {
    pub description: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Components {
    pub schemas: BTreeMap<String, Schema>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Schema {
    #[serde(rename = "type")]
    pub kind: Option<String>,
    pub format: Option<String>,
    #[expect(dead_code, reason = "decoding it is the test")]
    pub pattern: Option<String>,
    #[serde(default)]
    pub description: String,
    pub items: Option<Box<Schema>>,
    #[serde(default)]
    pub properties: BTreeMap<String, Schema>,
    pub default: Option<Value>,
    #[serde(default, rename = "enum")]
    pub values: Vec<Value>,
    #[serde(default)]
    #[expect(dead_code, reason = "decoding it is the test")]
    pub deprecated: bool,
    #[serde(rename = "$ref")]
    pub reference: Option<String>,
    #[serde(rename = "x-vault-displayAttrs")]
    #[expect(dead_code, reason = "decoding it is the test")]
    pub display: Option<Display>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "decoding it is the test")]
pub(super) struct Display {
    pub name: Option<String>,
    pub value: Option<Value>,
    #[serde(default)]
    pub sensitive: bool,
    pub group: Option<String>,
    #[serde(rename = "editType")]
    pub edit_type: Option<String>,
}
