//! The description of the API: what the handlers say of themselves, and what holds for all of them alike.

mod answers;
mod examples;
mod links;

use std::collections::HashMap;

use axum::http::Method;
use serde::Serialize;
use serde_json::{Map, Value, json};
use utoipa::openapi::OpenApi;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::{Modify, OpenApi as _};

use crate::problem::{FieldError, Problem};

const ABOUT: &str = "A self-hosted team of AI agents that turns tasks into reviewed pull requests.\n\n\
    **Errors** are problem documents (RFC 9457), `application/problem+json`. 422: the request is not what this description \
    says, and `errors` names the members. 409: it is, but does not fit what is there.\n\n\
    **Versions**: what can be changed has an `ETag`. `If-Match` with an old one is 412; `If-None-Match` with the present one is \
    304. Both are headers of HTTP (RFC 9110) and not listed with each operation.\n\n\
    **Repetition**: an `Idempotency-Key` of 1 to 255 visible characters on a POST gives the first answer again for 24 hours, with \
    `idempotency-replayed: true`; with another request it is 422.\n\n\
    **Browsers** that change something with the session's cookie send `x-aamas-csrf: 1`.\n\n\
    **Queries** with a member that is not listed here are 422.\n\n\
    **Limits**: bodies of 2 MB, 30 s, and so many requests a second for each caller (429 with `Retry-After`).";

#[derive(utoipa::OpenApi)]
#[openapi(
    info(title = "AAMAS", description = ABOUT, license(name = "Apache-2.0", identifier = "Apache-2.0"), version = "1"),
    security(("token" = []), ("session" = [])),
    components(schemas(Problem, FieldError)),
    tags(
        (name = "projects", description = "What an organization works on."),
        (name = "tasks", description = "What is asked of the agents."),
        (name = "runs", description = "One execution of a task: followed, steered, and taken apart."),
        (name = "plans", description = "How a run means to go about it, approved by people."),
        (name = "pull requests", description = "What came out, reviewed and merged by people."),
        (name = "agents", description = "The registry of agents."),
        (name = "artifacts", description = "Files that agents wrote."),
        (name = "operations", description = "Requests that take longer than an answer may."),
        (name = "analytics", description = "Figures, the facts behind them, and what waits for people."),
        (name = "cost", description = "What was spent."),
        (name = "session", description = "In and out."),
        (name = "me", description = "My account."),
        (name = "organizations", description = "Mine, and how they look."),
        (name = "members", description = "People of the organization, and invitations."),
        (name = "tokens", description = "Credentials of programs."),
        (name = "policies", description = "Who may do what, and receipts of decisions."),
        (name = "audit", description = "What was done, by whom, signed."),
        (name = "models", description = "What models this server can use."),
        (name = "events", description = "Tickets for the WebSocket."),
    ),
    modifiers(&Schemes)
)]
struct Bare;

/// How callers say who they are.
struct Schemes;

impl Modify for Schemes {
    fn modify(&self, api: &mut OpenApi) {
        let components = api.components.get_or_insert_default();
        let bearer = HttpBuilder::new()
            .scheme(HttpAuthScheme::Bearer)
            .description(Some(
                "An API token (`aamas token create`, `POST /tokens`), or a JWT of a configured issuer.",
            ))
            .build();
        components.add_security_scheme("token", SecurityScheme::Http(bearer));
        let about = "A session of the dashboard; over TLS its name is `__Host-aamas_session`. With it, whatever changes something needs \
                     the header `x-aamas-csrf`.";
        let cookie = ApiKeyValue::with_description("aamas_session", about);
        components.add_security_scheme("session", SecurityScheme::ApiKey(ApiKey::Cookie(cookie)));
    }
}

/// What is said of the API as a whole; operations and schemas come with the routes.
pub(super) fn bare() -> OpenApi {
    Bare::openapi()
}

/// The description with what holds for all operations: every answer that can come, headers, links and examples.
pub(super) fn whole(of_routes: &OpenApi) -> Description {
    // A tree of maps, lists and texts has no way to fail.
    let mut api = serde_json::to_value(of_routes).unwrap_or_default();
    for (at, operation) in operations(&mut api) {
        plain_parameters(operation);
        answers::add(&at, operation);
        examples::add(&at, operation);
        links::add(&at, operation);
    }
    name_items_of_pages(&mut api);
    answers::add_components(&mut api);
    Description(api)
}

/// The description of the API in OpenAPI 3.1.
#[derive(Clone, Debug, Serialize)]
#[serde(transparent)]
pub struct Description(Value);

impl Description {
    /// As JSON of visible characters.
    ///
    /// # Errors
    /// None that is known: it is a tree of maps, lists and texts.
    pub fn to_json(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string(self).map(|json| ascii(&json))
    }

    /// The same for people.
    ///
    /// # Errors
    /// As [`Self::to_json`].
    pub fn to_pretty_json(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string_pretty(self).map(|json| ascii(&json))
    }
}

/// JSON with nothing but visible characters: patterns name some that no editor shows.
fn ascii(json: &str) -> String {
    json.chars().fold(String::with_capacity(json.len()), |mut text, c| {
        if c.is_ascii() {
            text.push(c);
        } else {
            let mut units = [0; 2];
            text.extend(c.encode_utf16(&mut units).iter().map(|unit| format!("\\u{unit:04x}")));
        }
        text
    })
}

/// Where an operation is.
pub(super) struct At {
    method: Method,
    path: String,
    id: String,
}

fn operations(api: &mut Value) -> impl Iterator<Item = (At, &mut Map<String, Value>)> {
    let paths = api["paths"].as_object_mut().into_iter().flatten();
    paths.flat_map(|(path, item)| {
        item.as_object_mut().into_iter().flatten().filter_map(|(method, operation)| {
            let method = method.to_uppercase().parse().ok()?;
            let id = operation["operationId"].as_str()?.to_owned();
            Some((At { method, path: path.clone(), id }, operation.as_object_mut()?))
        })
    })
}

/// A parameter that may be left out is never null: in an address there is only text.
fn plain_parameters(operation: &mut Map<String, Value>) {
    for parameter in operation.get_mut("parameters").and_then(Value::as_array_mut).into_iter().flatten() {
        let Some(schema) = parameter.get_mut("schema").and_then(Value::as_object_mut) else { continue };
        if let Some(Value::Array(types)) = schema.get("type") {
            let rest: Vec<_> = types.iter().filter(|t| *t != "null").cloned().collect();
            if let [one] = rest.as_slice() {
                schema.insert("type".into(), one.clone());
            }
        }
        for word in ["oneOf", "anyOf"] {
            let Some(Value::Array(any)) = schema.get(word) else { continue };
            let rest: Vec<_> = any.iter().filter(|one| one["type"] != "null").cloned().collect();
            match rest.as_slice() {
                [Value::Object(one)] => *schema = one.clone(),
                _ => drop(schema.insert(word.into(), rest.into())),
            }
        }
        // What it is stands with the parameter.
        schema.remove("description");
    }
}

/// The items of a page by their name: the derived code of a generic type writes them out each time.
fn name_items_of_pages(api: &mut Value) {
    let Some(schemas) = api.pointer_mut("/components/schemas").and_then(Value::as_object_mut) else { return };
    let names: Vec<_> = schemas.keys().cloned().collect();
    for (name, schema) in schemas.iter_mut() {
        let Some(item) = name.strip_prefix("PageOf_").filter(|item| names.iter().any(|n| n == item)) else {
            continue;
        };
        if let Some(items) = schema.pointer_mut("/properties/items/items") {
            *items = reference("schemas", item);
        }
    }
}

/// Which members a query may have, by method and path.
pub(super) fn query_members(api: &Description) -> HashMap<(Method, String), Vec<String>> {
    let mut api = api.0.clone();
    let named = |operation: &Map<String, Value>| {
        let all = operation.get("parameters").and_then(Value::as_array).into_iter().flatten();
        let query = all.filter(|parameter| parameter["in"] == "query");
        query.filter_map(|parameter| parameter["name"].as_str().map(str::to_owned)).collect()
    };
    operations(&mut api).map(|(at, operation)| ((at.method, at.path), named(operation))).collect()
}

/// A reference to a component.
fn reference(kind: &str, name: &str) -> Value {
    json!({ "$ref": format!("#/components/{kind}/{name}") })
}
