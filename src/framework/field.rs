//! Field schemas, and the values a request supplied for them.

use std::collections::BTreeMap;

/// Type of a field; it decides how input is converted (plugin protocol, field types).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldKind {
    /// Text.
    String,
    /// Integer.
    Int,
    /// Boolean.
    Bool,
    /// Seconds, or a Go duration; not negative.
    DurationSecond,
    /// A list, or text split at commas.
    CommaStringSlice,
    /// HTTP headers: an object, base64 or plain JSON text, or a list of `name:value`.
    Header,
    /// A path capture of the form `\w(([\w-.]+)?\w)?`; text.
    Name,
}

/// How user interfaces and OpenAPI name an operation or a field.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DisplayAttributes {
    /// Human-readable name.
    pub name: &'static str,
    /// Example value.
    pub value: Option<&'static str>,
    /// Whether input is masked.
    pub sensitive: bool,
    /// Kind of editor.
    pub edit_type: &'static str,
    /// Group on a form.
    pub group: &'static str,
    /// First part of the operation id.
    pub operation_prefix: &'static str,
    /// Verb of the operation id.
    pub operation_verb: &'static str,
    /// Last part of the operation id.
    pub operation_suffix: &'static str,
}

/// One field of a route.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    /// Name in requests.
    pub name: &'static str,
    /// Type.
    pub kind: FieldKind,
    /// What it means, for help and OpenAPI.
    pub description: &'static str,
    /// Default as documented in OpenAPI, as JSON text (`"\"iam\""`, `"true"`); the handlers know
    /// the effective one.
    pub default: Option<&'static str>,
    /// Whether help marks it as deprecated.
    pub deprecated: bool,
    /// Values documented as allowed; not enforced.
    pub allowed: &'static [&'static str],
    /// Longest accepted text or list of texts, in bytes, summed over list elements.
    pub max_bytes: usize,
    /// Whether the built-in method lacks it: then it stands in the help that people read, and in no OpenAPI
    /// document, which describes the method that this one takes the place of.
    pub own: bool,
    /// For user interfaces.
    pub display: DisplayAttributes,
}

impl Field {
    /// Longest accepted value of a field that names no limit of its own.
    pub const DEFAULT_MAX_BYTES: usize = 1024 * 1024;

    /// A field of this name, type and meaning.
    #[must_use]
    pub const fn new(name: &'static str, kind: FieldKind, description: &'static str) -> Self {
        Self {
            name,
            kind,
            description,
            default: None,
            deprecated: false,
            allowed: &[],
            max_bytes: Self::DEFAULT_MAX_BYTES,
            own: false,
            display: DisplayAttributes {
                name: "",
                value: None,
                sensitive: false,
                edit_type: "",
                group: "",
                operation_prefix: "",
                operation_verb: "",
                operation_suffix: "",
            },
        }
    }

    /// With a documented default (JSON text).
    #[must_use]
    pub const fn default_json(mut self, json: &'static str) -> Self {
        self.default = Some(json);
        self
    }

    /// Marked as deprecated.
    #[must_use]
    pub const fn deprecated(mut self) -> Self {
        self.deprecated = true;
        self
    }

    /// With documented allowed values.
    #[must_use]
    pub const fn allowed(mut self, values: &'static [&'static str]) -> Self {
        self.allowed = values;
        self
    }

    /// With an example value, for user interfaces and OpenAPI.
    #[must_use]
    pub const fn example(mut self, value: &'static str) -> Self {
        self.display.value = Some(value);
        self
    }

    /// One that the built-in method lacks.
    #[must_use]
    pub const fn own(mut self) -> Self {
        self.own = true;
        self
    }

    /// With a limit of its own.
    #[must_use]
    pub const fn max_bytes(mut self, bytes: usize) -> Self {
        self.max_bytes = bytes;
        self
    }

    /// With attributes for user interfaces.
    #[must_use]
    pub const fn display(mut self, display: DisplayAttributes) -> Self {
        self.display = display;
        self
    }
}

/// A converted value.
#[derive(Clone, Debug, PartialEq)]
pub enum FieldValue {
    /// Of [`FieldKind::String`] and [`FieldKind::Name`].
    Text(String),
    /// Of [`FieldKind::Int`].
    Int(i64),
    /// Of [`FieldKind::Bool`].
    Bool(bool),
    /// Of [`FieldKind::DurationSecond`]: whole seconds, never negative.
    Seconds(i64),
    /// Of [`FieldKind::CommaStringSlice`].
    List(Vec<String>),
    /// Of [`FieldKind::Header`]: name as sent and its values, of which there is at least one. Lists
    /// keep their order; the members of an object are sorted by name. Names that differ only in
    /// case stand apart.
    Headers(Vec<(String, Vec<String>)>),
}

/// The fields a request supplied, converted. A field that is not in here was not supplied.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Fields {
    values: BTreeMap<&'static str, FieldValue>,
}

impl Fields {
    /// Nothing supplied.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a converted value.
    pub fn insert(&mut self, name: &'static str, value: FieldValue) {
        self.values.insert(name, value);
    }

    /// Whether the request supplied the field.
    #[must_use]
    pub fn supplied(&self, name: &str) -> bool {
        self.values.contains_key(name)
    }

    /// A text field, if supplied.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&str> {
        match self.values.get(name) {
            Some(FieldValue::Text(text)) => Some(text),
            _ => None,
        }
    }

    /// An integer field, if supplied.
    #[must_use]
    pub fn int(&self, name: &str) -> Option<i64> {
        match self.values.get(name) {
            Some(FieldValue::Int(number)) => Some(*number),
            _ => None,
        }
    }

    /// A boolean field, if supplied.
    #[must_use]
    pub fn bool(&self, name: &str) -> Option<bool> {
        match self.values.get(name) {
            Some(FieldValue::Bool(flag)) => Some(*flag),
            _ => None,
        }
    }

    /// A duration field in whole seconds, if supplied.
    #[must_use]
    pub fn seconds(&self, name: &str) -> Option<i64> {
        match self.values.get(name) {
            Some(FieldValue::Seconds(seconds)) => Some(*seconds),
            _ => None,
        }
    }

    /// A list field, if supplied.
    #[must_use]
    pub fn list(&self, name: &str) -> Option<&[String]> {
        match self.values.get(name) {
            Some(FieldValue::List(list)) => Some(list),
            _ => None,
        }
    }

    /// A header field, if supplied.
    #[must_use]
    pub fn headers(&self, name: &str) -> Option<&[(String, Vec<String>)]> {
        match self.values.get(name) {
            Some(FieldValue::Headers(headers)) => Some(headers),
            _ => None,
        }
    }
}
