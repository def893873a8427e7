//! Pages of rows that have a number: lists that stay in place while rows come.

/// A page of a list, from one end or behind a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Page {
    /// Newest first.
    Newest {
        /// Only rows before the one with this number; none: from the newest.
        before: Option<u64>,
        /// At most so many.
        limit: u32,
    },
    /// Oldest first.
    Oldest {
        /// Only rows behind the one with this number; none: from the oldest.
        after: Option<u64>,
        /// At most so many.
        limit: u32,
    },
}

impl Page {
    /// The newest rows.
    #[must_use]
    pub fn newest(limit: u32) -> Self {
        Self::Newest { before: None, limit }
    }

    /// The number that all rows of the page are below, or above.
    pub(crate) fn bound(self) -> u64 {
        match self {
            Self::Newest { before, .. } => before.unwrap_or(i64::MAX.unsigned_abs()),
            Self::Oldest { after, .. } => after.unwrap_or(0),
        }
    }

    pub(crate) fn limit(self) -> u32 {
        match self {
            Self::Newest { limit, .. } | Self::Oldest { limit, .. } => limit,
        }
    }

    /// The page behind the row with this number, in the same direction.
    #[must_use]
    pub fn behind(self, number: u64) -> Self {
        match self {
            Self::Newest { limit, .. } => Self::Newest { before: Some(number), limit },
            Self::Oldest { limit, .. } => Self::Oldest { after: Some(number), limit },
        }
    }
}
