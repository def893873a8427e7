//! The grid of roles and actions, so that a change of it is seen.

use std::collections::BTreeSet;

use auth::policy::{Engine, Request, Resource, ResourceKind};
use auth::{Action, Principal, Role};
use domain::TenantId;

use crate::{machine, request, user};

const GRID: &str = include_str!("grid.txt");

fn allowed(engine: &Engine, principal: &Principal, role: Role, action: Action, own: bool) -> bool {
    let kind = ResourceKind::of(action).unwrap_or(ResourceKind::Organization);
    let resource = Resource::new(kind, "x", TenantId::LOCAL);
    let resource = if own { resource.owned_by(principal.id()) } else { resource.owned_by("somebody_else") };
    let resource = match kind {
        ResourceKind::Organization => Resource { id: TenantId::LOCAL.to_string(), ..resource },
        _ => resource,
    };
    engine.decide(&Request { principal: principal.clone(), ..request(role, action, resource) }).allow
}

/// `yes`, `own` (only what belongs to who asks), `other` (only what does not), or `-`.
fn word(engine: &Engine, principal: &Principal, role: Role, action: Action) -> &'static str {
    let may = |own| allowed(engine, principal, role, action, own);
    match (may(true), may(false)) {
        (true, true) => "yes",
        (true, false) => "own",
        (false, true) => "other",
        (false, false) => "-",
    }
}

fn principal_of(role: Role) -> Principal {
    if role.is_for_machines() { machine() } else { user() }
}

#[test]
fn the_grid_is_as_written_down() {
    let engine = Engine::new(&[]).expect("built-in policies");
    let mut grid = format!("{:<24}", "");
    for role in Role::ALL {
        grid.push_str(&format!("{:<11}", role.as_str()));
    }
    grid.push_str("a machine as owner\n");
    for action in Action::ALL.iter().copied() {
        grid.push_str(&format!("{:<24}", action.as_str()));
        for role in Role::ALL {
            grid.push_str(&format!("{:<11}", word(&engine, &principal_of(role), role, action)));
        }
        grid.push_str(word(&engine, &machine(), Role::Owner, action));
        grid.push('\n');
    }
    assert!(grid == GRID, "tests/it/grid.txt should be, if this is meant:\n{grid}");
}

#[test]
fn who_may_give_a_role_can_do_all_that_it_can() {
    let engine = Engine::new(&[]).expect("built-in policies");
    let can = |role: Role| -> BTreeSet<Action> {
        let principal = principal_of(role);
        let all = Action::ALL.iter().copied();
        // Saying that one is alive is no power.
        all.filter(|a| *a != Action::AgentsHeartbeat && word(&engine, &principal, role, *a) == "yes")
            .collect()
    };
    let mut wrong = Vec::new();
    for giver in Role::ALL {
        for given in Role::ALL.into_iter().filter(|given| giver.may_give(*given)) {
            let more: Vec<_> = can(given).difference(&can(giver)).copied().collect();
            if !more.is_empty() {
                wrong.push(format!("{giver} gives {given}, which also can {more:?}"));
            }
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
}
