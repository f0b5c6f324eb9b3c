//! OpenAPI documents of routes.
//!
//! The host merges the documents of all its mounts and decodes them into typed structures: one
//! value of a wrong JSON type, and the server has no document at all. The key names here are those
//! of the decoder.

use serde_json::{Map, Value, json};

use super::compiled_route::CompiledRoute;
use super::{
    DisplayAttributes, Endpoint, Field, FieldKind, HelpContext, HostFlavor, Operation, Route, pattern,
};

type Object = Map<String, Value>;

/// The document of these routes. Operation ids start with `default_prefix` where a route names
/// neither prefix nor verb.
pub(super) fn document<B>(
    routes: &[CompiledRoute<B>],
    host: HostFlavor,
    context: &HelpContext,
    default_prefix: &str,
) -> Object {
    let (mut paths, mut schemas) = (Object::new(), Object::new());
    for compiled in routes.iter().filter(|compiled| !is_own(compiled.route.fields)) {
        let templates = pattern::templates(compiled.route.pattern);
        let documented = templates.is_some();
        let templates = templates.unwrap_or_else(|| vec![compiled.route.pattern.to_owned()]);
        for (index, template) in templates.iter().enumerate() {
            let path = PathDocument { compiled, template, index, default_prefix };
            let item = path.item(context, documented, &mut schemas);
            paths.insert(path.key(host), Value::Object(item));
        }
    }
    let mut document = Object::new();
    document.insert("openapi".to_owned(), json!("3.0.2"));
    document.insert("info".to_owned(), info(host, context));
    document.insert("paths".to_owned(), Value::Object(paths));
    document.insert("components".to_owned(), json!({ "schemas": schemas }));
    document
}

/// Whether a path has fields, and all of them are such as the built-in method lacks: then it lacks the path.
fn is_own(fields: &[Field]) -> bool {
    !fields.is_empty() && fields.iter().all(|field| field.own)
}

fn info(host: HostFlavor, context: &HelpContext) -> Value {
    json!({
        "title": host.api_title(),
        "description": format!(
            "HTTP API that gives you full access to {}. All API routes are prefixed with `/v1/`.",
            host.product()
        ),
        "version": context.version,
        "license": {
            "name": "Mozilla Public License 2.0",
            "url": "https://www.mozilla.org/en-US/MPL/2.0",
        },
    })
}

/// One path template of a route.
struct PathDocument<'a, B> {
    compiled: &'a CompiledRoute<B>,
    template: &'a str,
    /// Which of the route's templates this is.
    index: usize,
    default_prefix: &'a str,
}

impl<B> PathDocument<'_, B> {
    fn route(&self) -> &Route<B> {
        &self.compiled.route
    }

    /// The name of the path in the document.
    fn key(&self, host: HostFlavor) -> String {
        let lists = self.compiled.endpoint(Operation::List).is_some();
        let slash = if lists && host.list_paths_end_in_slash() { "/" } else { "" };
        format!("/{}{slash}", self.template)
    }

    fn item(&self, context: &HelpContext, documented: bool, schemas: &mut Object) -> Object {
        let mut item = Object::new();
        insert_text(&mut item, "description", &one_line(self.route().synopsis));
        if context.unauthenticated.iter().any(|special| special_path_matches(special, self.template)) {
            item.insert("x-vault-unauthenticated".to_owned(), json!(true));
        }
        insert_display(&mut item, &self.route().display);
        let parameters = self.path_parameters();
        if !parameters.is_empty() {
            item.insert("parameters".to_owned(), Value::Array(parameters));
        }
        if !documented {
            return item;
        }
        if self.compiled.endpoint(Operation::Create).is_some() {
            item.insert("x-vault-createSupported".to_owned(), json!(true));
        }
        for (method, candidates) in METHODS {
            let endpoint = candidates.iter().find_map(|&operation| self.compiled.endpoint(operation));
            if let Some(endpoint) = endpoint {
                item.insert(method.to_owned(), Value::Object(self.operation(endpoint, schemas)));
            }
        }
        item
    }

    fn is_path_field(&self, field: &Field) -> bool {
        self.template.contains(&format!("{{{}}}", field.name))
    }

    fn path_parameters(&self) -> Vec<Value> {
        let mut fields: Vec<&Field> =
            self.route().fields.iter().filter(|field| self.is_path_field(field)).collect();
        fields.sort_by_key(|field| field.name.to_lowercase());
        fields
            .into_iter()
            .map(|field| {
                let mut parameter = Object::new();
                parameter.insert("name".to_owned(), json!(field.name));
                insert_text(&mut parameter, "description", &one_line(field.description));
                parameter.insert("in".to_owned(), json!("path"));
                parameter.insert("required".to_owned(), json!(true));
                if field.deprecated {
                    parameter.insert("deprecated".to_owned(), json!(true));
                }
                let mut schema = type_schema(field.kind);
                schema.remove("format");
                schema.remove("items");
                insert_values(&mut schema, field);
                parameter.insert("schema".to_owned(), Value::Object(schema));
                Value::Object(parameter)
            })
            .collect()
    }

    fn operation(&self, endpoint: &Endpoint<B>, schemas: &mut Object) -> Object {
        let id = self.operation_id(endpoint);
        let mut operation = Object::new();
        operation.insert("operationId".to_owned(), json!(id));
        operation.insert("tags".to_owned(), json!(["auth"]));
        if self.route().deprecated {
            operation.insert("deprecated".to_owned(), json!(true));
        }
        if let Some(parameter) = self.listing_parameter(endpoint.operation) {
            operation.insert("parameters".to_owned(), json!([parameter]));
        }
        if matches!(endpoint.operation, Operation::Create | Operation::Update | Operation::Patch) {
            let properties = self.body_properties();
            if !properties.is_empty() {
                let name = format!("{}Request", title_case(&id));
                let reference = format!("#/components/schemas/{name}");
                schemas.insert(name, json!({ "type": "object", "properties": properties }));
                operation.insert(
                    "requestBody".to_owned(),
                    json!({
                        "required": true,
                        "content": { "application/json": { "schema": { "$ref": reference } } },
                    }),
                );
            }
        }
        let responses = match endpoint.operation {
            Operation::Delete => json!({ "204": { "description": "empty body" } }),
            _ => json!({ "200": { "description": "OK" } }),
        };
        operation.insert("responses".to_owned(), responses);
        operation
    }

    /// LIST and SCAN are a GET with a query parameter.
    fn listing_parameter(&self, operation: Operation) -> Option<Value> {
        let required = |name: &str| {
            json!({
                "name": name,
                "description": "Must be set to `true`",
                "required": true,
                "in": "query",
                "schema": { "type": "string", "enum": ["true"] },
            })
        };
        let optional = |name: &str, description: &str| {
            json!({
                "name": name,
                "description": description,
                "in": "query",
                "schema": { "type": "string" },
            })
        };
        let has = |operation| self.compiled.endpoint(operation).is_some();
        match operation {
            Operation::List => Some(required("list")),
            Operation::Scan => Some(required("scan")),
            Operation::Read if has(Operation::List) => Some(optional("list", "Return a list if `true`")),
            Operation::Read if has(Operation::Scan) => {
                Some(optional("scan", "Return a recursive list if `true`"))
            }
            _ => None,
        }
    }

    fn body_properties(&self) -> Object {
        let fields = self.route().fields.iter().filter(|field| !field.own && !self.is_path_field(field));
        fields
            .map(|field| {
                let mut schema = type_schema(field.kind);
                insert_text(&mut schema, "description", &one_line(field.description));
                insert_values(&mut schema, field);
                if field.deprecated {
                    schema.insert("deprecated".to_owned(), json!(true));
                }
                (field.name.to_owned(), Value::Object(schema))
            })
            .collect()
    }

    /// Prefix, verb and suffix, joined by hyphens, in lower case. Each comes from the operation,
    /// else from the route, else from a default.
    fn operation_id(&self, endpoint: &Endpoint<B>) -> String {
        let first = |own: &'static str, route: &'static str| if own.is_empty() { route } else { own };
        let (own, route) = (&endpoint.display, &self.route().display);
        let verb = first(own.operation_verb, route.operation_verb);
        let suffixes = first(own.operation_suffix, route.operation_suffix);
        // A list of suffixes names one per template; templates beyond it are named by their words.
        let suffix = match suffixes.split('|').nth(self.index) {
            Some("") if verb.is_empty() => None,
            suffix => suffix,
        };
        let suffix = suffix.map_or_else(|| words(self.template), str::to_owned);
        let prefix = match first(own.operation_prefix, route.operation_prefix) {
            "" if verb.is_empty() => self.default_prefix,
            prefix => prefix,
        };
        let verb = match (verb, endpoint.operation) {
            ("", Operation::Update) => "write",
            ("", operation) => operation.wire_name(),
            (verb, _) => verb,
        };
        let parts = [prefix, verb, &suffix];
        let parts: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).collect();
        parts.join("-").to_lowercase()
    }
}

/// HTTP methods and the operations behind them; the first one a route has is documented.
const METHODS: [(&str, &[Operation]); 4] = [
    ("get", &[Operation::Read, Operation::List, Operation::Scan]),
    ("post", &[Operation::Update, Operation::Create]),
    ("patch", &[Operation::Patch]),
    ("delete", &[Operation::Delete]),
];

/// Whether a path is meant by an entry of the host's special paths.
fn special_path_matches(special: &str, path: &str) -> bool {
    let (special, prefix) = match special.strip_suffix('*') {
        Some(start) => (start, true),
        None => (special, false),
    };
    let (mut wanted, mut given) = (special.split('/').peekable(), path.split('/'));
    while let Some(segment) = wanted.next() {
        let Some(other) = given.next() else { return false };
        let last = wanted.peek().is_none();
        let matches = segment == "+" || segment == other || (prefix && last && other.starts_with(segment));
        if !matches {
            return false;
        }
    }
    prefix || given.next().is_none()
}

fn type_schema(kind: FieldKind) -> Object {
    let schema = match kind {
        FieldKind::String | FieldKind::Header => json!({ "type": "string" }),
        FieldKind::Name => json!({ "type": "string", "pattern": r"\w([\w-.]*\w)?" }),
        FieldKind::Int => json!({ "type": "integer" }),
        FieldKind::Bool => json!({ "type": "boolean" }),
        FieldKind::DurationSecond => json!({ "type": "integer", "format": "seconds" }),
        FieldKind::CommaStringSlice => json!({ "type": "array", "items": { "type": "string" } }),
    };
    match schema {
        Value::Object(schema) => schema,
        _ => Object::new(),
    }
}

fn insert_values(schema: &mut Object, field: &Field) {
    if !field.allowed.is_empty() {
        schema.insert("enum".to_owned(), json!(field.allowed));
    }
    if let Some(default) = field.default.and_then(|json| serde_json::from_str(json).ok()) {
        schema.insert("default".to_owned(), default);
    }
    insert_display(schema, &field.display);
}

fn insert_text(object: &mut Object, key: &str, text: &str) {
    if !text.is_empty() {
        object.insert(key.to_owned(), json!(text));
    }
}

/// Adds the attributes for user interfaces, if there are any. Operation id parts do not count.
fn insert_display(object: &mut Object, display: &DisplayAttributes) {
    let mut attributes = Object::new();
    insert_text(&mut attributes, "name", display.name);
    if let Some(value) = display.value {
        attributes.insert("value".to_owned(), json!(value));
    }
    if display.sensitive {
        attributes.insert("sensitive".to_owned(), json!(true));
    }
    insert_text(&mut attributes, "group", display.group);
    insert_text(&mut attributes, "editType", display.edit_type);
    if !attributes.is_empty() {
        object.insert("x-vault-displayAttrs".to_owned(), Value::Object(attributes));
    }
}

/// Without blanks around it, and one blank for each run of white space inside.
fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// `role/{role}/tag` as `role-role-tag`.
fn words(template: &str) -> String {
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    template.split(|c| !is_word(c)).filter(|word| !word.is_empty()).collect::<Vec<_>>().join("-")
}

/// `aws-write-auth-role` as `AwsWriteAuthRole`.
fn title_case(hyphenated: &str) -> String {
    hyphenated
        .split('-')
        .flat_map(|word| {
            let mut chars = word.chars();
            let first = chars.next().map(|c| c.to_ascii_uppercase());
            first.into_iter().chain(chars)
        })
        .collect()
}

#[cfg(test)]
mod tests;
