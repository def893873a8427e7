//! Loads many things at once that fields ask for one by one.
//!
//! All fields of a query are polled within one task. The first that asks lets every other one ask as well, by giving the
//! task back to the runtime once, and then fetches what was asked for together. So the number of fetches depends on the
//! shape of a query and not on how much there is.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_graphql::Error;
use futures_util::future::{BoxFuture, join_all};
use tokio::sync::oneshot;

type Answer<V> = Result<Option<V>, Error>;
type Fetch<K, V> = Box<dyn Fn(Vec<K>) -> BoxFuture<'static, Result<HashMap<K, V>, Error>> + Send + Sync>;

/// Fetches values by their keys, each once.
pub(super) struct Loader<K, V> {
    state: Mutex<State<K, V>>,
    fetch: Fetch<K, V>,
}

struct State<K, V> {
    known: HashMap<K, Answer<V>>,
    waiting: HashMap<K, Vec<oneshot::Sender<Answer<V>>>>,
    /// Whether somebody is about to fetch what waits.
    led: bool,
}

impl<K, V> Loader<K, V>
where
    K: Clone + Eq + Hash + Send + Sync,
    V: Clone + Send + Sync,
{
    pub(super) fn new(
        fetch: impl Fn(Vec<K>) -> BoxFuture<'static, Result<HashMap<K, V>, Error>> + Send + Sync + 'static,
    ) -> Self {
        let state = State { known: HashMap::new(), waiting: HashMap::new(), led: false };
        Self { state: Mutex::new(state), fetch: Box::new(fetch) }
    }

    /// The value of a key, if there is one.
    pub(super) async fn load(&self, key: K) -> Answer<V> {
        let (answer, leads) = {
            let mut state = self.state();
            if let Some(known) = state.known.get(&key) {
                return known.clone();
            }
            let (sender, answer) = oneshot::channel();
            state.waiting.entry(key).or_default().push(sender);
            (answer, !std::mem::replace(&mut state.led, true))
        };
        if leads {
            self.lead().await;
        }
        answer.await.unwrap_or_else(|_| Err(Error::new("canceled")))
    }

    /// The values of those keys that have one, in their order.
    pub(super) async fn load_many(&self, keys: impl IntoIterator<Item = K>) -> Result<Vec<V>, Error> {
        let found = join_all(keys.into_iter().map(|key| self.load(key))).await;
        found.into_iter().filter_map(Result::transpose).collect()
    }

    async fn lead(&self) {
        let mut turn = Turn { loader: self, over: false };
        // Whoever is polled in the same round asks before the second one begins.
        tokio::task::yield_now().await;
        tokio::task::yield_now().await;
        let waiting = std::mem::take(&mut self.state().waiting);
        self.state().led = false;
        turn.over = true;
        let found = (self.fetch)(waiting.keys().cloned().collect()).await;
        let mut state = self.state();
        for (key, senders) in waiting {
            let answer = match &found {
                Ok(found) => Ok(found.get(&key).cloned()),
                Err(error) => Err(error.clone()),
            };
            for sender in senders {
                // Who asked may be gone.
                let _ = sender.send(answer.clone());
            }
            state.known.insert(key, answer);
        }
    }

    fn state(&self) -> MutexGuard<'_, State<K, V>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whose turn it is to fetch; if that one is dropped, those who wait for it are told.
struct Turn<'a, K, V> {
    loader: &'a Loader<K, V>,
    over: bool,
}

impl<K, V> Drop for Turn<'_, K, V> {
    fn drop(&mut self) {
        if !self.over {
            let mut state = self.loader.state.lock().unwrap_or_else(PoisonError::into_inner);
            state.led = false;
            state.waiting.clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    fn squares(fetches: Arc<AtomicUsize>) -> Loader<u32, u32> {
        Loader::new(move |keys| {
            fetches.fetch_add(1, Ordering::Relaxed);
            Box::pin(async move { Ok(keys.into_iter().filter(|k| *k < 100).map(|k| (k, k * k)).collect()) })
        })
    }

    #[tokio::test]
    async fn what_is_asked_together_is_fetched_once() {
        let fetches = Arc::new(AtomicUsize::new(0));
        let loader = squares(fetches.clone());
        // Nested, as lists of lists are: more than join_all polls in one go.
        let rows = join_all((0..40).map(|row| loader.load_many((0..5).map(move |n| row + n)))).await;
        let found: Vec<_> = rows.into_iter().map(|row| row.expect("it loads")[1]).collect();
        assert_eq!(found, (0..40).map(|row| (row + 1) * (row + 1)).collect::<Vec<_>>());
        assert_eq!(fetches.load(Ordering::Relaxed), 1);
        assert_eq!(loader.load(3).await.expect("it loads"), Some(9));
        assert_eq!(loader.load(100).await.expect("it loads"), None);
        assert_eq!(fetches.load(Ordering::Relaxed), 2);
    }

    #[tokio::test]
    async fn who_is_dropped_leaves_nobody_waiting() {
        let loader = squares(Arc::default());
        {
            let mut first = Box::pin(loader.load(1));
            assert!(futures_util::poll!(&mut first).is_pending());
        }
        assert_eq!(loader.load(2).await.expect("it loads"), Some(4));
    }
}
