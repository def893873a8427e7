//! Whether an answer is of the kind that was asked for, judged by its members: anything that speaks JSON can answer 200.
//!
//! Values are not looked at, and one known member is enough: an answer of another release is read as far as it goes.

use std::fmt;

use serde::de::{DeserializeOwned, Deserializer, Visitor};
use serde::forward_to_deserialize_any;
use serde_json::Value;

/// What is wrong with an answer that is to be a `T`; nothing if it may be one.
pub(crate) fn wrong<T: DeserializeOwned>(answer: &Value) -> Option<String> {
    let members = members_of::<T>();
    if members.is_empty() {
        return None;
    }
    let Some(object) = answer.as_object() else { return Some("and no document".to_owned()) };
    if members.contains(&"items") && !answer["items"].is_array() {
        return Some("and no list: it has no `items`".to_owned());
    }
    let knows_one = members.iter().any(|name| object.contains_key(*name));
    (!knows_one).then(|| format!("and none of what was asked for: {}", members.join(", ")))
}

/// The members of a struct; none of other types.
fn members_of<T: DeserializeOwned>() -> &'static [&'static str] {
    match T::deserialize(Members) {
        Err(Found(members)) => members,
        Ok(_) => &[],
    }
}

/// Gives no value: its error is the list of members that it was asked for.
struct Members;

#[derive(Debug)]
struct Found(&'static [&'static str]);

impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join(", "))
    }
}

impl std::error::Error for Found {}

impl serde::de::Error for Found {
    fn custom<T: fmt::Display>(_: T) -> Self {
        Self(&[])
    }
}

impl<'de> Deserializer<'de> for Members {
    type Error = Found;

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Found> {
        Err(Found(&[]))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        _: V,
    ) -> Result<V::Value, Found> {
        Err(Found(fields))
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map enum identifier ignored_any
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::types::{PageOfProject, Project};

    #[test]
    fn something_else_that_answers_is_known_by_its_members() {
        let keys = json!({ "keys": [] });
        assert_eq!(wrong::<PageOfProject>(&keys), Some("and no list: it has no `items`".to_owned()));
        assert!(wrong::<PageOfProject>(&json!({ "items": null })).is_some());
        assert!(
            wrong::<Project>(&keys).is_some_and(|what| what.contains("none of what was asked for: id, "))
        );
        for other in [json!([]), json!("ok"), json!(null)] {
            assert_eq!(wrong::<Project>(&other), Some("and no document".to_owned()));
        }
        let newer = json!({ "items": [{ "id": 1 }], "more": true });
        assert_eq!((wrong::<PageOfProject>(&newer), wrong::<Value>(&keys)), (None, None));
    }
}
