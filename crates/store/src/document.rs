//! JSON documents of rows, as text: most readers of a row need a part of its document, or none.

use std::fmt;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::tx::{Column, Raw};

/// A JSON document as it is stored.
#[derive(Clone, PartialEq, Eq)]
pub struct Document(Box<str>);

impl Document {
    /// The document of a value; `null` for one that JSON can't say.
    #[must_use]
    pub fn of(value: &impl Serialize) -> Self {
        serde_json::to_string(value).map_or_else(|_| Self::default(), |text| Self(text.into()))
    }

    /// What it says, or the part of it that `T` has.
    ///
    /// # Errors
    /// Why it is no `T`.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        serde_json::from_str(&self.0)
    }

    /// Its text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for Document {
    /// `null`.
    fn default() -> Self {
        Self("null".into())
    }
}

impl From<serde_json::Value> for Document {
    fn from(value: serde_json::Value) -> Self {
        Self(value.to_string().into())
    }
}

impl fmt::Debug for Document {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Column for Document {
    fn read(raw: Raw<'_>) -> Option<Self> {
        match raw {
            // Whatever is no JSON was never written by this program; who reads the document finds out.
            Raw::Text(text) => Some(Self(text.into())),
            _ => None,
        }
    }
}
