//! Load on a server: so many connections, each of which asks again as soon as it is answered.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use tokio::task::JoinSet;

use super::http::Talk;

/// How long before what is measured.
const WARM_UP: Duration = Duration::from_millis(500);

/// Answers a second. `request` gives the bytes of the n-th request; an answer that is no success ends it.
pub(super) async fn answers_a_second(
    port: u16,
    connections: usize,
    span: Duration,
    request: impl Fn(usize) -> Vec<u8> + Send + Sync + 'static,
) -> Result<f64> {
    let request = Arc::new(request);
    let (asked, answered) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let stop = Arc::new(AtomicBool::new(false));
    let mut all = JoinSet::new();
    for _ in 0..connections {
        let (request, asked, answered, stop) =
            (request.clone(), asked.clone(), answered.clone(), stop.clone());
        let mut talk = Talk::open(port).await?;
        all.spawn(async move {
            while !stop.load(Ordering::Relaxed) {
                let bytes = request(asked.fetch_add(1, Ordering::Relaxed));
                let answer = talk.send(&bytes).await?;
                let text = String::from_utf8_lossy(&answer.body);
                ensure!((200..300).contains(&answer.status), "{} {text}", answer.status);
                answered.fetch_add(1, Ordering::Relaxed);
            }
            Ok(())
        });
    }
    tokio::time::sleep(WARM_UP).await;
    let (before, began) = (answered.load(Ordering::Relaxed), Instant::now());
    tokio::time::sleep(span).await;
    let (after, took) = (answered.load(Ordering::Relaxed), began.elapsed());
    stop.store(true, Ordering::Relaxed);
    while let Some(ended) = all.join_next().await {
        ended??;
    }
    let answers = u32::try_from(after - before)?;
    Ok(f64::from(answers) / took.as_secs_f64())
}
