//! Typed ids: `<kind>_` and a UUIDv7 as 26 characters of lower-case Crockford base32.
//!
//! The time in front makes ids sort by age; the kind in front makes them impossible to swap.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::time::Timestamp;

const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
/// 128 bits in groups of five: 26 characters, the first of which holds only three bits.
const ENCODED_LEN: usize = 26;

/// Why a text is not an id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    /// The text does not begin with the kind that was asked for.
    #[error("{text:?} is not a {kind} id: it should begin with {kind}_")]
    WrongKind {
        /// The kind that was expected, such as `run`.
        kind: &'static str,
        /// The text as given.
        text: String,
    },
    /// What follows the kind is not 26 characters of Crockford base32.
    #[error("{text:?} is not a {kind} id: 26 characters of Crockford base32 should follow {kind}_")]
    Malformed {
        /// The kind that was expected.
        kind: &'static str,
        /// The text as given.
        text: String,
    },
}

fn encode(value: u128) -> String {
    (0..ENCODED_LEN).rev().map(|i| char::from(ALPHABET[((value >> (5 * i)) & 31) as usize])).collect()
}

fn decode(text: &str) -> Option<u128> {
    if text.len() != ENCODED_LEN {
        return None;
    }
    text.bytes().enumerate().try_fold(0u128, |value, (i, byte)| {
        let digit = ALPHABET.iter().position(|a| *a == byte)? as u128;
        // The first character may only carry the top three of 128 bits.
        if i == 0 && digit > 7 { None } else { Some((value << 5) | digit) }
    })
}

/// The sixteen bytes in an id of whatever kind; `None` for a text that is no id.
#[must_use]
pub fn id_bytes(text: &str) -> Option<[u8; 16]> {
    let (_, rest) = text.rsplit_once('_')?;
    decode(rest).map(u128::to_be_bytes)
}

/// Declares an id type of one kind.
macro_rules! typed_id {
    ($(#[$doc:meta])* $name:ident, $kind:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(u128);

        impl $name {
            /// The word in front of the underscore.
            pub const KIND: &'static str = $kind;

            /// Builds the UUIDv7 of `at` (millisecond precision) and ten random bytes.
            #[must_use]
            pub fn new(at: Timestamp, random: [u8; 10]) -> Self {
                let millis = u64::try_from(at.as_millis()).unwrap_or(0);
                Self(uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid().as_u128())
            }

            /// The sixteen bytes of the UUID, as stored.
            #[must_use]
            pub fn to_bytes(self) -> [u8; 16] {
                self.0.to_be_bytes()
            }

            /// The id with these sixteen bytes.
            #[must_use]
            pub fn from_bytes(bytes: [u8; 16]) -> Self {
                Self(u128::from_be_bytes(bytes))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}_{}", $kind, encode(self.0))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                let rest = text
                    .strip_prefix(concat!($kind, "_"))
                    .ok_or_else(|| IdError::WrongKind { kind: $kind, text: text.to_owned() })?;
                decode(rest).map(Self).ok_or_else(|| IdError::Malformed { kind: $kind, text: text.to_owned() })
            }
        }

        impl Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
                s.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
                String::deserialize(d)?.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

typed_id!(
    /// An organization; its kind on the wire is `tenant`.
    TenantId, "tenant"
);
typed_id!(
    /// A project: one repository or several.
    ProjectId, "project"
);
typed_id!(
    /// What was asked.
    TaskId, "task"
);
typed_id!(
    /// One execution of a task by the team.
    RunId, "run"
);
typed_id!(
    /// One node of a run's plan.
    StepId, "step"
);
typed_id!(
    /// One agent's try at a step.
    AttemptId, "attempt"
);
typed_id!(
    /// Something that came out of a run.
    ArtifactId, "artifact"
);
typed_id!(
    /// A local or forge pull request.
    PullRequestId, "pr"
);
typed_id!(
    /// A row of the outbox; the `id` of its CloudEvent.
    EventId, "event"
);

typed_id!(
    /// A person with an account of this installation.
    UserId, "user"
);
typed_id!(
    /// A member of the registry of agents.
    AgentId, "agent"
);
typed_id!(
    /// A session, an API token, an invitation or a link to sign in with: what a secret stands for.
    CredentialId, "token"
);
typed_id!(
    /// A policy of an organization.
    PolicyId, "policy"
);
typed_id!(
    /// A decision of the policies that was kept.
    ReceiptId, "receipt"
);
typed_id!(
    /// Something that the engine was asked to do.
    OperationId, "operation"
);
typed_id!(
    /// A remark on a pull request.
    CommentId, "comment"
);

impl TenantId {
    /// The installation itself: people's accounts and the list of its organizations. No organization's data.
    pub const INSTALLATION: Self = Self(1);

    /// The one tenant of a person's own machine (`tenant_local` in the design): the all-zero id.
    pub const LOCAL: Self = Self(0);
}

impl RunId {
    /// The last eight characters, which name the run's branch.
    #[must_use]
    pub fn short(self) -> String {
        encode(self.0)[ENCODED_LEN - 8..].to_owned()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn an_id_survives_its_text_and_its_bytes(raw in any::<u128>()) {
            let id = RunId(raw);
            prop_assert_eq!(id.to_string().parse::<RunId>(), Ok(id));
            prop_assert_eq!(RunId::from_bytes(id.to_bytes()), id);
        }

        #[test]
        fn no_text_makes_the_parser_panic(text in ".{0,40}") {
            let _ = text.parse::<RunId>();
            let _ = format!("run_{text}").parse::<RunId>();
        }

        #[test]
        fn ids_sort_by_age(a in 0i64..1 << 47, b in 0i64..1 << 47, ra in any::<[u8; 10]>(), rb in any::<[u8; 10]>()) {
            prop_assume!(a / 1000 < b / 1000);
            let (older, newer) = (Timestamp::from_micros(a), Timestamp::from_micros(b));
            prop_assert!(TaskId::new(older, ra).to_string() < TaskId::new(newer, rb).to_string());
        }
    }

    #[test]
    fn another_kind_is_refused_by_name() {
        let task = TaskId::new(Timestamp::from_micros(0), [0; 10]).to_string();
        assert_eq!(task.parse::<RunId>(), Err(IdError::WrongKind { kind: "run", text: task }));
    }
}
