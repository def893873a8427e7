//! One text for one JSON value.

use serde_json::Value;

/// JSON without white space, the names of each object in the order of their bytes, texts escaped only where JSON
/// demands it. Integers are as they are, other numbers in the shortest form that reads back the same.
pub(crate) fn canonical(value: &Value) -> String {
    let mut out = String::new();
    write(value, &mut out);
    out
}

fn write(value: &Value, out: &mut String) {
    match value {
        Value::Object(map) => {
            let mut members: Vec<(&String, &Value)> = map.iter().collect();
            members.sort_unstable_by_key(|(name, _)| *name);
            list(out, ['{', '}'], members, |(name, value), out| {
                out.push_str(&Value::from(name.as_str()).to_string());
                out.push(':');
                write(value, out);
            });
        }
        Value::Array(items) => list(out, ['[', ']'], items, write),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
            out.push_str(&value.to_string());
        }
    }
}

fn list<T>(
    out: &mut String,
    [open, close]: [char; 2],
    items: impl IntoIterator<Item = T>,
    each: impl Fn(T, &mut String),
) {
    out.push(open);
    for (i, item) in items.into_iter().enumerate() {
        if i > 0 {
            out.push(',');
        }
        each(item, out);
    }
    out.push(close);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_sorted_by_their_bytes_and_only_what_must_is_escaped() {
        let cases = [
            (r#"{ "b" : 1, "a" : [ true , null ] }"#, r#"{"a":[true,null],"b":1}"#),
            (
                r#"{"\uffee":1,"\ud83d\ude00":2,"z":3,"Z":4}"#,
                "{\"Z\":4,\"z\":3,\"\u{ffee}\":1,\"\u{1f600}\":2}",
            ),
            (r#""\u00e9\/\u0007\b\u007f""#, "\"\u{e9}/\\u0007\\b\u{7f}\""),
            ("[]", "[]"),
            ("{}", "{}"),
            ("18446744073709551615", "18446744073709551615"),
        ];
        let texts = cases.map(|(text, _)| canonical(&serde_json::from_str(text).expect("JSON")));
        assert_eq!(texts, cases.map(|(_, want)| want));
    }
}
