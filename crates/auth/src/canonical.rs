//! One text for one JSON value: members sorted by name, no white space. What is hashed is written like this, so that
//! a hash can be made again from what was stored, in whatever order it comes back.
//!
//! That is RFC 8785 for values without fractions, and for names outside the Basic Multilingual Plane sorted by code point; ours
//! have neither.

use serde::Serialize;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

/// The canonical text of a value.
///
/// # Errors
/// When the value is nothing that JSON can say, such as a map whose keys are no strings.
pub fn to_string(value: &impl Serialize) -> Result<String, serde_json::Error> {
    let mut text = String::new();
    write(&serde_json::to_value(value)?, &mut text);
    Ok(text)
}

/// SHA-256 of a text in lower-case hexadecimal.
#[must_use]
pub fn sha256_hex(text: &str) -> String {
    Sha256::digest(text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn write(value: &Value, text: &mut String) {
    match value {
        Value::Array(items) => {
            text.push('[');
            for (place, item) in items.iter().enumerate() {
                separate(place, text);
                write(item, text);
            }
            text.push(']');
        }
        Value::Object(members) => {
            let mut members: Vec<_> = members.iter().collect();
            members.sort_by_key(|(name, _)| *name);
            text.push('{');
            for (place, (name, member)) in members.into_iter().enumerate() {
                separate(place, text);
                text.push_str(&Value::from(name.as_str()).to_string());
                text.push(':');
                write(member, text);
            }
            text.push('}');
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
            text.push_str(&value.to_string())
        }
    }
}

fn separate(place: usize, text: &mut String) {
    if place > 0 {
        text.push(',');
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn order_and_white_space_do_not_matter() {
        let value = json!({"b": [1, {"z": null, "a": "ü\"\n"}], "a": true, "": -7});
        let text = to_string(&value).expect("JSON");
        assert_eq!(text, r#"{"":-7,"a":true,"b":[1,{"a":"ü\"\n","z":null}]}"#);
        let again: Value = serde_json::from_str(&text).expect("our own text");
        assert_eq!(to_string(&again).expect("JSON"), text);
        assert_eq!(sha256_hex(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    }
}
