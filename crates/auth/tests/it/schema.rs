//! The schema and the enums say the same.

use std::collections::BTreeSet;

use auth::Action;
use auth::policy::{BUILTIN, ResourceKind, SCHEMA};
use cedar_policy::{EntityUid, PolicySet, Schema, ValidationMode, Validator};

fn schema() -> Schema {
    let (schema, warnings) = Schema::from_cedarschema_str(SCHEMA).expect("the schema is valid");
    assert_eq!(warnings.map(|w| w.to_string()).collect::<Vec<_>>(), Vec::<String>::new());
    schema
}

fn action(word: &str) -> EntityUid {
    format!("Action::\"{word}\"").parse().expect("an action")
}

#[test]
fn actions_groups_and_kinds_are_the_enums() {
    let schema = schema();
    let groups: BTreeSet<&str> = Action::ALL.iter().map(|a| a.group_name()).collect();
    let ours: BTreeSet<EntityUid> =
        Action::ALL.iter().map(|a| a.as_str()).chain(groups.iter().copied()).map(action).collect();
    assert_eq!(schema.actions().cloned().collect::<BTreeSet<_>>(), ours);
    for one in Action::ALL {
        let uid = action(one.as_str());
        let takes: BTreeSet<String> = schema
            .resources_for_action(&uid)
            .expect("the schema has the action")
            .map(ToString::to_string)
            .collect();
        let want: BTreeSet<String> =
            ResourceKind::ALL.iter().filter(|k| k.takes(*one)).map(|k| k.as_str().to_owned()).collect();
        assert_eq!(takes, want, "{one}");
        let group = action(one.group_name());
        assert!(schema.action_entities().expect("a hierarchy").is_ancestor_of(&group, &uid), "{one}");
    }
}

#[test]
fn built_in_policies_are_valid_without_a_warning_and_have_names() {
    let policies: PolicySet = BUILTIN.parse().expect("the built-in policies parse");
    let result = Validator::new(schema()).validate(&policies, ValidationMode::Strict);
    let said: Vec<String> = result
        .validation_errors()
        .map(ToString::to_string)
        .chain(result.validation_warnings().map(ToString::to_string))
        .collect();
    assert_eq!(said, Vec::<String>::new());
    for policy in policies.policies() {
        let id = policy.annotation("id").unwrap_or_default();
        assert!(id.starts_with("builtin:") && policy.annotation("description").is_some(), "{policy}");
    }
}
