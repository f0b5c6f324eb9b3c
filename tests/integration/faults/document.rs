//! `docs/faults.md`: the table of faults, as the tests have seen them.

use std::fs;
use std::path::PathBuf;

use vault_plugin_auth_aws::refusal::Code;

use super::scene::Row;

const HEAD: &str = "\
# Faults, and what is told of them

What can go wrong between a client, this plugin and AWS, and the first line that is told of it: by the `hint` of the
login's log line, and by `first_failure` of [explain](explain.md). The code stands beside it in both, and never
changes. The answer of the login has the words of the built-in method, which the hint follows where it has values of
this one login. Who must act is whoever can end the fault: the `client` that sends the login, the `operator` of the
mount, its roles and its rights in AWS, or `aws` itself, whose trouble may pass.

This table is written by the tests. `end to end` means that a login of a whole plugin met the fault at a stand-in that
answers in the shapes of AWS, and that answer, log and explain agreed; the faults of `config/rotate-root` are met by that
request, whose answer and log are compared. `mapping` means that what AWS answers is mapped to the code by a function
that a test of its own holds: no request to this version has AWS asked for web identity tokens of the client's account,
so nobody meets those faults yet. The number is that of the fault in the project's list; the faults without one are seen
by the plugin itself. `sts.example` stands for the endpoint.

| No. | Fault | First line | Who acts | Code | Proof |
|---|---|---|---|---|---|
";

/// What no request to this version meets: it never has AWS asked for such a token.
const MAPPED: [(&str, &str, &str); 3] = [
    ("26", "The client's account issues no web identity tokens", "outbound_token.disabled"),
    ("26", "A web identity token would outlive its session", "outbound_token.duration"),
    ("26", "A web identity token would be too large", "outbound_token.size"),
];

/// The rows that are held by tests of the mapping alone.
pub(super) fn mapped() -> Vec<Row> {
    let row = |(row, fault, code): (&str, &str, &str)| {
        let known = Code::ALL.iter().find(|known| known.as_str() == code).expect("a code");
        Row {
            row: row.to_owned(),
            fault: fault.to_owned(),
            code: code.to_owned(),
            blame: known.blame().as_str().to_owned(),
            hint: known.hint().to_owned(),
            proof: "mapping",
        }
    };
    MAPPED.map(row).into()
}

fn text(mut rows: Vec<Row>) -> String {
    rows.sort_by_key(|row| row.row.parse::<u32>().unwrap_or(u32::MAX));
    let mut text = HEAD.to_owned();
    for Row { row, fault, code, blame, hint, proof } in rows {
        text.push_str(&format!(
            "| {row} | {fault} | {} | {blame} | `{code}` | {proof} |\n",
            hint.replace('<', "&lt;").replace('|', "\\|")
        ));
    }
    text
}

/// Every number of the list has its row, and the document has these rows.
pub(super) fn compare(rows: Vec<Row>) {
    for number in 1..=42_u32 {
        assert!(rows.iter().any(|row| row.row == number.to_string()), "fault {number} is not in the table");
    }
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("docs/faults.md");
    let text = text(rows);
    if std::env::var_os("UPDATE_FAULTS").is_some() {
        fs::write(&path, &text).expect("the document is written");
        return;
    }
    let committed = fs::read_to_string(&path).unwrap_or_default();
    let lacks: Vec<&str> = text.lines().filter(|line| !committed.contains(line)).collect();
    assert!(
        committed == text,
        "docs/faults.md lacks {lacks:#?}; if that is meant, set UPDATE_FAULTS=1 and run the test again"
    );
}
