//! Leases: one owner for each run, and a fencing token that an owner of before can't pass.

use std::fmt;
use std::time::Duration;

use domain::{RunId, Timestamp};
use serde::{Deserialize, Serialize};

use crate::error::StoreError;
use crate::owner::Owner;
use crate::sql::leases as sql;
use crate::tenant::{TenantTx, values};
use crate::tx::{Column, Raw, Value};

/// The token of a lease. Each new lease on a run has a higher one; writes with a lower one are refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Fence(u64);

impl fmt::Display for Fence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl From<Fence> for Value<'_> {
    fn from(fence: Fence) -> Self {
        fence.0.into()
    }
}

impl Column for Fence {
    fn read(raw: Raw<'_>) -> Option<Self> {
        u64::read(raw).map(Self)
    }
}

/// A lease just taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lease {
    /// The token that goes with every write.
    pub fence: Fence,
    /// When it runs out unless it is renewed. A lease that ran out stays good until another owner takes over.
    pub until: Timestamp,
}

/// The lease that someone has on a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldLease {
    /// Its token.
    pub fence: Fence,
    /// Who has it.
    pub owner: Owner,
    /// When it was taken or last renewed.
    pub renewed_at: Timestamp,
    /// When it runs out.
    pub until: Timestamp,
}

impl TenantTx<'_> {
    /// Takes the lease of `run` for `ttl` from `now` on: when nobody has it, when it ran out, or when
    /// `is_dead` says that its owner is proven dead ([`Owner::is_proven_dead`]).
    ///
    /// Should the clock jump forward, a living owner may lose its lease, and then its writes are refused;
    /// should it jump back, a lease lasts that much longer until its owner renews it. Neither can let two
    /// owners write.
    ///
    /// # Errors
    /// [`StoreError::LeaseHeld`]; [`StoreError::NotFound`] when there is no such run.
    pub fn acquire_lease(
        &mut self,
        run: RunId,
        owner: &Owner,
        now: Timestamp,
        ttl: Duration,
        is_dead: impl FnOnce(&Owner) -> bool,
    ) -> Result<Lease, StoreError> {
        let held = self.lease(run)?;
        let dead = held.as_ref().filter(|held| is_dead(&held.owner)).map(|held| held.fence);
        let until = now.plus(ttl);
        let owner = serde_json::to_value(owner).unwrap_or_default();
        let taken = self.returning(sql::ACQUIRE, values![run, &owner, now, until, dead], |row| row.take());
        match (taken, held) {
            (Ok(Some(fence)), _) => Ok(Lease { fence, until }),
            (Ok(None), Some(held)) => {
                Err(StoreError::LeaseHeld { run, owner: held.owner, until: held.until })
            }
            (Err(StoreError::DanglingReference { .. }) | Ok(None), _) => {
                Err(StoreError::NotFound { what: "run", id: run.to_string() })
            }
            (Err(error), _) => Err(error),
        }
    }

    /// Makes a lease last for `ttl` from `now` on. Also after it ran out, if nobody took over.
    ///
    /// # Errors
    /// [`StoreError::Fenced`].
    pub fn renew_lease(
        &mut self,
        run: RunId,
        fence: Fence,
        now: Timestamp,
        ttl: Duration,
    ) -> Result<Lease, StoreError> {
        let until = now.plus(ttl);
        self.execute_fenced(sql::RENEW, run, fence, values![now, until])?;
        Ok(Lease { fence, until })
    }

    /// Gives a lease back; its token is no longer good for anything.
    ///
    /// # Errors
    /// [`StoreError::Fenced`].
    pub fn release_lease(&mut self, run: RunId, fence: Fence) -> Result<(), StoreError> {
        self.execute_fenced(sql::RELEASE, run, fence, [])
    }

    /// The lease that someone has on `run`, whether or not it ran out.
    ///
    /// # Errors
    /// Only failures of the storage.
    pub fn lease(&self, run: RunId) -> Result<Option<HeldLease>, StoreError> {
        let held = self.query_one(sql::FIND, values![run], |row| {
            let (fence, owner): (Fence, Option<serde_json::Value>) = (row.take()?, row.take()?);
            let (renewed_at, until) = (row.take()?, row.take()?);
            let Some(owner) = owner else { return Ok(None) };
            let owner = serde_json::from_value(owner)
                .map_err(|_| StoreError::Malformed { what: "owner of a lease".to_owned() })?;
            Ok(Some(HeldLease { fence, owner, renewed_at, until }))
        })?;
        Ok(held.flatten())
    }
}
