//! The tests and checks of the base, run once beside everything else and kept.

use std::sync::Arc;

use gates::Baseline;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;

use crate::desk::{Found, Fresh, Ground};
use crate::{EngineError, sentence};

/// Values of the whole cache that stay: baselines, and answers of models.
const KEPT: u32 = 1_000;

/// The result of the base's tests, now or later.
pub(crate) struct Baselines {
    result: watch::Receiver<Option<Result<Arc<Baseline>, String>>>,
    task: tokio::task::JoinHandle<()>,
}

impl Baselines {
    /// Starts them.
    #[expect(clippy::disallowed_methods, reason = "its handle is kept, and aborted when the run ends first")]
    pub(crate) fn begin(ground: &Arc<Ground>, cancel: CancellationToken) -> Self {
        let (send, result) = watch::channel(None);
        let work = Work { ground: ground.clone(), cancel };
        let measuring = async move {
            let outcome = work.run().await.map(Arc::new).map_err(|e| sentence(&e));
            // Nobody waits any more when the run has ended before its base was measured.
            let _ = send.send(Some(outcome));
        };
        let task = tokio::spawn(measuring.in_current_span());
        Self { result, task }
    }

    /// Waits for the result.
    pub(crate) async fn result(&self) -> Result<Arc<Baseline>, EngineError> {
        let mut result = self.result.clone();
        let known = result.wait_for(Option::is_some).await.map_err(|_| EngineError::Lost("the baseline"))?;
        match known.as_ref() {
            Some(Ok(baseline)) => Ok(baseline.clone()),
            Some(Err(message)) => Err(EngineError::Baseline(message.clone())),
            None => Err(EngineError::Lost("the baseline")),
        }
    }
}

impl Drop for Baselines {
    fn drop(&mut self) {
        self.task.abort();
    }
}

struct Work {
    ground: Arc<Ground>,
    cancel: CancellationToken,
}

impl Work {
    async fn run(self) -> Result<Baseline, EngineError> {
        let found = self.ground.found().await?;
        let plan = &found.plan;
        if plan.suites.is_empty() && plan.build.is_empty() && plan.lint.is_empty() && plan.format.is_empty() {
            return Ok(Baseline::default());
        }
        let key = self.key(found);
        if let Some(known) = self.cached(&key)? {
            return Ok(known);
        }
        let name = format!("{}-base", self.ground.run);
        let view = Fresh::open(&self.ground, &self.ground.config, &name, None).await?;
        let measured = gates::baseline(view.session(), plan, &found.gates, &self.cancel).await;
        view.close().await?;
        let measured = measured?;
        if !self.cancel.is_cancelled() && measured.is_whole() {
            self.keep(&key, &measured).await?;
        }
        Ok(measured)
    }

    /// What a baseline depends on. The toolchain is named by the variables and directories that commands see.
    fn key(&self, found: &Found) -> String {
        let toolchain: String =
            self.ground.toolchains.env.iter().map(|(k, v)| format!("{k}={v}\n")).collect();
        gates::baseline_key(&self.ground.commit.tree.to_string(), &found.gates, &found.plan, &toolchain)
    }

    fn cached(&self, key: &str) -> Result<Option<Baseline>, EngineError> {
        let desk = &self.ground.engine.desk;
        let known = desk.store.read_blocking(desk.tenant, |tx| tx.cache_get(key))?;
        Ok(known.and_then(|c| serde_json::from_slice(&c.value).ok()))
    }

    async fn keep(&self, key: &str, measured: &Baseline) -> Result<(), EngineError> {
        let desk = &self.ground.engine.desk;
        let (key, now) = (key.to_owned(), desk.now());
        let value = serde_json::to_vec(measured)
            .map_err(|source| EngineError::Record { what: "a baseline".into(), source })?;
        desk.store
            .write(desk.tenant, move |tx| {
                tx.cache_put(&key, &value, now)?;
                tx.cache_trim(KEPT).map(drop)
            })
            .await?;
        Ok(())
    }
}
