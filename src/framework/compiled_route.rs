//! A route with its pattern compiled: what it captures of a path, and what a request supplies to it.

use regex_lite::Regex;
use serde_json::{Map, Value};
use thiserror::Error;

use super::data::parse_data_within;
use super::near_field::nearest;
use super::{
    DataError, Endpoint, Fields, HostFlavor, MAX_DATA_BYTES, MAX_JSON_VALUES, Operation, Request, Route,
    pattern,
};
use crate::refusal::{Code, Coded};

/// A route with its pattern compiled.
pub(super) struct CompiledRoute<B> {
    pub(super) route: Route<B>,
    pub(super) anchored: String,
    beginning: &'static str,
    regex: Regex,
    /// Group numbers of the pattern and the fields they fill.
    captures: Vec<(usize, &'static str)>,
}

/// Values the pattern captured, by field name.
pub(super) type Captures = Vec<(&'static str, String)>;

/// What a request supplies to a handler.
pub(super) struct Input {
    pub(super) fields: Fields,
    /// Data members that are no fields, sorted.
    pub(super) ignored: Vec<String>,
    /// Fields of the data that the path overwrote, sorted.
    pub(super) replaced: Vec<&'static str>,
}

/// Why a request supplies no input.
#[derive(Debug, Error)]
pub(super) enum InputError {
    /// The data as a whole.
    #[error(transparent)]
    Data(#[from] DataError),
    /// One field.
    #[error("Field validation failed: {0}")]
    Field(#[from] FieldError),
}

impl Coded for InputError {
    fn code(&self) -> Code {
        match self {
            Self::Data(error) => error.code(),
            Self::Field(error) => error.code(),
        }
    }
}

/// A value does not convert to the type of its field.
#[derive(Debug, Error)]
#[error("error converting input for field {name:?}: {why}")]
pub(super) struct FieldError {
    name: &'static str,
    /// What was wanted, without the value.
    why: String,
}

impl Coded for FieldError {
    fn code(&self) -> Code {
        Code::FieldValue
    }
}

impl<B> CompiledRoute<B> {
    /// Compiles a route.
    ///
    /// # Errors
    /// A mistake in the route, as of [`RouteTable::new`](super::RouteTable::new).
    pub(super) fn new(route: Route<B>) -> Result<Self, String> {
        let anchored = pattern::anchored(route.pattern);
        let regex = pattern::compile(&anchored)?;
        let mut captures = Vec::new();
        for (group, name) in regex.capture_names().enumerate() {
            let Some(name) = name else { continue };
            let field = route.fields.iter().find(|field| field.name == name);
            let field = field.ok_or_else(|| format!("{anchored}: capture {name} is no field"))?;
            captures.push((group, field.name));
        }
        for (index, field) in route.fields.iter().enumerate() {
            if route.fields.iter().take(index).any(|other| other.name == field.name) {
                return Err(format!("{anchored}: field {} stands twice", field.name));
            }
            if field.default.is_some_and(|json| serde_json::from_str::<Value>(json).is_err()) {
                return Err(format!("{anchored}: default of field {} is not JSON", field.name));
            }
        }
        let count = |operation| route.endpoints.iter().filter(|e| e.operation == operation).count();
        if let Some(twice) = route.endpoints.iter().find(|e| count(e.operation) > 1) {
            return Err(format!("{anchored}: operation {} stands twice", twice.operation.wire_name()));
        }
        if route.existence_check.is_some() && (count(Operation::Create) == 0 || count(Operation::Update) == 0)
        {
            return Err(format!("{anchored}: an existence check needs create and update"));
        }
        let beginning = pattern::beginning(route.pattern);
        Ok(Self { route, anchored, beginning, regex, captures })
    }

    /// What the pattern captures of a path; `None` if it does not match. An optional group that took no
    /// part is captured as empty text.
    pub(super) fn captures(&self, path: &str) -> Option<Captures> {
        if !path.starts_with(self.beginning) {
            return None;
        }
        let found = self.regex.captures(path)?;
        let value = |group| found.get(group).map_or_else(String::new, |text| text.as_str().to_owned());
        Some(self.captures.iter().map(|&(group, name)| (name, value(group))).collect())
    }

    /// The field that a name which is none was probably meant for. What the path says is never meant.
    pub(super) fn field_near(&self, name: &str) -> Option<&'static str> {
        let is_captured = |field: &str| self.captures.iter().any(|&(_, captured)| captured == field);
        let fields = self.route.fields.iter().map(|field| field.name);
        nearest(name, fields.filter(|field| !is_captured(field)))
    }

    /// The endpoint of an operation.
    pub(super) fn endpoint(&self, operation: Operation) -> Option<&Endpoint<B>> {
        self.route.endpoints.iter().find(|endpoint| endpoint.operation == operation)
    }

    /// Converts the fields of a request: its data, overwritten by what the path captured. Fields
    /// are converted in the order of the route, so that the first error is always the same one.
    pub(super) fn input(
        &self,
        host: HostFlavor,
        request: &Request,
        captures: Captures,
    ) -> Result<Input, InputError> {
        let limit = self.route.max_data_bytes.unwrap_or(MAX_DATA_BYTES);
        let max_values = self.route.max_data_values.unwrap_or(MAX_JSON_VALUES);
        let mut data = parse_data_within(&request.data, limit, max_values)?;
        let mut replaced = Vec::new();
        for (name, value) in captures {
            let overwritten = data.insert(name.to_owned(), Value::String(value));
            if overwritten.is_some_and(|value| !value.is_null()) {
                replaced.push(name);
            }
        }
        replaced.sort_unstable();
        let fields = self.fields(host, &mut data)?;
        let ignored = data.into_iter().map(|(name, _)| name).collect();
        Ok(Input { fields, ignored, replaced })
    }

    fn fields(&self, host: HostFlavor, data: &mut Map<String, Value>) -> Result<Fields, FieldError> {
        let mut fields = Fields::new();
        for field in self.route.fields {
            let Some(value) = data.remove(field.name) else { continue };
            let converted = field.convert(value, host).map_err(|why| FieldError { name: field.name, why })?;
            if let Some(value) = converted {
                fields.insert(field.name, value);
            }
        }
        Ok(fields)
    }
}
