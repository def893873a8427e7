//! Where a tenant's log stands: all that the next append needs.

use domain::TenantId;

use crate::hash::Hash;
use crate::merkle::{Frontier, leaf_hash};

/// The end of a tenant's log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    tenant: TenantId,
    hash: Hash,
    frontier: Frontier,
}

/// A head as it is stored. Its columns may hold anything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeadRow {
    /// The number of the last entry.
    pub seq: i64,
    /// The hash of the last entry.
    pub hash: Vec<u8>,
    /// The right-hand edge of the Merkle tree ([`Frontier::to_bytes`]).
    pub frontier: Vec<u8>,
}

/// A stored head that can't be one. Nothing may be appended to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the head of the audit of {tenant} is damaged")]
pub struct DamagedHead {
    /// Whose.
    pub tenant: TenantId,
}

impl Head {
    /// The head of a log without entries.
    #[must_use]
    pub fn empty(tenant: TenantId) -> Self {
        Self { tenant, hash: Hash::ZERO, frontier: Frontier::default() }
    }

    /// The head of a row; the empty one if there is no row.
    ///
    /// # Errors
    /// [`DamagedHead`] if the columns can't belong together.
    pub fn from_row(tenant: TenantId, row: Option<&HeadRow>) -> Result<Self, DamagedHead> {
        let Some(row) = row else { return Ok(Self::empty(tenant)) };
        let frontier = u64::try_from(row.seq)
            .ok()
            .filter(|seq| *seq > 0)
            .and_then(|seq| Frontier::from_bytes(seq, &row.frontier));
        match (Hash::from_slice(&row.hash), frontier) {
            (Some(hash), Some(frontier)) => Ok(Self { tenant, hash, frontier }),
            _ => Err(DamagedHead { tenant }),
        }
    }

    /// The row to store.
    #[must_use]
    pub fn to_row(&self) -> HeadRow {
        HeadRow {
            seq: i64::try_from(self.size()).unwrap_or(i64::MAX),
            hash: self.hash.0.to_vec(),
            frontier: self.frontier.to_bytes(),
        }
    }

    /// Whose log it is.
    #[must_use]
    pub fn tenant(&self) -> TenantId {
        self.tenant
    }

    /// How many entries there are, which is the number of the last one.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.frontier.size()
    }

    /// The hash of the last entry; [`Hash::ZERO`] if there is none.
    #[must_use]
    pub fn hash(&self) -> Hash {
        self.hash
    }

    /// The root of the Merkle tree over all entries.
    #[must_use]
    pub fn root(&self) -> Hash {
        self.frontier.root()
    }

    /// The head behind one more entry.
    pub(crate) fn after(&self, entry: Hash) -> Self {
        let mut frontier = self.frontier.clone();
        frontier.push(leaf_hash(&entry.0));
        Self { tenant: self.tenant, hash: entry, frontier }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_that_can_be_no_head_is_refused() {
        let head =
            Head::empty(TenantId::LOCAL).after(Hash([1; 32])).after(Hash([2; 32])).after(Hash([3; 32]));
        let row = head.to_row();
        assert_eq!(Head::from_row(TenantId::LOCAL, Some(&row)), Ok(head));
        assert_eq!(Head::from_row(TenantId::LOCAL, None), Ok(Head::empty(TenantId::LOCAL)));
        let damaged = [
            HeadRow { seq: 4, ..row.clone() },
            HeadRow { seq: 0, ..row.clone() },
            HeadRow { seq: -3, ..row.clone() },
            HeadRow { seq: 0, frontier: Vec::new(), ..row.clone() },
            HeadRow { hash: Vec::new(), ..row.clone() },
            HeadRow { hash: vec![0; 33], ..row.clone() },
            HeadRow { frontier: row.frontier[1..].to_vec(), ..row },
        ];
        for row in damaged {
            let refused = Err(DamagedHead { tenant: TenantId::LOCAL });
            assert_eq!(Head::from_row(TenantId::LOCAL, Some(&row)), refused, "{row:?}");
        }
    }
}
