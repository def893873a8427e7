//! Wishes that reach a running run: signals, messages from people, deadlines.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use agents::StopRequest;
use tokio_util::sync::CancellationToken;

use crate::drive::stronger;

/// Shared by the run's driver, its watcher of the inbox, and whoever handles signals.
#[derive(Clone, Default)]
pub struct Stop {
    wish: Arc<Mutex<Option<StopRequest>>>,
    token: CancellationToken,
}

impl Stop {
    /// Nobody wants anything yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Wants the run to stop. `Pause` lets the operation under way end; the others cut it short, and it runs again
    /// after a resume.
    pub fn request(&self, wish: StopRequest) {
        let mut strongest = self.lock();
        *strongest = stronger(Some(wish), *strongest);
        drop(strongest);
        if wish != StopRequest::Pause {
            self.token.cancel();
        }
    }

    pub(crate) fn requested(&self) -> Option<StopRequest> {
        *self.lock()
    }

    pub(crate) fn token(&self) -> CancellationToken {
        self.token.clone()
    }

    /// A token that is canceled when the run should stop, or when this much time has passed.
    #[expect(clippy::disallowed_methods, reason = "its handle is kept, and aborted with the deadline")]
    pub(crate) fn until_deadline(&self, left: Duration) -> Deadline {
        let token = self.token.child_token();
        let timer = token.clone();
        let task = tokio::spawn(async move {
            tokio::time::sleep(left).await;
            timer.cancel();
        });
        Deadline { token, task }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<StopRequest>> {
        // A panic while it was held can't leave one plain value half-written.
        self.wish.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

/// A token with a timer, which goes when this does.
pub(crate) struct Deadline {
    token: CancellationToken,
    task: tokio::task::JoinHandle<()>,
}

impl Deadline {
    pub(crate) fn token(&self) -> &CancellationToken {
        &self.token
    }
}

impl Drop for Deadline {
    fn drop(&mut self) {
        self.task.abort();
    }
}
