//! A mount, and what it tells of a login that meets a fault.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};
use vault_plugin_auth_aws::refusal::{Blame, Code};

use crate::under_test;
use testkit::aws::{Credentials, Fault, Times};
use testkit::stage::Stage;

pub(super) const LOG_LIMIT: Duration = Duration::from_secs(20);
/// Warnings of one code that a mount logs in a minute.
const WARNINGS: u32 = 2;

/// A fault, and what must be told of it.
pub(super) struct Planted {
    /// Its number in the list of faults.
    pub row: &'static str,
    /// What it is, in words.
    pub fault: &'static str,
    /// The code.
    pub code: &'static str,
    /// A word of the hint that no other fault of the code has.
    pub word: &'static str,
}

/// A line of the document.
#[derive(Clone)]
pub(super) struct Row {
    pub row: String,
    pub fault: String,
    pub code: String,
    pub blame: String,
    pub hint: String,
    pub proof: &'static str,
}

/// One mount, and how often its log has warned of each code.
pub(super) struct Scene {
    pub stage: Stage,
    warned: BTreeMap<String, u32>,
    roles: u32,
}

impl Scene {
    pub(super) async fn open() -> Self {
        Self::on(under_test::stage().await).await
    }

    pub(super) async fn on(stage: Stage) -> Self {
        stage.write_config(&json!({"max_retries": 0})).await;
        Self { stage, warned: BTreeMap::new(), roles: 0 }
    }

    /// A role of a name that no other fault has.
    pub(super) async fn role(&mut self, fields: Value) -> String {
        self.roles += 1;
        let name = format!("fault-{}", self.roles);
        self.stage.role(&name, fields).await;
        name
    }

    /// AWS answers every call of an action with an error, and somebody logs in.
    pub(super) async fn scripted(
        &mut self,
        planted: Planted,
        (action, status, code, message): (&str, u16, &str, &str),
        (credentials, role): (&Credentials, &str),
    ) -> Row {
        self.stage.aws.fault(action, Times::Always, Fault::error(status, code, message));
        let login = self.stage.login_data(credentials, role);
        let row = self.told(planted, &login).await;
        self.stage.aws.clear_faults();
        row
    }

    /// What is told of a login that must be refused: the same by its answer, by the log and by explain.
    pub(super) async fn told(&mut self, planted: Planted, login: &Value) -> Row {
        let Planted { row, fault, code, word } = planted;
        let role = login["role"].as_str().expect("a role").to_owned();
        let mut payload = login.clone();
        payload.as_object_mut().expect("an object").remove("role");

        let before = self.stage.mount.storage().entries();
        let explained = self.stage.mount.write(&format!("role/{role}/explain"), &payload).await.expect(200);
        assert_eq!(explained.auth, None, "{row}");
        assert_eq!(self.stage.mount.storage().entries(), before, "{row}: it leaves nothing behind");
        let first = &explained.data["first_failure"];
        assert_eq!(explained.data["verdict"], "refused", "{row}: {:#}", explained.data);
        let hint = first["hint"].as_str().unwrap_or_default().to_owned();
        let of_code = Code::ALL.iter().find(|known| known.as_str() == code).expect("a code");
        let blame = of_code.blame();
        assert_eq!(
            (&first["code"], &first["blame"]),
            (&json!(code), &json!(blame.as_str())),
            "{row}: {:#}",
            explained.data
        );
        assert!(hint.contains(word), "{row}: {word:?} is not in {hint:?}");

        let answer = self.stage.mount.login_only(login).await;
        assert!(answer.status >= 400 && answer.auth.is_none(), "{row}: {answer:#?}");
        let words = first["text"].as_str().expect("a text").split("equest").next().unwrap_or_default();
        assert!(answer.error().starts_with(words), "{row}: {} is not {words}", answer.error());

        let times = self.warned.entry(code.to_owned()).or_default();
        *times += 1;
        if blame == Blame::Client || *times <= WARNINGS {
            let is_of_role = |fields: &Value| fields == &json!(role);
            let line = self
                .stage
                .host
                .wait_for_log(LOG_LIMIT, |entry| entry.fields.get("role").is_some_and(is_of_role));
            let line = line.await.unwrap_or_else(|| panic!("{row}: no line about the login for {role}"));
            assert_eq!((&line.fields["code"], &line.fields["hint"]), (&json!(code), &json!(hint)), "{row}");
        }
        Row {
            row: row.to_owned(),
            fault: fault.to_owned(),
            code: code.to_owned(),
            blame: blame.as_str().to_owned(),
            hint: hint.replace(&self.stage.aws.address().to_string(), "sts.example"),
            proof: "end to end",
        }
    }
}
