//! Waits for a future on a thread of its own right, whether or not a runtime is about.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake};
use std::thread::{self, Thread};

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// Parks the thread until the future is ready. The future must be woken by other threads, as the writer's
/// answers are.
///
/// Inside a task of tokio the future is not held to the task's budget: that is only refilled when the task yields,
/// which it can't do in here, so that the 65th write of one poll would wait for ever.
pub(crate) fn block_on<F: Future>(future: F) -> F::Output {
    let mut future = pin!(tokio::task::unconstrained(future));
    let waker = Arc::new(Unpark(thread::current())).into();
    let mut context = Context::from_waker(&waker);
    loop {
        match future.as_mut().poll(&mut context) {
            Poll::Ready(output) => return output,
            Poll::Pending => thread::park(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::time::Duration;

    use tokio::sync::oneshot;

    use super::*;

    #[test]
    fn a_task_may_wait_as_often_as_it_likes_without_yielding() {
        let (done, ended) = mpsc::channel();
        // On a failure this thread is left behind, and ends with the process.
        thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
            runtime.block_on(async {
                for n in 0..1_000 {
                    let (send, receive) = oneshot::channel();
                    send.send(n).expect("somebody listens");
                    assert_eq!(block_on(receive), Ok(n));
                }
            });
            done.send(()).expect("somebody listens");
        });
        ended.recv_timeout(Duration::from_secs(20)).expect("it does not hang");
    }
}
