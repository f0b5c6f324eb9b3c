//! What the recipes of the project call is what this program takes.

use std::ffi::OsString;

use clap::ArgMatches;

use super::sink::Sink;
use super::split;
use crate::command::aws_settings::AwsSettings;
use crate::command::go_flags;

/// The arguments behind the program's name, as the parser sees them.
fn parsed(arguments: &[String]) -> ArgMatches {
    assert_eq!(arguments.first().map(String::as_str), Some("agent"), "{arguments:?}");
    let definition = crate::command::definition();
    let words = std::iter::once("program").chain(arguments.iter().map(String::as_str)).map(OsString::from);
    let matches = definition.clone().try_get_matches_from(go_flags::normalized(words, &definition));
    matches.unwrap_or_else(|error| panic!("{error}")).remove_subcommand().unwrap().1
}

/// The role that is logged in to, and whether a readiness file is asked for.
fn checked(arguments: &[String]) -> (String, bool) {
    let matches = parsed(arguments);
    assert!(matches.get_many::<Sink>("sink").unwrap().all(|sink| !sink.is_public()));
    let settings = AwsSettings::read(&matches, &mut std::io::empty()).unwrap();
    (settings.role, matches.contains_id("ready-file"))
}

/// The JSON list that follows in a text.
fn list_after(text: &str, name: &str) -> Vec<String> {
    let (_, rest) = text.split_once(name).unwrap();
    serde_json::Deserializer::from_str(rest).into_iter().next().unwrap().unwrap()
}

#[test]
fn the_unit_of_systemd() {
    let unit = include_str!("../../../plugin-catalog/recipes/vault-token.service");
    let line = unit.replace("\\\n", "");
    let line = line.lines().find_map(|line| line.strip_prefix("ExecStart=")).unwrap();
    let words = split::words(line).unwrap();
    assert_eq!(checked(&words[1..]), ("machine".to_owned(), false));
}

#[test]
fn the_pod_of_kubernetes() {
    let text = include_str!("../../../plugin-catalog/recipes/kubernetes-sidecar.yaml");
    assert_eq!(checked(&list_after(text, "args:")), ("app".to_owned(), true));
}

#[test]
fn the_task_of_ecs() {
    let text = include_str!("../../../plugin-catalog/recipes/ecs-task.json");
    let task: serde_json::Value = serde_json::from_str(text).unwrap();
    let command = task["containerDefinitions"][0]["command"].clone();
    let command: Vec<String> = serde_json::from_value(command).unwrap();
    assert_eq!(checked(&command), ("app".to_owned(), true));
}
