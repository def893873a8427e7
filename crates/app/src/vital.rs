//! Whether the store can be relied on right now.

use std::time::Duration;

use domain::TenantId;
use store::StoreError;

use crate::Platform;

/// The metric that the probe writes; its one row is written anew each time.
const PROBE: &str = "probe";

/// Writes a row, flushed to the disk, and reads it back; how long that took.
///
/// # Errors
/// Why the store can't be relied on.
pub async fn probe(platform: &Platform) -> Result<Duration, StoreError> {
    let before = platform.now();
    let at = domain::Timestamp::from_micros(0);
    let value = before.as_micros();
    platform.store().write(TenantId::INSTALLATION, move |tx| tx.add_sample(PROBE, at, value)).await?;
    let end = domain::Timestamp::from_micros(1);
    let found = platform.store().read(TenantId::INSTALLATION, move |tx| tx.samples(PROBE, at, end)).await?;
    // Another probe may have come in between; an older value may not.
    match found.first() {
        Some((_, found)) if *found >= value => Ok(platform.now().since(before)),
        _ => Err(StoreError::Malformed { what: "probe row".to_owned() }),
    }
}
