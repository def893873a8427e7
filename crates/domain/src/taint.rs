//! Text that must not be trusted, and text that must not be seen.

use std::fmt;

use serde::{Deserialize, Serialize};

/// How far a text may be trusted. What is derived from several texts has the highest of their labels; a label only
/// rises.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Taint {
    /// From the person who asked, or from our own code.
    #[default]
    Trusted,
    /// From a model, a tool, a repository, an issue, the network.
    Untrusted,
    /// Holds a secret.
    Secret,
}

impl Taint {
    /// The label of something derived from both.
    #[must_use]
    pub fn join(self, other: Self) -> Self {
        self.max(other)
    }
}

/// A value from outside. It has no `Display` and no `Deref`: only a parser takes it apart.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Untrusted<T>(T);

impl<T> Untrusted<T> {
    /// Labels a value where it comes in.
    pub fn new(value: T) -> Self {
        Self(value)
    }

    /// Hands the value to a parser, a bound or an escape, whose answer is what the caller goes on with.
    pub fn parse<U>(self, parser: impl FnOnce(T) -> U) -> U {
        parser(self.0)
    }

    /// The same by reference.
    pub fn inspect<U>(&self, parser: impl FnOnce(&T) -> U) -> U {
        parser(&self.0)
    }
}

impl<T> fmt::Debug for Untrusted<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Untrusted(…)")
    }
}

/// A credential. It cannot be printed, compared or serialized; its memory is overwritten when it goes.
#[derive(Clone)]
pub struct Secret(String);

impl Secret {
    /// Takes a credential in, white space around it removed.
    #[must_use]
    pub fn new(value: impl Into<String>) -> Self {
        Self(value.into().trim().to_owned())
    }

    /// The credential, for the one call that sends it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

impl Drop for Secret {
    fn drop(&mut self) {
        let bytes = std::mem::take(&mut self.0).into_bytes();
        let mut bytes = std::hint::black_box(bytes);
        bytes.fill(0);
        std::hint::black_box(&bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neither_shows_what_it_holds() {
        assert_eq!(
            format!("{:?} {:?}", Secret::new("sk-1"), Untrusted::new("rm -rf")),
            "Secret(…) Untrusted(…)"
        );
    }
}
