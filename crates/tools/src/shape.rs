//! Checks arguments against a tool's schema, and says what was expected in a line that a model can act on.

use serde_json::{Map, Value};

/// What is wrong with a value: where, and how.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Misfit {
    /// The field, such as `steps[0].status`; empty for the arguments as a whole.
    pub(crate) field: String,
    /// The problem.
    pub(crate) problem: String,
}

/// Checks a value; `null` for a field that may be left out is the same as leaving it out, and is taken away.
pub(crate) fn check(value: &mut Value, schema: &Value) -> Result<(), Misfit> {
    check_at(value, schema, "")
}

/// A schema in short, such as `{path: string, offset?: integer}`.
pub(crate) fn describe(schema: &Value) -> String {
    if let Some(names) = schema["enum"].as_array() {
        return names.iter().filter_map(Value::as_str).collect::<Vec<_>>().join("|");
    }
    match kind(schema) {
        "object" => {
            let required = required(schema);
            let field = |(name, inner): (&String, &Value)| {
                let mark = if required.contains(&name.as_str()) { "" } else { "?" };
                format!("{name}{mark}: {}", describe(inner))
            };
            format!("{{{}}}", properties(schema).map(field).collect::<Vec<_>>().join(", "))
        }
        "array" => format!("[{}, …]", describe(&schema["items"])),
        other => other.to_owned(),
    }
}

fn check_at(value: &mut Value, schema: &Value, at: &str) -> Result<(), Misfit> {
    let fits = match kind(schema) {
        "object" => return check_object(value, schema, at),
        "array" => return check_array(value, schema, at),
        "string" => value.is_string(),
        "integer" => value.is_u64(),
        "number" => value.is_number(),
        "boolean" => value.is_boolean(),
        _ => true,
    };
    if !fits {
        return Err(misfit(at, format!("expected {}, got {}", expected(schema), shown(value))));
    }
    match schema["enum"].as_array() {
        Some(names) if !names.contains(value) => {
            Err(misfit(at, format!("expected one of {}, got {}", describe(schema), shown(value))))
        }
        _ => Ok(()),
    }
}

fn check_object(value: &mut Value, schema: &Value, at: &str) -> Result<(), Misfit> {
    let got = shown(value);
    let Value::Object(fields) = value else {
        return Err(misfit(at, format!("expected an object, got {got}")));
    };
    let required = required(schema);
    fields.retain(|name, value| !value.is_null() || required.contains(&name.as_str()));
    if let Some(missing) = required.iter().find(|name| !fields.contains_key(**name)) {
        return Err(misfit(&below(at, missing), "is missing".to_owned()));
    }
    for (name, field) in fields.iter_mut() {
        let Some(inner) = schema["properties"].get(name) else {
            return Err(misfit(&below(at, &quoted(name, 40)), "is not a field of it".to_owned()));
        };
        check_at(field, inner, &below(at, name))?;
    }
    Ok(())
}

fn check_array(value: &mut Value, schema: &Value, at: &str) -> Result<(), Misfit> {
    let got = shown(value);
    let Value::Array(items) = value else {
        return Err(misfit(at, format!("expected an array, got {got}")));
    };
    items
        .iter_mut()
        .enumerate()
        .try_for_each(|(n, item)| check_at(item, &schema["items"], &format!("{at}[{n}]")))
}

fn kind(schema: &Value) -> &str {
    schema["type"].as_str().unwrap_or_default()
}

fn required(schema: &Value) -> Vec<&str> {
    schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}

fn properties(schema: &Value) -> impl Iterator<Item = (&String, &Value)> {
    schema["properties"].as_object().into_iter().flat_map(Map::iter)
}

fn expected(schema: &Value) -> &str {
    match kind(schema) {
        "integer" => "a whole number from 0",
        "number" => "a number",
        "boolean" => "true or false",
        _ => "a string",
    }
}

fn misfit(field: &str, problem: String) -> Misfit {
    Misfit { field: field.to_owned(), problem }
}

fn below(at: &str, name: &str) -> String {
    if at.is_empty() { name.to_owned() } else { format!("{at}.{name}") }
}

fn shown(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(_) | Value::Number(_) => value.to_string(),
        Value::String(text) => format!("the string {:?}", quoted(text, 40)),
        Value::Array(_) => "an array".to_owned(),
        Value::Object(_) => "an object".to_owned(),
    }
}

fn quoted(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn plan() -> Value {
        serde_json::from_str(crate::table::spec("update_plan").expect("in the table").parameters)
            .expect("JSON")
    }

    fn misfit_of(mut value: Value) -> String {
        check(&mut value, &plan())
            .map_or_else(|m| format!("{}: {}", m.field, m.problem), |()| "fits".to_owned())
    }

    #[test]
    fn the_field_and_the_problem_are_named() {
        for (value, want) in [
            (json!({"steps": [{"title": "a", "status": "pending"}]}), "fits"),
            (json!({"steps": []}), "fits"),
            (json!([]), ": expected an object, got an array"),
            (json!({}), "steps: is missing"),
            (json!({"steps": null}), "steps: expected an array, got null"),
            (json!({"steps": [{"title": "a"}]}), "steps[0].status: is missing"),
            (
                json!({"steps": [{"title": 1, "status": "pending"}]}),
                "steps[0].title: expected a string, got 1",
            ),
            (
                json!({"steps": [{"title": "a", "status": "done"}]}),
                "steps[0].status: expected one of pending|in_progress|completed, got the string \"done\"",
            ),
            (json!({"steps": [], "step": 1}), "step: is not a field of it"),
        ] {
            assert_eq!(misfit_of(value), want);
        }
    }

    #[test]
    fn a_shape_is_short() {
        assert_eq!(describe(&plan()), "{steps: [{title: string, status: pending|in_progress|completed}, …]}");
        let read: Value =
            serde_json::from_str(crate::table::spec("read_file").expect("in the table").parameters)
                .expect("JSON");
        assert_eq!(describe(&read), "{path: string, offset?: integer, limit?: integer}");
    }
}
