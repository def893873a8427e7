//! Loads many things at once that fields ask for one by one.
//!
//! All fields of a query are polled within one future. The first that asks waits until that future was polled to where
//! it can't go on ([`Rounds`]): by then every other field that can ask has asked. Then it fetches what was asked for
//! together. So the number of fetches depends on the shape of a query and not on how much there is.

use std::collections::HashMap;
use std::future::poll_fn;
use std::hash::Hash;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};

use async_graphql::Error;
use futures_util::future::{BoxFuture, join_all};
use futures_util::{Stream, StreamExt as _};
use tokio::sync::oneshot;

type Answer<V> = Result<Option<V>, Error>;
type Fetch<K, V> = Box<dyn Fn(Vec<K>) -> BoxFuture<'static, Result<HashMap<K, V>, Error>> + Send + Sync>;

/// Polls of a whole query, counted: a round is over when nothing in it can go on.
#[derive(Default)]
pub(super) struct Rounds {
    state: Mutex<(u64, Vec<Waker>)>,
}

impl Rounds {
    /// Rounds that a leader waits for: a list may put some of its items off to a second one.
    const WAITED: u64 = 2;

    /// Runs a query in rounds.
    pub(super) async fn drive<F: Future>(&self, query: F) -> F::Output {
        let mut query = pin!(query);
        poll_fn(|cx| {
            let polled = query.as_mut().poll(cx);
            self.end_round();
            polled
        })
        .await
    }

    /// Runs a subscription in rounds.
    pub(super) fn drive_stream<S: Stream + Unpin>(
        self: Arc<Self>,
        mut events: S,
    ) -> impl Stream<Item = S::Item> {
        futures_util::stream::poll_fn(move |cx| {
            let polled = events.poll_next_unpin(cx);
            self.end_round();
            polled
        })
    }

    fn end_round(&self) {
        let wakers = {
            let mut state = self.state();
            state.0 += 1;
            std::mem::take(&mut state.1)
        };
        wakers.into_iter().for_each(Waker::wake);
    }

    async fn wait(&self) {
        let until = self.state().0 + Self::WAITED;
        poll_fn(|cx| {
            let mut state = self.state();
            if state.0 >= until {
                return Poll::Ready(());
            }
            state.1.push(cx.waker().clone());
            Poll::Pending
        })
        .await;
    }

    fn state(&self) -> MutexGuard<'_, (u64, Vec<Waker>)> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Fetches values by their keys, each once.
pub(super) struct Loader<K, V> {
    state: Mutex<State<K, V>>,
    rounds: Arc<Rounds>,
    fetch: Fetch<K, V>,
}

struct State<K, V> {
    known: HashMap<K, Answer<V>>,
    /// Who waits for keys that are still to be fetched.
    waiting: HashMap<K, Vec<oneshot::Sender<Answer<V>>>>,
    /// Who waits for keys that are being fetched.
    coming: HashMap<K, Vec<oneshot::Sender<Answer<V>>>>,
    /// Whether somebody is about to fetch what waits.
    led: bool,
}

impl<K, V> Loader<K, V>
where
    K: Clone + Eq + Hash + Send + Sync,
    V: Clone + Send + Sync,
{
    pub(super) fn new(
        rounds: Arc<Rounds>,
        fetch: impl Fn(Vec<K>) -> BoxFuture<'static, Result<HashMap<K, V>, Error>> + Send + Sync + 'static,
    ) -> Self {
        let state =
            State { known: HashMap::new(), waiting: HashMap::new(), coming: HashMap::new(), led: false };
        Self { state: Mutex::new(state), rounds, fetch: Box::new(fetch) }
    }

    /// The value of a key, if there is one.
    pub(super) async fn load(&self, key: K) -> Answer<V> {
        let (answer, leads) = {
            let mut state = self.state();
            if let Some(known) = state.known.get(&key) {
                return known.clone();
            }
            let (sender, answer) = oneshot::channel();
            if let Some(others) = state.coming.get_mut(&key) {
                others.push(sender);
                (answer, false)
            } else {
                state.waiting.entry(key).or_default().push(sender);
                (answer, !std::mem::replace(&mut state.led, true))
            }
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
        let mut turn = Turn { loader: self, phase: Phase::Waiting };
        self.rounds.wait().await;
        let keys: Vec<K> = {
            let mut state = self.state();
            state.led = false;
            let waiting = std::mem::take(&mut state.waiting);
            let keys = waiting.keys().cloned().collect();
            state.coming.extend(waiting);
            keys
        };
        turn.phase = Phase::Fetching(keys.clone());
        let found = (self.fetch)(keys.clone()).await;
        let mut state = self.state();
        for key in keys {
            let answer = match &found {
                Ok(found) => Ok(found.get(&key).cloned()),
                Err(error) => Err(error.clone()),
            };
            for sender in state.coming.remove(&key).into_iter().flatten() {
                // Who asked may be gone.
                let _ = sender.send(answer.clone());
            }
            state.known.insert(key, answer);
        }
        turn.phase = Phase::Over;
    }

    fn state(&self) -> MutexGuard<'_, State<K, V>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whose turn it is to fetch; if that one is dropped, those who wait for it are told.
struct Turn<'a, K: Eq + Hash, V> {
    loader: &'a Loader<K, V>,
    phase: Phase<K>,
}

/// How far a turn is.
enum Phase<K> {
    /// Others may still ask.
    Waiting,
    /// These are being fetched.
    Fetching(Vec<K>),
    /// Everybody was told.
    Over,
}

impl<K: Eq + Hash, V> Drop for Turn<'_, K, V> {
    fn drop(&mut self) {
        let mut state = self.loader.state.lock().unwrap_or_else(PoisonError::into_inner);
        match &self.phase {
            Phase::Waiting => {
                state.led = false;
                state.waiting.clear();
            }
            Phase::Fetching(keys) => keys.iter().for_each(|key| drop(state.coming.remove(key))),
            Phase::Over => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    fn squares(rounds: &Arc<Rounds>, fetches: &Arc<AtomicUsize>) -> Loader<u32, u32> {
        let fetches = fetches.clone();
        Loader::new(rounds.clone(), move |keys| {
            fetches.fetch_add(1, Ordering::Relaxed);
            Box::pin(async move {
                tokio::task::yield_now().await;
                Ok(keys.into_iter().filter(|k| *k < 100).map(|k| (k, k * k)).collect())
            })
        })
    }

    #[tokio::test]
    async fn what_is_asked_together_is_fetched_once() {
        let (rounds, fetches) = (Arc::new(Rounds::default()), Arc::new(AtomicUsize::new(0)));
        let loader = squares(&rounds, &fetches);
        // Nested, as lists of lists are: more than join_all polls in one go, and what is being fetched is asked again.
        let query = join_all((0..40).map(async |row| {
            let found = loader.load_many((0..5).map(|n| row + n)).await.expect("it loads");
            let again = loader.load_many((0..5).map(|n| row + n)).await.expect("it is known");
            assert_eq!(found, again);
            found[1]
        }));
        let found = rounds.drive(query).await;
        assert_eq!(found, (0..40).map(|row| (row + 1) * (row + 1)).collect::<Vec<_>>());
        assert_eq!(fetches.load(Ordering::Relaxed), 1);
        let rest =
            async { (loader.load(3).await.expect("known"), loader.load(100).await.expect("it loads")) };
        assert_eq!(rounds.drive(rest).await, (Some(9), None));
        assert_eq!(fetches.load(Ordering::Relaxed), 2);
    }

    #[tokio::test]
    async fn who_is_dropped_leaves_nobody_waiting() {
        let rounds = Arc::new(Rounds::default());
        let loader = squares(&rounds, &Arc::default());
        for polls in 1..4 {
            let mut dropped = Box::pin(rounds.drive(loader.load(1)));
            for _ in 0..polls {
                assert!(futures_util::poll!(&mut dropped).is_pending());
            }
            drop(dropped);
            assert_eq!(rounds.drive(loader.load(2)).await.expect("it loads"), Some(4));
            loader.state().known.clear();
        }
    }
}
