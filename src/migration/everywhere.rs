//! What differs on every mount, whatever is stored.

use super::finding::{Row, Severity};

/// These differences, the wider ones first.
pub static EVERYWHERE: [Row; 6] = [
    Row {
        code: "login.presigned_body",
        severity: Severity::Change,
        built_in: "takes a presigned GET that carries a body",
        here: "refuses it",
        to_do: "Send presigned requests without a body.",
    },
    Row {
        code: "login.other_product",
        severity: Severity::Change,
        built_in: "takes a request that was signed for another product, such as Teleport or Amazon EKS",
        here: "refuses it",
        to_do: "Have clients sign a request for this server.",
    },
    Row {
        code: "login.ambiguous",
        severity: Severity::Change,
        built_in: "takes parts of both login types, several values or lists of Authorization, and broken queries, and decides on one",
        here: "refuses what can be read in two ways",
        to_do: "Nothing: clients of AWS and HashiCorp send nothing of it.",
    },
    Row {
        code: "login.connection_headers",
        severity: Severity::Info,
        built_in: "forwards Connection, Expect, Transfer-Encoding and their like",
        here: "leaves them out, and an unsigned Accept-Encoding with them",
        to_do: "Nothing: no signature covers them.",
    },
    Row {
        code: "login.sts_answer",
        severity: Severity::Change,
        built_in: "takes what it finds in an answer of STS",
        here: "refuses an answer whose parts contradict each other, or that has more than one result",
        to_do: "Where sts_endpoint is a stand-in for AWS, see to it that it answers as AWS does.",
    },
    Row {
        code: "login.role_tag_spelling",
        severity: Severity::Change,
        built_in: "takes several spellings of one role tag, also of one that is on the deny list",
        here: "takes the one that was issued",
        to_do: "Put the tag on instances as it was answered, without spaces or line breaks.",
    },
];
