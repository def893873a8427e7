//! Operations of a document, each as a function.

use serde_json::Value;

use super::lower::{Definition, Field, Schemas, Shape, Type, about};
use super::naming::{pascal, snake};

/// Methods of HTTP, as a path names them.
const METHODS: &[&str] = &["get", "put", "post", "delete", "patch"];

/// An operation.
#[derive(Clone, Debug, PartialEq)]
pub struct Operation {
    /// The function.
    pub name: String,
    /// What the document says of it.
    pub about: String,
    /// `GET` and the like.
    pub method: String,
    /// Its path, with names of parameters in braces.
    pub path: String,
    /// Those names, in the order of the path.
    pub arguments: Vec<String>,
    /// The type of its query.
    pub query: Option<Query>,
    /// Its body, and whether it has to be there.
    pub body: Option<(Type, bool)>,
    /// What it answers.
    pub answer: Type,
    /// What it answers when it takes longer (202).
    pub later: Option<Type>,
}

/// A query and its members.
#[derive(Clone, Debug, PartialEq)]
pub struct Query {
    /// The name of its type.
    pub name: String,
    /// The type.
    pub definition: Definition,
}

/// All operations, in the order of the document.
pub fn read(document: &Value, schemas: &mut Schemas<'_>) -> Result<Vec<Operation>, String> {
    let mut all: Vec<Operation> = Vec::new();
    for (path, item) in document["paths"].as_object().into_iter().flatten() {
        for method in METHODS {
            let Some(operation) = item.get(method) else { continue };
            let read =
                one(path, method, item, operation, schemas).map_err(|e| format!("{method} {path}: {e}"))?;
            if all.iter().any(|other| other.name == read.name) {
                return Err(format!("{method} {path}: another operation is called {}", read.name));
            }
            all.push(read);
        }
    }
    Ok(all)
}

fn one(
    path: &str,
    method: &str,
    item: &Value,
    operation: &Value,
    schemas: &mut Schemas<'_>,
) -> Result<Operation, String> {
    let id = operation["operationId"].as_str().ok_or("it has no operationId")?;
    let parameters = parameters(item, operation, schemas)?;
    let mut fields = Vec::new();
    for parameter in parameters.iter().filter(|p| p["in"] == "query") {
        let wire = parameter["name"].as_str().unwrap_or_default();
        let kind = schemas.kind(&parameter["schema"], &format!("{}{}", pascal(id), pascal(wire)))?;
        let kind = if parameter["required"] == true { kind } else { kind.optional() };
        let field = Field {
            name: snake(wire),
            wire: wire.to_owned(),
            about: about(parameter),
            kind,
            flat: false,
            boxed: false,
        };
        fields.push(field);
    }
    let query = (!fields.is_empty()).then(|| {
        fields.iter().for_each(|field| schemas.is_sent(&field.kind));
        let about = format!("The query of [`Client::{}`].", snake(id));
        let definition = Definition { about, shape: Shape::Struct(fields), sent: true };
        Query { name: format!("{}Query", pascal(id)), definition }
    });
    let (answer, later) = answers(id, operation, schemas)?;
    Ok(Operation {
        name: snake(id),
        about: [operation["summary"].as_str(), operation["description"].as_str()]
            .into_iter()
            .flatten()
            .map(str::trim)
            .filter(|text| !text.is_empty())
            .collect::<Vec<_>>()
            .join("\n\n"),
        method: method.to_uppercase(),
        arguments: arguments(path, &parameters)?,
        path: path.to_owned(),
        query,
        body: body(id, operation, schemas)?,
        answer,
        later,
    })
}

/// Parameters of the path and of the operation; references are followed.
fn parameters(item: &Value, operation: &Value, schemas: &Schemas<'_>) -> Result<Vec<Value>, String> {
    let lists = [&item["parameters"], &operation["parameters"]];
    let mut all = Vec::new();
    for parameter in lists.into_iter().filter_map(Value::as_array).flatten() {
        let parameter = match parameter["$ref"].as_str() {
            Some(reference) => schemas
                .document()
                .pointer(reference.trim_start_matches('#'))
                .ok_or_else(|| format!("nothing is at {reference}"))?,
            None => parameter,
        };
        match parameter["in"].as_str() {
            Some("path" | "query") => all.push(parameter.clone()),
            // Conditions and keys of idempotency: a plain call sends none.
            Some("header" | "cookie") if parameter["required"] != true => {}
            other => return Err(format!("a parameter in {other:?}")),
        }
    }
    Ok(all)
}

/// The names in braces, each of which must be a parameter.
fn arguments(path: &str, parameters: &[Value]) -> Result<Vec<String>, String> {
    let names = path.split('{').skip(1).filter_map(|rest| rest.split_once('}')).map(|(name, _)| name);
    names
        .map(|name| match parameters.iter().any(|p| p["in"] == "path" && p["name"] == name) {
            true => Ok(name.to_owned()),
            false => Err(format!("{name} is not described")),
        })
        .collect()
}

fn body(id: &str, operation: &Value, schemas: &mut Schemas<'_>) -> Result<Option<(Type, bool)>, String> {
    let Some(body) = operation.get("requestBody") else { return Ok(None) };
    let schema = &body["content"]["application/json"]["schema"];
    if schema.is_null() {
        return Err("its body is no JSON".into());
    }
    let kind = schemas.kind(schema, &format!("{}Body", pascal(id)))?;
    schemas.is_sent(&kind);
    Ok(Some(match kind {
        Type::Option(inner) => (*inner, false),
        kind => (kind, body["required"] == true),
    }))
}

/// What it answers at once, and later.
fn answers(id: &str, operation: &Value, schemas: &mut Schemas<'_>) -> Result<(Type, Option<Type>), String> {
    let (mut answer, mut later) = (None, None);
    for (status, response) in operation["responses"].as_object().into_iter().flatten() {
        if !status.starts_with('2') {
            continue;
        }
        let hint = format!("{}Answer{}", pascal(id), if status == "202" { "Later" } else { "" });
        let media: Vec<_> = response["content"].as_object().into_iter().flatten().collect();
        let kind = match media.as_slice() {
            [] => Type::Plain("()"),
            [(name, content)] if *name == "application/json" => schemas.kind(&content["schema"], &hint)?,
            // Another kind, or one of several: whoever asks knows which.
            _ => Type::Bytes,
        };
        match (status.as_str(), &answer) {
            ("202", _) => later = Some(kind),
            (_, None) => answer = Some(kind),
            (_, Some(other)) if *other == kind => {}
            (_, Some(_)) => return Err("two different answers".into()),
        }
    }
    match (answer, later) {
        (Some(answer), later) => Ok((answer, later)),
        (None, Some(only)) => Ok((only, None)),
        // A redirection, or nothing but refusals: whatever comes.
        (None, None) => Ok((Type::Bytes, None)),
    }
}
