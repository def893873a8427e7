//! Repairs the Python repository in a directory, with no isolation, and prints what came out:
//! `cargo run -p repair --example on_directory -- DIR ["TASK"] [SECONDS]`. The directory is left as it was.

use std::time::Duration;

use repair::{Outcome, Progress, RepairLimits, RepairRequest};
use testkit::bare::BareDir;

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let mut words = std::env::args().skip(1);
    let Some(directory) = words.next() else {
        eprintln!("usage: on_directory DIR [TASK] [SECONDS]");
        std::process::exit(2);
    };
    let task = words.next().unwrap_or_else(|| "fix the failing tests".into());
    let seconds = words.next().and_then(|s| s.parse().ok()).unwrap_or(300);
    let limits = RepairLimits { time: Duration::from_secs(seconds), ..RepairLimits::default() };
    let request = RepairRequest { task, limits, ..RepairRequest::default() };
    let directory = std::fs::canonicalize(directory).expect("the directory exists");
    let verbose = std::env::args().any(|a| a == "-v");
    let outcome = repair::repair(&BareDir::new(directory, &[]), request, &mut |step| match step {
        Progress::Searching { .. } | Progress::Localized { .. } if !verbose => {}
        step => eprintln!("{step:?}"),
    })
    .await;
    match outcome {
        Ok(Outcome::Repaired(r)) => {
            println!("REPAIRED {}\n{}\n{:?} {:?}", r.title, r.explanation, r.stats, r.left_out)
        }
        Ok(other) => println!("{other:#?}"),
        Err(error) => println!("ERROR {error}"),
    }
}
