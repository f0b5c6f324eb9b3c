//! `config/identity`: under which name and with what metadata callers enter the identity store.

use serde_json::json;
use thiserror::Error;

use super::config_identity_own::{OwnFieldError, checked_alias_tags, checked_audit_metadata};
use super::shape::{display, endpoint, object, verb};
use crate::entry::{
    AliasSource, EC2_METADATA, IAM_METADATA, IdentityConfig, MetadataFields, MetadataSelection,
};
use crate::framework::{
    DisplayAttributes, Endpoint, Failure, Field, FieldKind, Fields, HandlerResult, Operation, Response,
    Route, Status,
};
use crate::go::text::{quote, quote_list};
use crate::mount::Mount;
use crate::refusal::{Code, Coded};

const FIELDS: &[Field] = &[
    Field::new("iam_alias", FieldKind::String, "What the entity alias of an iam login is: `role_id`, `unique_id`, `canonical_arn` or `full_arn`. Only ids survive the deletion and recreation of a principal as different.")
        .default_json("\"unique_id\"")
        .allowed(&AliasSource::IAM),
    Field::new("iam_metadata", FieldKind::CommaStringSlice, "Metadata of the token and alias of an iam login: `default`, or a list of names. An empty list is none.").example("account_id,client_arn")
        .default_json("[\"default\"]"),
    Field::new("ec2_alias", FieldKind::String, "What the entity alias of an ec2 login is: `role_id`, `instance_id` or `image_id`.")
        .default_json("\"instance_id\"")
        .allowed(&AliasSource::EC2),
    Field::new("ec2_metadata", FieldKind::CommaStringSlice, "Metadata of the token and alias of an ec2 login: `default`, or a list of names. An empty list is none.").example("account_id,instance_id")
        .default_json("[\"default\"]"),
    Field::new("iam_alias_tags", FieldKind::CommaStringSlice, "Tags of the IAM role or user that go to the metadata of an iam login's alias, as `tag=key`, where key is the name there. Values are cleaned for templates.").example("team=aws_team").own(),
    Field::new("iam_audit_metadata", FieldKind::CommaStringSlice, "Metadata of the token alone by which a login is found in CloudTrail: `aws_request_id`, `aws_access_key_id`, `aws_signed_at`, `aws_region`, and `aws_token_id` of a web identity token.").example("aws_request_id").own(),
];

pub(super) fn route() -> Route<Mount> {
    Route {
        pattern: "config/identity$",
        fields: FIELDS,
        endpoints: vec![
            Endpoint {
                display: DisplayAttributes {
                    operation_suffix: "identity-integration-configuration",
                    ..display("")
                },
                ..endpoint(Operation::Read, |mount, _, _| Box::pin(read(mount)))
            },
            Endpoint {
                display: verb("configure", "identity-integration"),
                ..endpoint(Operation::Update, |mount, _, fields| Box::pin(write(mount, fields)))
            },
        ],
        existence_check: None,
        synopsis: "Configures the identity alias and metadata of callers.",
        description: "
The server's identity store knows callers by an alias. It is made of the role's id unless configured
otherwise, so that all callers of a role are one entity. Metadata goes to tokens and aliases as AWS
gives it: policies that are templated with it must not trust names that callers may choose.
",
        display: display("identity-integration"),
        deprecated: false,
        max_data_bytes: None,
        max_data_values: None,
        warns_of_unknown_fields: true,
    }
}

async fn read(mount: &Mount) -> HandlerResult {
    let config = mount.store().read::<IdentityConfig>(IdentityConfig::KEY).await?.unwrap_or_default();
    let iam: Vec<&str> = config.iam_auth_metadata_handler.names(&IAM_METADATA).collect();
    let ec2: Vec<&str> = config.ec2_auth_metadata_handler.names(&EC2_METADATA).collect();
    let mut data = object([
        ("iam_alias", json!(config.iam_alias())),
        ("iam_metadata", json!(iam)),
        ("ec2_alias", json!(config.ec2_alias())),
        ("ec2_metadata", json!(ec2)),
    ]);
    for (name, list) in
        [("iam_alias_tags", &config.iam_alias_tags), ("iam_audit_metadata", &config.iam_audit_metadata)]
    {
        if !list.is_empty() {
            data.insert(name.to_owned(), json!(list));
        }
    }
    Ok(Some(Response::with_data(data)))
}

async fn write(mount: &Mount, fields: Fields) -> HandlerResult {
    mount
        .store()
        .update(IdentityConfig::KEY, async |stored: Option<IdentityConfig>| -> Result<_, Failure> {
            let mut config = stored.unwrap_or_default();
            config.iam_alias = alias(&fields, "iam_alias", config.iam_alias(), &AliasSource::IAM)?;
            config.ec2_alias = alias(&fields, "ec2_alias", config.ec2_alias(), &AliasSource::EC2)?;
            if let Some(names) = fields.list("iam_metadata") {
                config.iam_auth_metadata_handler = selection(names, &IAM_METADATA)?;
            }
            if let Some(names) = fields.list("ec2_metadata") {
                config.ec2_auth_metadata_handler = selection(names, &EC2_METADATA)?;
            }
            if let Some(tags) = fields.list("iam_alias_tags") {
                config.iam_alias_tags = checked_alias_tags(tags)?;
            }
            if let Some(names) = fields.list("iam_audit_metadata") {
                config.iam_audit_metadata = checked_audit_metadata(names)?;
            }
            Ok((Some(config), ()))
        })
        .await?;
    Ok(None)
}

/// Why the configuration is not written.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
enum Refused {
    /// No such alias.
    #[error("{name} of {} not in set of allowed values: [{}]", quote(.value), .allowed.join(" "))]
    Alias { name: &'static str, value: String, allowed: &'static [&'static str] },
    /// The default and others.
    #[error("{} contains default - default can't be used in combination with other fields", quote_list(.0))]
    DefaultAndMore(Vec<String>),
    /// No such metadata.
    #[error(
        "{} contains an unavailable field, please select from {}",
        quote(&.names.join(", ")),
        quote(&.available.join(", "))
    )]
    Unavailable { names: Vec<String>, available: &'static [&'static str] },
}

impl Coded for Refused {
    fn code(&self) -> Code {
        match self {
            Self::Alias { .. } => Code::ConfigAlias,
            Self::DefaultAndMore(_) | Self::Unavailable { .. } => Code::ConfigMetadata,
        }
    }
}

impl From<Refused> for Failure {
    fn from(error: Refused) -> Self {
        match error {
            Refused::Alias { .. } => Self::refused(&error),
            Refused::DefaultAndMore(_) | Refused::Unavailable { .. } => Self::new(Status::Invalid, &error),
        }
    }
}

impl From<OwnFieldError> for Failure {
    fn from(error: OwnFieldError) -> Self {
        Self::refused(&error)
    }
}

fn alias(
    fields: &Fields,
    name: &'static str,
    stored: &str,
    allowed: &'static [&'static str],
) -> Result<String, Refused> {
    match fields.text(name) {
        None => Ok(stored.to_owned()),
        Some(value) if allowed.contains(&value) => Ok(value.to_owned()),
        Some(value) => Err(Refused::Alias { name, value: value.to_owned(), allowed }),
    }
}

fn selection(names: &[String], fields: &MetadataFields) -> Result<MetadataSelection, Refused> {
    let mut names: Vec<String> =
        names.iter().map(|name| name.trim().to_lowercase()).filter(|name| !name.is_empty()).collect();
    names.sort();
    names.dedup();
    if names == ["default"] {
        return Ok(MetadataSelection { auth_metadata: None });
    }
    if names.iter().any(|name| name == "default") {
        return Err(Refused::DefaultAndMore(names));
    }
    if names.iter().any(|name| !fields.available.contains(&name.as_str())) {
        return Err(Refused::Unavailable { names, available: fields.available });
    }
    Ok(MetadataSelection { auth_metadata: Some(names) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn selected(names: &[&str]) -> Result<Option<Vec<String>>, String> {
        let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
        selection(&names, &IAM_METADATA)
            .map(|selection| selection.auth_metadata)
            .map_err(|failure| failure.to_string())
    }

    #[test]
    fn selections_are_normalised_and_checked() {
        assert_eq!(selected(&["default"]), Ok(None));
        assert_eq!(selected(&[]), Ok(Some(vec![])));
        let chosen = vec!["account_id".to_owned(), "client_arn".to_owned()];
        assert_eq!(selected(&["CLIENT_arn ", "account_id", "client_arn", ""]), Ok(Some(chosen)));
        assert_eq!(
            selected(&["default", "canonical_arn"]).unwrap_err(),
            r#"["canonical_arn" "default"] contains default - default can't be used in combination with other fields"#
        );
        assert!(selected(&["none"]).unwrap_err().starts_with("\"none\" contains an unavailable field, please select from \"account_id, auth_type, canonical_arn"));
    }
}
