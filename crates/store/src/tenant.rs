//! The only way to a row: a transaction that belongs to one tenant.

use domain::{RunId, TenantId};

use crate::document::Document;
use crate::error::StoreError;
use crate::lease::Fence;
use crate::tx::{Row, Scan, Sql, Tx, Value};

/// The largest JSON document of a row. Contents of any size belong into artifacts.
pub const MAX_DOCUMENT_BYTES: usize = 8 << 20;

/// A transaction of one tenant. What takes `&mut self` writes; closures of
/// [`Store::read`](crate::Store::read) can't.
///
/// The functions on the rows stand beside the rows' types.
pub struct TenantTx<'c> {
    tx: Tx<'c>,
    tenant: TenantId,
    quota_bytes: u64,
}

impl<'c> TenantTx<'c> {
    pub(crate) fn new(tx: Tx<'c>, tenant: TenantId, quota_bytes: u64) -> Self {
        Self { tx, tenant, quota_bytes }
    }

    /// Whose rows these are.
    #[must_use]
    pub fn tenant(&self) -> TenantId {
        self.tenant
    }

    pub(crate) fn quota_bytes(&self) -> u64 {
        self.quota_bytes
    }

    /// Runs a statement with the tenant as `$1` and `values` as `$2` and on; how many rows it changed.
    pub(crate) fn execute<const N: usize>(
        &mut self,
        sql: Sql,
        values: [Value<'_>; N],
    ) -> Result<usize, StoreError> {
        self.tx.execute(sql, &self.with_tenant(values))
    }

    /// [`TenantTx::execute`] of a statement that is valid only under the lease `fence` and changes exactly
    /// one row.
    pub(crate) fn execute_fenced<const N: usize>(
        &mut self,
        sql: Sql,
        run: RunId,
        fence: Fence,
        values: [Value<'_>; N],
    ) -> Result<(), StoreError> {
        match self.tx.execute(sql, &self.with_fence(run, fence, values))? {
            0 => Err(StoreError::Fenced { run, fence }),
            _ => Ok(()),
        }
    }

    /// Runs a statement that changes a row and gives a value back (`RETURNING`).
    pub(crate) fn returning<const N: usize, T>(
        &mut self,
        sql: Sql,
        values: [Value<'_>; N],
        read: impl FnMut(&mut Row<'_>) -> Result<T, StoreError>,
    ) -> Result<Option<T>, StoreError> {
        Ok(self.tx.query(sql, &self.with_tenant(values), read)?.pop())
    }

    pub(crate) fn query<const N: usize, T>(
        &self,
        sql: Sql,
        values: [Value<'_>; N],
        read: impl FnMut(&mut Row<'_>) -> Result<T, StoreError>,
    ) -> Result<Vec<T>, StoreError> {
        self.tx.query(sql, &self.with_tenant(values), read)
    }

    pub(crate) fn query_one<const N: usize, T>(
        &self,
        sql: Sql,
        values: [Value<'_>; N],
        read: impl FnMut(&mut Row<'_>) -> Result<T, StoreError>,
    ) -> Result<Option<T>, StoreError> {
        Ok(self.query(sql, values, read)?.pop())
    }

    pub(crate) fn scan<const N: usize>(
        &self,
        sql: Sql,
        values: [Value<'_>; N],
        see: impl FnMut(&mut Row<'_>) -> Result<Scan, StoreError>,
    ) -> Result<(), StoreError> {
        self.tx.scan(sql, &self.with_tenant(values), see)
    }

    pub(crate) fn take_failure(&self) -> Option<StoreError> {
        self.tx.take_failure()
    }

    fn with_tenant<'v, const N: usize>(&self, values: [Value<'v>; N]) -> Vec<Value<'v>> {
        let mut all = Vec::with_capacity(N + 1);
        all.push(self.tenant.into());
        all.extend(values);
        all
    }

    fn with_fence<'v, const N: usize>(
        &self,
        run: RunId,
        fence: Fence,
        values: [Value<'v>; N],
    ) -> Vec<Value<'v>> {
        let mut all = Vec::with_capacity(N + 3);
        all.extend([self.tenant.into(), run.into(), fence.into()]);
        all.extend(values);
        all
    }
}

impl std::fmt::Debug for TenantTx<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TenantTx").field("tenant", &self.tenant).finish_non_exhaustive()
    }
}

/// The parameters of a statement, each made from its own type.
macro_rules! values {
    ($($value:expr),* $(,)?) => { [$($crate::tx::Value::from($value)),*] };
}
pub(crate) use values;

/// A document as a parameter, if it is not too large.
pub(crate) fn document(what: &'static str, doc: &serde_json::Value) -> Result<Value<'static>, StoreError> {
    let text = doc.to_string();
    bounded(what, text.len(), MAX_DOCUMENT_BYTES)?;
    Ok(Value::Text(text.into()))
}

/// The same of a document that is text already.
pub(crate) fn written<'d>(what: &'static str, doc: &'d Document) -> Result<Value<'d>, StoreError> {
    bounded(what, doc.as_str().len(), MAX_DOCUMENT_BYTES)?;
    Ok(Value::Text(doc.as_str().into()))
}

/// Refuses what is too large.
pub(crate) fn bounded(what: &'static str, size: usize, limit: usize) -> Result<(), StoreError> {
    if size > limit {
        return Err(StoreError::TooLarge { what, size_bytes: size as u64, limit_bytes: limit as u64 });
    }
    Ok(())
}
