//! Parts of documents that nobody has to read.

use std::marker::PhantomData;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::{RawValue, to_raw_value};

/// A part of a document that is passed on as it is: JSON that says a `T`.
#[derive(Clone, Debug)]
pub struct Lazy<T> {
    text: Box<RawValue>,
    of: PhantomData<fn() -> T>,
}

impl<T: Serialize> Lazy<T> {
    /// The part that says `value`; `null` for one that JSON can't say.
    #[must_use]
    pub fn of(value: &T) -> Self {
        let text = to_raw_value(value).unwrap_or_else(|_| RawValue::NULL.to_owned());
        Self { text, of: PhantomData }
    }
}

impl<T: Serialize + Default> Default for Lazy<T> {
    fn default() -> Self {
        Self::of(&T::default())
    }
}

impl<T> PartialEq for Lazy<T> {
    fn eq(&self, other: &Self) -> bool {
        self.text.get() == other.text.get()
    }
}

impl<T> Serialize for Lazy<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.text.serialize(serializer)
    }
}

impl<'de, T> Deserialize<'de> for Lazy<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self { text: Box::deserialize(deserializer)?, of: PhantomData })
    }
}
