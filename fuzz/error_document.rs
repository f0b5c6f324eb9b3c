//! Error documents of AWS services.

use http::StatusCode;
use vault_plugin_auth_aws::aws::error::{CallError, ServiceError};

use crate::target::{Target, Verdict};
use crate::xml_reading::{escaped, only, read, text, texts};

/// Status and body.
const TARGET: Target<2> = Target {
    accepted: &[
        [
            "404",
            r#"<ErrorResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/"><Error><Type>Sender</Type><Code>NoSuchEntity</Code><Message>The user with name x cannot be found.</Message></Error><RequestId>r</RequestId></ErrorResponse>"#,
        ],
        [
            "503",
            r#"<?xml version="1.0" encoding="UTF-8"?>
<Response><Errors><Error><Code>RequestLimitExceeded</Code><Message>Request limit exceeded.</Message></Error></Errors><RequestID>q</RequestID></Response>"#,
        ],
        ["400", "<ErrorResponse><Error><Code>Throttling</Code></Error></ErrorResponse>"],
    ],
    refused: &[
        ["400", "<ErrorResponse><Error><Code>a</Code><Code>b</Code></Error></ErrorResponse>"],
        ["400", "<ErrorResponse><Error><Code/></Error></ErrorResponse>"],
        ["502", "<html><body>Bad Gateway</body></html>"],
        ["403", "{\"message\":\"Forbidden\"}"],
    ],
    tokens: &[&[
        "<ErrorResponse>",
        "</ErrorResponse>",
        "<Response>",
        "</Response>",
        "<Errors>",
        "</Errors>",
        "<Error>",
        "</Error>",
        "<Code>",
        "</Code>",
        "<Code>Throttling</Code>",
        "<Code/>",
        "<Message>",
        "</Message>",
        "<Message>x</Message>",
        "<RequestId>x</RequestId>",
        "<RequestID>x</RequestID>",
        "<!--",
        "-->",
        "<![CDATA[",
        "]]>",
        "&lt;",
        "&#10;",
        "&",
        "<",
        "<p:",
        " xmlns:p=\"x\"",
        "SlowDown",
        "599",
        "200",
        "\0",
        "\u{feff}",
        "é",
    ]],
    check,
};

#[test]
fn error_document() {
    TARGET.run();
}

fn check([status, body]: [&[u8]; 2]) -> Verdict {
    let status = StatusCode::from_bytes(status).unwrap_or(StatusCode::BAD_REQUEST);
    let error = ServiceError::parse(status, body);
    assert_eq!(error.status, status);
    assert!(!error.code.is_empty());
    let shown = error.to_string();
    assert!(shown.starts_with(&format!("{}: {}", error.code, error.message)), "{shown}");
    assert!(shown.ends_with(&format!("status code: {}, request id: {}", status.as_u16(), error.request_id)));
    let throttled = matches!(CallError::from(error.clone()), CallError::Throttled(_));
    assert_eq!(throttled, error.is_throttling());
    let again = format!(
        "<ErrorResponse><Error><Code>{}</Code><Message>{}</Message></Error><RequestId>{}</RequestId></ErrorResponse>",
        escaped(&error.code),
        escaped(&error.message),
        escaped(&error.request_id)
    );
    assert_eq!(ServiceError::parse(status, again.as_bytes()), error, "{again}");

    if error.code == "UnknownError" {
        assert!(!throttled);
        return Verdict::refused("no error document");
    }
    let document = std::str::from_utf8(body).expect("what was read is UTF-8");
    match read(document) {
        Some(document) => {
            let root = document.root_element();
            assert!(["ErrorResponse", "Response"].contains(&root.tag_name().name()));
            let found =
                |name| [texts(root, &["Error", name]), texts(root, &["Errors", "Error", name])].concat();
            assert_eq!(found("Code"), [error.code.as_str()]);
            assert_eq!(found("Message").concat(), error.message);
            let id = only(root, "RequestId").or(only(root, "RequestID")).map(text);
            assert_eq!(id.unwrap_or_default(), error.request_id);
            Verdict::accepted(if throttled { "throttling" } else { "error" })
        }
        None => Verdict::accepted("with a namespace of its own"),
    }
}
