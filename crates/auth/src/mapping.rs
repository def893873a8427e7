//! From what an identity provider says about somebody to a role of ours.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::role::Role;

/// Which claim names groups, and which role each group has.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoleMapping {
    /// Name of the claim, such as `groups`. A dot leads into a member: `realm_access.roles`. Without one, only the default counts.
    pub claim: Option<String>,
    /// Group and role; the first whose group the person has wins.
    pub roles: Vec<(String, Role)>,
    /// The role of who has none of the groups; without one they are refused.
    pub default: Option<Role>,
}

impl RoleMapping {
    /// The groups that `claims` name: an array of texts, or one text with groups between white space.
    #[must_use]
    pub fn groups(&self, claims: &Value) -> Vec<String> {
        let Some(claim) = &self.claim else { return Vec::new() };
        match find(claims, claim) {
            Some(Value::Array(groups)) => {
                groups.iter().filter_map(|group| group.as_str().map(str::to_owned)).collect()
            }
            Some(Value::String(groups)) => groups.split_whitespace().map(str::to_owned).collect(),
            _ => Vec::new(),
        }
    }

    /// The role of who is in `groups`, or `None` to refuse.
    #[must_use]
    pub fn role(&self, groups: &[String]) -> Option<Role> {
        let first = self.roles.iter().find(|(group, _)| groups.contains(group));
        first.map(|(_, role)| *role).or(self.default)
    }

    /// Whether `claims` say anything about groups.
    pub(crate) fn is_answered_by(&self, claims: &Value) -> bool {
        self.claim.as_ref().is_none_or(|claim| find(claims, claim).is_some())
    }
}

/// The claim of this name, dots and all (some are addresses), or else by its path.
fn find<'a>(claims: &'a Value, name: &str) -> Option<&'a Value> {
    claims.get(name).or_else(|| name.split('.').try_fold(claims, |value, part| value.get(part)))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_first_group_of_the_mapping_wins() {
        let mapping = |claim: &str, default| RoleMapping {
            claim: Some(claim.into()),
            roles: vec![("leads".into(), Role::Maintainer), ("dev team".into(), Role::Developer)],
            default,
        };
        let cases = [
            ("groups", json!({"groups": ["dev team", "leads"]}), None, Some(Role::Maintainer)),
            ("groups", json!({"groups": ["dev team"]}), None, Some(Role::Developer)),
            ("groups", json!({"groups": "x leads"}), None, Some(Role::Maintainer)),
            ("groups", json!({"groups": ["Leads"]}), None, None),
            ("groups", json!({"groups": [7, null]}), Some(Role::Viewer), Some(Role::Viewer)),
            ("groups", json!({}), None, None),
            (
                "realm_access.roles",
                json!({"realm_access": {"roles": ["leads"]}}),
                None,
                Some(Role::Maintainer),
            ),
            (
                "https://x.example/groups",
                json!({"https://x.example/groups": ["leads"]}),
                None,
                Some(Role::Maintainer),
            ),
        ];
        for (claim, claims, default, want) in cases {
            let mapping = mapping(claim, default);
            assert_eq!(mapping.role(&mapping.groups(&claims)), want, "{claims}");
        }
    }
}
