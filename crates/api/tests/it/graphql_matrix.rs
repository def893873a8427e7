//! Every field of the graph x who calls, taken from the schema itself: a new field joins, and one with an id that this
//! file can't name a thing by fails it.
//!
//! As in `rest_matrix.rs`: for each place where an id stands, another organization names what is not its own and then
//! what is nowhere, and gets the same answer for the same work.

use std::collections::BTreeMap;
use std::time::Duration;

use async_graphql::parser::parse_schema;
use async_graphql::parser::types::{
    BaseType, FieldDefinition, InputValueDefinition, Type, TypeKind, TypeSystemDefinition,
};
use auth::Role;
use axum::http::{Method, StatusCode};
use domain::TenantId;
use serde_json::{Map, Value, json};
use testkit::postgres::Filter;

use crate::rest_world::{Answer, CANARY, OTHERS, Place, Things, World, other};

/// How deep answers are asked for.
const DEPTH: usize = 2;

/// Fields and members of inputs by the names of their types.
struct Schema {
    kinds: BTreeMap<String, TypeKind>,
}

/// One field of `Query`, `Mutation` or `Subscription`.
pub(crate) struct Field {
    pub(crate) of: &'static str,
    definition: FieldDefinition,
}

impl Field {
    pub(crate) fn name(&self) -> &str {
        &self.definition.name.node
    }
}

/// Where a field is told which thing it is about: an argument, or a member of one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Spot(Vec<String>);

/// A call of a field: the text and its variables.
pub(crate) struct Call {
    pub(crate) query: String,
    pub(crate) variables: Value,
}

/// The graph as its own schema tells it.
pub(crate) struct Graph(Schema);

impl Graph {
    pub(crate) fn of(world: &World) -> Self {
        let document = parse_schema(world.state.graphql().sdl()).expect("it is a schema");
        let kinds = document.definitions.into_iter().filter_map(|definition| match definition {
            TypeSystemDefinition::Type(of) => Some((of.node.name.node.to_string(), of.node.kind)),
            _ => None,
        });
        Self(Schema { kinds: kinds.collect() })
    }

    /// The fields of a root, such as `Query`.
    pub(crate) fn fields(&self, root: &'static str) -> Vec<Field> {
        let Some(TypeKind::Object(object)) = self.0.kinds.get(root) else { panic!("there is no {root}") };
        object.fields.iter().map(|f| Field { of: root, definition: f.node.clone() }).collect()
    }

    /// The places of ids in a field's arguments.
    pub(crate) fn spots(&self, field: &Field) -> Vec<Spot> {
        let mut found = Vec::new();
        for argument in &field.definition.arguments {
            self.0.spots(&argument.node, Vec::new(), &mut found);
        }
        found
    }

    /// A call that names `theirs` in one place, and its own things elsewhere.
    pub(crate) fn call(&self, field: &Field, spot: Option<&Spot>, own: &Things, theirs: &Things) -> Call {
        let mut variables = Map::new();
        let (mut declared, mut passed) = (Vec::new(), Vec::new());
        for argument in field.definition.arguments.iter().map(|a| &a.node) {
            let path = vec![argument.name.node.to_string()];
            let names = Names { field: field.name(), spot, own, theirs };
            if let Some(value) = self.0.value(argument, path, &names) {
                let name = &argument.name.node;
                declared.push(format!("${name}: {}", argument.ty.node));
                passed.push(format!("{name}: ${name}"));
                variables.insert(name.to_string(), value);
            }
        }
        let list =
            |all: &[String]| if all.is_empty() { String::new() } else { format!("({})", all.join(", ")) };
        let selection = self.0.selection(&field.definition.ty.node, DEPTH);
        let query = format!(
            "{}{} {{ {}{}{selection} }}",
            field.of.to_lowercase(),
            list(&declared),
            field.name(),
            list(&passed)
        );
        Call { query, variables: variables.into() }
    }
}

/// What ids there are for a call.
struct Names<'a> {
    field: &'a str,
    spot: Option<&'a Spot>,
    own: &'a Things,
    theirs: &'a Things,
}

/// The thing that an argument of a field names.
fn named<'a>(things: &'a Things, field: &str, argument: &str) -> &'a str {
    let whole = match (argument, field) {
        ("id", _) => {
            let field = field.to_lowercase();
            let kinds = [
                ("pullrequest", "pull_request_id"),
                ("requestchanges", "pull_request_id"),
                ("artifact", "artifact_id"),
                ("project", "project_id"),
                ("agent", "agent_id"),
                ("task", "task_id"),
                ("run", "run_id"),
            ];
            let kind = kinds.iter().find(|(word, _)| field.contains(word));
            kind.unwrap_or_else(|| panic!("this test can't tell what the id of {field} names")).1
        }
        ("lastEventId", _) => "event_id",
        (name, _) => name,
    };
    things.named(whole).unwrap_or_else(|| panic!("this test can't tell what {argument} of {field} names"))
}

fn base(ty: &Type) -> &str {
    match &ty.base {
        BaseType::Named(name) => name,
        BaseType::List(of) => base(of),
    }
}

fn is_list(ty: &Type) -> bool {
    matches!(ty.base, BaseType::List(_))
}

impl Schema {
    fn spots(&self, of: &InputValueDefinition, mut path: Vec<String>, found: &mut Vec<Spot>) {
        path.push(of.name.node.to_string());
        match (base(&of.ty.node), self.kinds.get(base(&of.ty.node))) {
            ("ID", _) => found.push(Spot(path)),
            (_, Some(TypeKind::InputObject(object))) => {
                object.fields.iter().for_each(|field| self.spots(&field.node, path.clone(), found));
            }
            _ => {}
        }
    }

    /// A value for an argument; none where it is not needed.
    fn value(&self, of: &InputValueDefinition, path: Vec<String>, names: &Names<'_>) -> Option<Value> {
        let (ty, name) = (&of.ty.node, of.name.node.as_str());
        if name == "pagination" {
            // Agents come as they were registered, everything else newest first.
            return Some(json!({ if names.field == "agents" { "last" } else { "first" }: 1 }));
        }
        let leads_there = names.spot.is_some_and(|spot| spot.0.starts_with(&path));
        let needed = !ty.nullable && of.default_value.is_none();
        if !leads_there && !needed {
            return None;
        }
        if let Some(TypeKind::InputObject(object)) = self.kinds.get(base(ty)) {
            let member = |field: &InputValueDefinition| {
                let mut path = path.clone();
                path.push(field.name.node.to_string());
                Some((field.name.node.to_string(), self.value(field, path, names)?))
            };
            let members: Map<_, _> = object.fields.iter().filter_map(|f| member(&f.node)).collect();
            return Some(members.into());
        }
        let value = match (base(ty), self.kinds.get(base(ty))) {
            ("ID", _) => json!(named(if leads_there { names.theirs } else { names.own }, names.field, name)),
            ("Int" | "Float", _) => json!(1),
            ("Boolean", _) => json!(true),
            ("JSON", _) => json!({}),
            (_, Some(TypeKind::Enum(of))) => json!(of.values[0].node.value.node),
            _ => json!(match name {
                "repositoryUrl" => "/srv/other",
                "type" => "developer",
                "confirm" => OTHERS,
                _ => "x",
            }),
        };
        Some(if is_list(ty) { json!([value]) } else { value })
    }

    /// Everything that a type has, so deep; of lists the first one.
    fn selection(&self, ty: &Type, depth: usize) -> String {
        let Some(TypeKind::Object(object)) = self.kinds.get(base(ty)) else { return String::new() };
        let mut parts = Vec::new();
        for field in object.fields.iter().map(|f| &f.node) {
            let is_object = matches!(self.kinds.get(base(&field.ty.node)), Some(TypeKind::Object(_)));
            // Wrappers of pages cost no depth.
            let wraps = ["edges", "node", "pageInfo"].contains(&field.name.node.as_str());
            if is_object && depth == 0 && !wraps {
                continue;
            }
            let arguments: Vec<_> = field.arguments.iter().map(|a| a.node.name.node.as_str()).collect();
            let first = match () {
                () if arguments.contains(&"first") => "(first: 1)",
                () if arguments.contains(&"pagination") => "(pagination: {first: 1})",
                () => "",
            };
            let below = if wraps { depth } else { depth.saturating_sub(1) };
            parts.push(format!("{}{first}{}", field.name.node, self.selection(&field.ty.node, below)));
        }
        format!(" {{ {} }}", parts.join(" "))
    }
}

async fn send(world: &World, token: Option<&str>, call: &Call) -> Answer {
    let body = json!({ "query": call.query, "variables": call.variables });
    world.send(Method::POST, "/graphql", token, Some(&body)).await
}

#[tokio::test]
async fn nobody_asks_the_graph_without_a_valid_token() {
    let world = World::new().await;
    let (graph, things) = (Graph::of(&world), world.things().await);
    let expired = world.token_that_lasts(TenantId::LOCAL, Role::Owner, Duration::ZERO).await;
    for field in graph.fields("Query").iter().chain(&graph.fields("Mutation")) {
        let call = graph.call(field, graph.spots(field).first(), &things, &things);
        for token in [None, Some(expired.as_str()), Some("aamas_pat_x")] {
            let answer = send(&world, token, &call).await;
            assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{}: {}", field.name(), answer.text);
            assert!(!answer.text.contains(CANARY), "{}", answer.text);
        }
    }
}

#[tokio::test]
async fn another_organization_sees_nothing_in_the_graph_and_changes_nothing() {
    others_see_nothing(Place::Sqlite, &Role::ALL).await;
}

#[tokio::test]
async fn another_organization_sees_nothing_in_the_graph_for_the_same_work_on_postgres() {
    others_see_nothing(Place::Postgres(Filter::Kept), &[Role::Owner, Role::Viewer]).await;
}

#[tokio::test]
async fn row_security_alone_keeps_organizations_apart_in_the_graph_on_postgres() {
    others_see_nothing(Place::Postgres(Filter::TakenOut), &[Role::Owner, Role::Viewer]).await;
}

async fn others_see_nothing(place: Place, roles: &[Role]) {
    let world = World::at(place).await;
    let (graph, things) = (Graph::of(&world), world.things().await);
    let own = world.things_of(other(), OTHERS).await;
    let before = world.picture(&things).await;
    for role in roles {
        let stranger = world.token(other(), *role).await;
        // What is looked for is looked for before anything of one's own is put away.
        for root in ["Query", "Mutation"] {
            for field in graph.fields(root) {
                for spot in graph.spots(&field) {
                    same_as_nowhere(&world, &graph, &field, &spot, &stranger, &own, &things).await;
                }
            }
        }
        for field in graph.fields("Query") {
            let call = graph.call(&field, None, &own, &own);
            let answer = send(&world, Some(&stranger), &call).await;
            assert!(!answer.text.contains(CANARY), "{role} {}: {}", field.name(), answer.text);
        }
    }
    assert_eq!(world.picture(&things).await, before);
}

async fn same_as_nowhere(
    world: &World,
    graph: &Graph,
    field: &Field,
    spot: &Spot,
    stranger: &str,
    own: &Things,
    things: &Things,
) {
    let nowhere = Things::nowhere();
    let mut tries = 0;
    loop {
        let ask = |theirs| async move {
            send(world, Some(stranger), &graph.call(field, Some(spot), own, theirs)).await
        };
        let theirs = world.worked(ask(things)).await;
        let none = world.worked(ask(&nowhere)).await;
        let case = format!("{} {spot:?}: {}", field.name(), theirs.0.text);
        assert_eq!(theirs.0.status, StatusCode::OK, "{case}");
        assert!(!theirs.0.text.contains(CANARY), "{case}");
        let unfit = ["internal", "query_too", "invalid_query", "timeout"];
        assert!(!unfit.iter().any(|code| theirs.0.text.contains(code)), "{case}");
        assert_eq!(things.blot(&theirs.0.text), nowhere.blot(&none.0.text), "{case}");
        if field.of == "Mutation" {
            assert_eq!(theirs.0.json()["data"][field.name()]["success"], false, "{case}");
        }
        if theirs.1 == none.1 {
            return;
        }
        tries += 1;
        assert!(tries < 4, "{case}: {:#?} is not the work of {:#?}", theirs.1, none.1);
    }
}

/// The calls of these tests show what they name to whom it belongs, and change it.
#[tokio::test]
async fn the_calls_of_this_test_reach_what_they_name() {
    let world = World::new().await;
    let (graph, things) = (Graph::of(&world), world.things().await);
    let owner = world.token(TenantId::LOCAL, Role::Owner).await;
    for field in graph.fields("Query") {
        for spot in graph.spots(&field) {
            let answer = send(&world, Some(&owner), &graph.call(&field, Some(&spot), &things, &things)).await;
            let case = format!("{} {spot:?}: {}", field.name(), answer.text);
            assert!(answer.json()["errors"].is_null(), "{case}");
            // The agents that wait for work of a task are not those of this file.
            assert!(
                answer.text.contains(CANARY) || spot.0.ends_with(&["assignedAgent".to_owned()]),
                "{case}"
            );
        }
    }
    for field in graph.fields("Mutation") {
        for spot in graph.spots(&field) {
            let answer = send(&world, Some(&owner), &graph.call(&field, Some(&spot), &things, &things)).await;
            let case = format!("{} {spot:?}: {}", field.name(), answer.text);
            assert!(answer.json()["errors"].is_null() && !answer.text.contains("there is no"), "{case}");
        }
    }
}

#[tokio::test]
async fn roles_that_only_read_change_nothing_by_the_graph() {
    let world = World::new().await;
    let (graph, things) = (Graph::of(&world), world.things().await);
    let before = world.picture(&things).await;
    for role in [Role::Viewer, Role::Auditor] {
        let token = world.token(TenantId::LOCAL, role).await;
        for field in graph.fields("Mutation") {
            let answer = send(&world, Some(&token), &graph.call(&field, None, &things, &things)).await;
            let found = &answer.json()["data"][field.name()];
            assert_eq!(found["success"], false, "{role} {}: {}", field.name(), answer.text);
        }
    }
    assert_eq!(world.picture(&things).await, before);
}
