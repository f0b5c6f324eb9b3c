//! What STS answers to `GetCallerIdentity`.

use vault_plugin_auth_aws::aws::arn::Arn;
use vault_plugin_auth_aws::aws::sts::CallerIdentity;
use vault_plugin_auth_aws::proof::verified_caller::VerifiedCaller;

use crate::target::{Target, Verdict};
use crate::xml_reading::{escaped, only, read, text};

const TARGET: Target<1> = Target {
    accepted: &[
        [r#"<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
  <GetCallerIdentityResult>
    <Arn>arn:aws:iam::123456789012:user/dev</Arn>
    <UserId>AIDAIOSFODNN7EXAMPLE</UserId>
    <Account>123456789012</Account>
  </GetCallerIdentityResult>
  <ResponseMetadata><RequestId>01234567-89ab-cdef-0123-456789abcdef</RequestId></ResponseMetadata>
</GetCallerIdentityResponse>
"#],
        [
            r#"<?xml version="1.0" encoding="UTF-8"?><GetCallerIdentityResponse><GetCallerIdentityResult><Arn>arn:aws:sts::1:assumed-role/App/s</Arn><UserId>AROA:s</UserId><Account>1</Account></GetCallerIdentityResult></GetCallerIdentityResponse>"#,
        ],
        [
            r#"<GetCallerIdentityResponse><!-- c --><GetCallerIdentityResult><Arn>a&amp;<![CDATA[<b>]]>&#99;</Arn><UserId>u</UserId><Account>1</Account></GetCallerIdentityResult><x a="b" c='d'/></GetCallerIdentityResponse>"#,
        ],
    ],
    refused: &[
        [
            "<GetCallerIdentityResponse><GetCallerIdentityResult><Arn>a</Arn><UserId>u</UserId><Account>1</Account></GetCallerIdentityResult><GetCallerIdentityResult/></GetCallerIdentityResponse>",
        ],
        [
            "<GetCallerIdentityResponse><GetCallerIdentityResult><Arn>a</Arn><Arn>b</Arn><UserId>u</UserId><Account>1</Account></GetCallerIdentityResult></GetCallerIdentityResponse>",
        ],
        [
            "<GetCallerIdentityResponse><GetCallerIdentityResult><Arn>a</Arn><UserId></UserId><Account>1</Account></GetCallerIdentityResult></GetCallerIdentityResponse>",
        ],
        [
            "<GetCallerIdentityResponse><x><GetCallerIdentityResult><Arn>a</Arn><UserId>u</UserId><Account>1</Account></GetCallerIdentityResult></x></GetCallerIdentityResponse>",
        ],
        [
            "<GetCallerIdentityResponse><GetCallerIdentityResult><Arn>a</Arn><UserId>u</UserId><Account>1</Account></GetCallerIdentityResult></GetCallerIdentityResponse><x/>",
        ],
        [
            "<!DOCTYPE x [<!ENTITY e \"b\">]><GetCallerIdentityResponse><GetCallerIdentityResult><Arn>&e;</Arn><UserId>u</UserId><Account>1</Account></GetCallerIdentityResult></GetCallerIdentityResponse>",
        ],
        ["<ErrorResponse><Error><Code>SignatureDoesNotMatch</Code></Error></ErrorResponse>"],
        ["{\"GetCallerIdentityResponse\":{}}"],
    ],
    tokens: &[&[
        "<GetCallerIdentityResponse>",
        "</GetCallerIdentityResponse>",
        "<GetCallerIdentityResult>",
        "</GetCallerIdentityResult>",
        "<GetCallerIdentityResult/>",
        "<GetCallerIdentityResult><Arn>b</Arn><UserId>c</UserId><Account>2</Account></GetCallerIdentityResult>",
        "<Arn>",
        "</Arn>",
        "<Arn/>",
        "<UserId>",
        "</UserId>",
        "<UserId>x</UserId>",
        "<Account>2</Account>",
        "<Account>",
        "</Account>",
        "<p:",
        "</p:",
        "xmlns:p=\"x\"",
        " a=\"<Arn>\"",
        " a='\"'",
        "<!--",
        "-->",
        "--",
        "<![CDATA[",
        "]]>",
        "<?xml version=\"1.0\"?>",
        "<?pi?>",
        "<!DOCTYPE x>",
        "<!DOCTYPE x [<!ENTITY e \"x\">]>",
        "&e;",
        "&lt;",
        "&amp;",
        "&#0;",
        "&#x41;",
        "&#xD800;",
        "&#13;",
        "&",
        "<",
        ">",
        "/>",
        "\r\n",
        "\0",
        "\u{1}",
        "\u{feff}",
        "\u{ffff}",
        "\u{85}",
        "x",
        "é",
    ]],
    check,
};

#[test]
fn sts_answer() {
    TARGET.run();
}

fn check([input]: [&[u8]; 1]) -> Verdict {
    let Ok(identity) = CallerIdentity::parse(input) else {
        return Verdict::refused("no answer to the request");
    };
    let seen = (identity.arn(), identity.user_id(), identity.account());
    assert!(![seen.0, seen.1, seen.2].contains(&""));
    let again = format!(
        "<GetCallerIdentityResponse><GetCallerIdentityResult><Arn>{}</Arn><UserId>{}</UserId><Account>{}</Account></GetCallerIdentityResult><ResponseMetadata><RequestId>{}</RequestId></ResponseMetadata></GetCallerIdentityResponse>",
        escaped(seen.0),
        escaped(seen.1),
        escaped(seen.2),
        escaped(identity.request_id())
    );
    assert_eq!(CallerIdentity::parse(again.as_bytes()).as_ref(), Ok(&identity), "{again}");
    check_caller(&identity);

    let document = std::str::from_utf8(input).expect("accepted text is UTF-8").trim();
    match read(document) {
        Some(document) => {
            let root = document.root_element();
            assert_eq!(root.tag_name().name(), "GetCallerIdentityResponse");
            let result = only(root, "GetCallerIdentityResult").expect("a result");
            let element = |name| text(only(result, name).expect(name));
            assert_eq!((&*element("Arn"), &*element("UserId"), &*element("Account")), seen);
            Verdict::accepted("by both readers")
        }
        None => Verdict::accepted("with a namespace of its own"),
    }
}

/// A caller is exactly who the answer says.
fn check_caller(identity: &CallerIdentity) {
    let Ok(caller) = VerifiedCaller::from_identity(identity) else { return };
    assert_eq!(Ok(caller.arn()), Arn::parse(identity.arn()).as_ref());
    assert_eq!(caller.account().as_str(), identity.account());
    assert!(!caller.unique_id().is_empty() && !caller.unique_id().contains(':'));
    let session = caller.arn().session();
    if session.is_empty() {
        assert!(identity.user_id().starts_with(caller.unique_id()));
    } else {
        assert_eq!(identity.user_id(), format!("{}:{session}", caller.unique_id()));
    }
}
