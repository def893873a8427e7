//! How the values of the domain become parameters and columns.
//!
//! Ids are sixteen bytes, times microseconds since the epoch, states and labels their words, documents JSON
//! text.

use std::borrow::Cow;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::{Path, PathBuf};

use domain::{
    AgentId, AgentKind, AgentState, ArtifactId, AttemptId, AttemptState, CredentialId, EventId, NanoUsd,
    OperationId, OperationState, PolicyId, ProjectId, ProjectState, PullRequestId, ReceiptId, RunId,
    RunState, StepId, StepState, Taint, TaskId, TaskKind, TaskState, TenantId, Timestamp, UserId,
};

use crate::tx::{Column, Raw, Value};

macro_rules! ids {
    ($($id:ty),+ $(,)?) => {$(
        impl From<$id> for Value<'_> {
            fn from(id: $id) -> Self {
                Self::Id(id.to_bytes())
            }
        }

        impl Column for $id {
            fn read(raw: Raw<'_>) -> Option<Self> {
                <[u8; 16]>::read(raw).map(Self::from_bytes)
            }
        }
    )+};
}

ids!(
    AgentId,
    ArtifactId,
    AttemptId,
    CredentialId,
    EventId,
    OperationId,
    PolicyId,
    ProjectId,
    PullRequestId,
    ReceiptId,
    RunId,
    StepId,
    TaskId,
    TenantId,
    UserId
);

/// Types with `as_str` and `from_word`.
macro_rules! words {
    ($($word:ty),+ $(,)?) => {$(
        impl From<$word> for $crate::tx::Value<'_> {
            fn from(word: $word) -> Self {
                Self::Text(word.as_str().into())
            }
        }

        impl $crate::tx::Column for $word {
            fn read(raw: $crate::tx::Raw<'_>) -> Option<Self> {
                match raw {
                    $crate::tx::Raw::Text(text) => Self::from_word(text),
                    _ => None,
                }
            }
        }
    )+};
}
pub(crate) use words;

words!(
    AgentKind,
    AgentState,
    AttemptState,
    OperationState,
    ProjectState,
    RunState,
    StepState,
    TaskKind,
    TaskState
);

impl From<i64> for Value<'_> {
    fn from(value: i64) -> Self {
        Self::Int(value)
    }
}

impl From<bool> for Value<'_> {
    fn from(value: bool) -> Self {
        Self::Int(value.into())
    }
}

impl From<u32> for Value<'_> {
    fn from(value: u32) -> Self {
        Self::Int(value.into())
    }
}

impl From<u64> for Value<'_> {
    /// The largest number that a column holds stands for every larger one.
    fn from(value: u64) -> Self {
        Self::Int(i64::try_from(value).unwrap_or(i64::MAX))
    }
}

impl From<Timestamp> for Value<'_> {
    fn from(at: Timestamp) -> Self {
        Self::Int(at.as_micros())
    }
}

impl From<NanoUsd> for Value<'_> {
    fn from(amount: NanoUsd) -> Self {
        Self::Int(amount.0)
    }
}

impl From<Taint> for Value<'_> {
    fn from(taint: Taint) -> Self {
        Self::Text(Cow::Borrowed(match taint {
            Taint::Trusted => "trusted",
            Taint::Untrusted => "untrusted",
            Taint::Secret => "secret",
        }))
    }
}

impl<'a> From<&'a str> for Value<'a> {
    fn from(text: &'a str) -> Self {
        Self::Text(text.into())
    }
}

impl<'a> From<&'a [u8]> for Value<'a> {
    fn from(bytes: &'a [u8]) -> Self {
        Self::Blob(bytes.into())
    }
}

impl<'a> From<&'a Path> for Value<'a> {
    /// The bytes of the path: not every path is text.
    fn from(path: &'a Path) -> Self {
        Self::Blob(path.as_os_str().as_bytes().into())
    }
}

impl From<&serde_json::Value> for Value<'_> {
    fn from(document: &serde_json::Value) -> Self {
        Self::Text(document.to_string().into())
    }
}

impl<'a, T: Into<Value<'a>>> From<Option<T>> for Value<'a> {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

impl Column for i64 {
    fn read(raw: Raw<'_>) -> Option<Self> {
        match raw {
            Raw::Int(value) => Some(value),
            _ => None,
        }
    }
}

impl Column for u64 {
    fn read(raw: Raw<'_>) -> Option<Self> {
        i64::read(raw)?.try_into().ok()
    }
}

impl Column for u32 {
    fn read(raw: Raw<'_>) -> Option<Self> {
        i64::read(raw)?.try_into().ok()
    }
}

impl Column for bool {
    fn read(raw: Raw<'_>) -> Option<Self> {
        i64::read(raw).map(|value| value != 0)
    }
}

impl Column for Timestamp {
    fn read(raw: Raw<'_>) -> Option<Self> {
        i64::read(raw).map(Self::from_micros)
    }
}

impl Column for NanoUsd {
    fn read(raw: Raw<'_>) -> Option<Self> {
        i64::read(raw).map(Self)
    }
}

impl Column for String {
    fn read(raw: Raw<'_>) -> Option<Self> {
        match raw {
            Raw::Text(text) => Some(text.to_owned()),
            _ => None,
        }
    }
}

impl Column for Vec<u8> {
    fn read(raw: Raw<'_>) -> Option<Self> {
        match raw {
            Raw::Blob(bytes) => Some(bytes.to_vec()),
            _ => None,
        }
    }
}

impl<const N: usize> Column for [u8; N] {
    fn read(raw: Raw<'_>) -> Option<Self> {
        match raw {
            Raw::Blob(bytes) => bytes.try_into().ok(),
            _ => None,
        }
    }
}

impl Column for PathBuf {
    fn read(raw: Raw<'_>) -> Option<Self> {
        Vec::read(raw).map(|bytes| std::ffi::OsString::from_vec(bytes).into())
    }
}

impl Column for serde_json::Value {
    fn read(raw: Raw<'_>) -> Option<Self> {
        match raw {
            Raw::Text(text) => serde_json::from_str(text).ok(),
            _ => None,
        }
    }
}

impl Column for Taint {
    fn read(raw: Raw<'_>) -> Option<Self> {
        match raw {
            Raw::Text("trusted") => Some(Self::Trusted),
            Raw::Text("untrusted") => Some(Self::Untrusted),
            Raw::Text("secret") => Some(Self::Secret),
            _ => None,
        }
    }
}

impl<T: Column> Column for Option<T> {
    fn read(raw: Raw<'_>) -> Option<Self> {
        match raw {
            Raw::Null => Some(None),
            raw => T::read(raw).map(Some),
        }
    }
}
