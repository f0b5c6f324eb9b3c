//! Help texts, shaped as operators know them from `vault path-help`.

use serde_json::{Map, Value};

use super::compiled_route::CompiledRoute;
use super::{Field, FieldKind, Response};

/// What help documents say about the mount as a whole.
#[derive(Clone, Debug)]
pub struct HelpContext {
    /// The server's version; empty if it does not tell.
    pub version: String,
    /// What the backend is for: the help of the mount itself.
    pub description: &'static str,
    /// Paths that need no token: exact, prefixes ending in `*`, or with `+` for a whole segment.
    pub unauthenticated: &'static [&'static str],
}

/// The answer to a help request.
pub(super) fn response(text: String, openapi: Map<String, Value>) -> Response {
    Response::with_data(Map::from_iter([
        ("help".to_owned(), Value::String(text)),
        ("see_also".to_owned(), Value::Null),
        ("openapi".to_owned(), Value::Object(openapi)),
    ]))
}

/// Help of one route, for a path that matches it.
pub(super) fn of_route<B>(compiled: &CompiledRoute<B>, path: &str) -> String {
    let route = &compiled.route;
    let synopsis = or(route.synopsis, "<no synopsis>");
    let mut text = format!("Request:        {path}\nMatching Route: {}\n\n{synopsis}\n\n", compiled.anchored);
    if !route.fields.is_empty() {
        text.push_str("## PARAMETERS\n");
    }
    let mut fields: Vec<&Field> = route.fields.iter().collect();
    fields.sort_unstable_by_key(|field| field.name);
    for field in fields {
        let mark = if field.deprecated { "(DEPRECATED) " } else { "" };
        let meaning = format!("{mark}{}", or(field.description, "<no description>"));
        text.push_str(&format!(
            "\n    {} ({})\n\n{}\n",
            field.name,
            type_words(field.kind),
            indented(8, &meaning)
        ));
    }
    text.push_str(&format!("\n## DESCRIPTION\n\n{}", or(route.description, "<no description>")));
    text
}

/// Help of the mount: what it is for, and all patterns.
pub(super) fn of_all<B>(routes: &[CompiledRoute<B>], context: &HelpContext) -> String {
    let mut sorted: Vec<&CompiledRoute<B>> = routes.iter().collect();
    sorted.sort_by(|a, b| a.anchored.cmp(&b.anchored));
    let paths: String = sorted
        .iter()
        .map(|compiled| {
            let synopsis = compiled.route.synopsis.trim();
            format!("{}\n{}\n\n", indented(4, &compiled.anchored), indented(8, synopsis))
        })
        .collect();
    format!("## DESCRIPTION\n\n{}\n\n## PATHS\n\n{PATHS_INTRODUCTION}\n\n{paths}", context.description.trim())
        .trim()
        .to_owned()
}

const PATHS_INTRODUCTION: &str = "\
The following paths are supported by this backend. To view help for
any of the paths below, use the help command with any route matching
the path pattern. Note that depending on the policy of your auth token,
you may or may not be able to access certain paths.";

fn or<'a>(text: &'a str, placeholder: &'a str) -> &'a str {
    match text.trim() {
        "" => placeholder,
        text => text,
    }
}

/// Every line that is not empty, moved to the right.
fn indented(columns: usize, text: &str) -> String {
    let lines = text.split('\n').map(|line| match line {
        "" => String::new(),
        line => format!("{:columns$}{line}", ""),
    });
    lines.collect::<Vec<_>>().join("\n")
}

const fn type_words(kind: FieldKind) -> &'static str {
    match kind {
        FieldKind::String => "string",
        FieldKind::Int => "int",
        FieldKind::Bool => "bool",
        FieldKind::DurationSecond => "duration (sec)",
        FieldKind::CommaStringSlice => "slice",
        FieldKind::Header => "header",
        FieldKind::Name => "name string",
    }
}

#[cfg(test)]
mod tests {
    use super::super::test_routes::{CONTEXT, TestBackend, request, route, table};
    use super::super::{HostFlavor, Operation, Reply, Route, RouteTable};
    use super::*;

    async fn help(table: &RouteTable<TestBackend>, path: &str) -> String {
        match table.handle(&TestBackend::default(), request(Operation::Help, path, "null")).await {
            Reply::Answer(response) => {
                response.data.unwrap().get("help").unwrap().as_str().unwrap().to_owned()
            }
            other => panic!("no answer: {other:?}"),
        }
    }

    #[tokio::test]
    async fn of_a_route_lists_its_fields() {
        assert_eq!(
            help(&table(), "config/client").await,
            "\
Request:        config/client
Matching Route: ^config/client$

Configures the client.

## PARAMETERS

    access_key (string)

        Key id
        of the server.

    allowed_sts_header_values (slice)

        <no description>

    old (bool)

        (DEPRECATED) Use the new one.

## DESCRIPTION

Keys and
endpoints."
        );
    }

    #[tokio::test]
    async fn of_a_route_without_fields_or_texts_has_placeholders() {
        let table =
            RouteTable::new(HostFlavor::OpenBao, vec![route("bare/?", &[], &[Operation::List])]).unwrap();
        assert_eq!(
            help(&table, "bare/").await,
            "Request:        bare/\nMatching Route: ^bare/?$\n\n<no synopsis>\n\n\n\
             ## DESCRIPTION\n\n<no description>"
        );
    }

    #[test]
    fn type_words_are_those_of_the_host() {
        for (kind, words) in [
            (FieldKind::String, "string"),
            (FieldKind::Int, "int"),
            (FieldKind::Bool, "bool"),
            (FieldKind::DurationSecond, "duration (sec)"),
            (FieldKind::CommaStringSlice, "slice"),
            (FieldKind::Header, "header"),
            (FieldKind::Name, "name string"),
        ] {
            assert_eq!(type_words(kind), words);
        }
    }

    #[test]
    fn of_the_mount_lists_the_patterns_sorted() {
        let table = RouteTable::new(
            HostFlavor::OpenBao,
            vec![
                Route { synopsis: " Lists roles. ", ..route("role/?", &[], &[]) },
                route("login$", &[], &[]),
            ],
        )
        .unwrap();
        assert_eq!(
            of_all(table.compiled(), &CONTEXT),
            "\
## DESCRIPTION

Logs in with AWS.

## PATHS

The following paths are supported by this backend. To view help for
any of the paths below, use the help command with any route matching
the path pattern. Note that depending on the policy of your auth token,
you may or may not be able to access certain paths.

    ^login$


    ^role/?$
        Lists roles."
        );
    }
}
