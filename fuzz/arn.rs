//! Principal ARNs.

use vault_plugin_auth_aws::aws::arn::{Arn, ArnError, EntityKind};

use crate::target::{Target, Verdict};

const TARGET: Target<1> = Target {
    accepted: &[
        ["arn:aws:iam::123456789012:user/UserPath/MyUserName"],
        ["arn:aws:iam::123456789012:user/u"],
        ["arn:aws:sts::123456789012:assumed-role/RoleName/RoleSessionName"],
        ["arn:aws-us-gov:iam::1:role/a/b/R"],
        ["arn:aws-cn:iam::1:instance-profile/p/N"],
        ["arn:aws:iam:us-east-1:1:user//u"],
    ],
    refused: &[
        ["arn:aws:iam::1:root"],
        ["arn:aws:sts::1:federated-user/bob"],
        ["arn:aws:iam::1:user/"],
        ["arn:aws:sts::1:assumed-role/R/s/x"],
        ["arn:aws:iam::1:user/a:b"],
        ["arn:aws:ec2::1:user/u"],
    ],
    tokens: &[&[
        ":",
        "/",
        "//",
        "::",
        "arn:",
        "aws",
        "iam",
        "sts",
        "user/",
        "role/",
        "assumed-role/",
        "instance-profile/",
        "*",
        "\n",
        "\0",
        "é",
    ]],
    check,
};

#[test]
fn arn() {
    TARGET.run();
}

fn check([input]: [&[u8]; 1]) -> Verdict {
    let text = String::from_utf8_lossy(input);
    let arn = match Arn::parse(&text) {
        Ok(arn) => arn,
        Err(error) => {
            return Verdict::refused(match error {
                ArnError::PartCount(_) => "part count",
                ArnError::Prefix => "prefix",
                ArnError::Service(_) => "service",
                ArnError::TooFewParts { .. } => "too few parts",
                ArnError::TooManyParts(_) => "too many parts",
                ArnError::EmptyName(_) => "empty name",
                ArnError::Kind(_) => "kind",
            });
        }
    };
    assert_eq!(arn.as_str(), text);
    let parts: Vec<&str> = text.split(':').collect();
    assert_eq!((parts[1], parts[4]), (arn.partition(), arn.account().as_str()));
    assert!(!arn.name().is_empty() && !arn.name().contains(['/', ':']));
    assert!(!arn.session().contains(['/', ':']));
    assert_eq!(arn.kind() == EntityKind::AssumedRole, !arn.session().is_empty());

    let canonical = Arn::parse(&arn.canonical()).expect("the canonical form is an ARN");
    assert_eq!(canonical.canonical(), arn.canonical());
    assert_eq!(canonical.as_str(), arn.canonical());
    assert_eq!(
        (canonical.partition(), canonical.account(), canonical.name(), canonical.session()),
        (arn.partition(), arn.account(), arn.name(), "")
    );
    let kind = match arn.kind() {
        EntityKind::AssumedRole => EntityKind::Role,
        kind => kind,
    };
    assert_eq!(canonical.kind(), kind);
    Verdict::accepted(format!("{kind:?}"))
}
