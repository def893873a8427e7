//! An engine on a data directory, with the system's clock and randomness of the test.

use std::collections::BTreeMap;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use app::Desk;
use domain::{Clock, TenantId, Timestamp};
use engine::{Engine, Host, ModelPool};
use store::Store;

struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970");
        Timestamp::from_micros(i64::try_from(since.as_micros()).expect("before 292,000"))
    }
}

fn random_u64() -> u64 {
    RandomState::new().build_hasher().finish()
}

fn random() -> [u8; 10] {
    let (a, b) = (random_u64().to_le_bytes(), random_u64().to_le_bytes());
    std::array::from_fn(|n| if n < 8 { a[n] } else { b[n - 8] })
}

/// The engine on this directory, which is made if there is none.
pub fn engine_on(data: &Path, launcher: PathBuf) -> Engine {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let store = Store::open(data, store::OpenOptions::default()).expect("a store");
    let environment = models::Environment::default();
    let variables = std::env::vars().filter(|(name, _)| name == "PATH").collect();
    let rim = models::Rim::new(clock.clone(), random_u64);
    Engine {
        desk: Desk { store, tenant: TenantId::LOCAL, clock, random },
        data_dir: data.to_owned(),
        host: Host { launcher, variables },
        pool: ModelPool::new(environment.clone(), rim, BTreeMap::new()),
        models: environment,
        random_u64,
    }
}
