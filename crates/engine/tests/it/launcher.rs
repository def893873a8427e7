//! The smallest binary with a launcher, for the tests of this crate: what `aamas sandbox-launcher` is in the product.
//! With `serve DIR` it is a server's engine in a process of its own, which a test can kill.
#![expect(clippy::disallowed_methods, clippy::expect_used, reason = "a program of tests")]

mod engine_on;

use std::path::Path;

use tokio_util::sync::CancellationToken;

fn main() {
    match std::env::args().collect::<Vec<_>>().as_slice() {
        [_, word, data] if word == "serve" => serve(Path::new(data)),
        _ => sandbox::run_launcher(tools::BUILTINS),
    }
}

fn serve(data: &Path) {
    let launcher = std::env::current_exe().expect("its own path");
    let engine = engine_on::engine_on(data, launcher);
    let scheduler = engine::serve::Scheduler::new(engine, engine::serve::Options::default());
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    runtime.block_on(scheduler.run(CancellationToken::new())).expect("it can look");
}
