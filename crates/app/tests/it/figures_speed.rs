//! How long figures of ten thousand runs take: printed, not judged; `--no-capture` shows it.

use std::time::Instant;

use app::analytics::dashboard;
use app::costs::{CostAsked, cost};
use app::needs::needs_you;
use auth::Role;
use domain::TenantId;

use crate::figures_fixture::{Fixture, Left, OURS, caller, origin};

const RUNS: i64 = 10_000;

#[tokio::test]
async fn ten_thousand_runs() {
    let f = Fixture::new();
    let project = f.project(OURS, "Invoices");
    for batch in 0..20 {
        f.write(OURS, move |tx| {
            for n in 0..RUNS / 20 {
                Left::ready((batch * RUNS / 20 + n) % (170 * 24), Some(project)).put(tx)?;
            }
            Ok(())
        });
    }
    f.write(TenantId::INSTALLATION, |tx| {
        for hour in 0..170 * 24 {
            tx.add_sample("cpu_usage", crate::figures_fixture::before(hour), 30_000)?;
        }
        Ok(())
    });
    let viewer = caller(OURS, Role::Viewer);
    for (what, frame) in
        [("cold", "90d"), ("same again", "90d"), ("other timeframe", "30d"), ("a day", "24h")]
    {
        let began = Instant::now();
        let shown = dashboard(&f.platform, &viewer, &origin(), &OURS.to_string(), Some(frame)).await;
        let took = began.elapsed();
        let shown = shown.expect("a dashboard");
        println!("dashboard of {RUNS} runs, {what} ({frame}): {took:?}");
        let created = shown.panels[1].metrics[1].clone();
        assert_eq!(created.value, Some(created.facts.count as f64));
    }
    f.write(OURS, |tx| tx.append_event(&event()));
    let began = Instant::now();
    let shown = dashboard(&f.platform, &viewer, &origin(), &OURS.to_string(), Some("90d")).await;
    println!("dashboard of {RUNS} runs, after a commit (90d): {:?}", began.elapsed());
    assert!(shown.is_ok());
    let began = Instant::now();
    let needs = needs_you(&f.platform, &viewer, &origin(), None).await.expect("a list");
    println!("what waits for people among {RUNS} tasks: {:?}", began.elapsed());
    assert_eq!(needs.len(), 500, "bounded");
    let began = Instant::now();
    let spent = cost(&f.platform, &viewer, &origin(), CostAsked::default()).await.expect("a ledger");
    println!("costs without a call among {RUNS} runs: {:?}", began.elapsed());
    assert_eq!(spent.runs, 0);
}

fn event() -> store::NewEvent {
    store::NewEvent {
        id: domain::EventId::new(crate::figures_fixture::before(0), [3; 10]),
        kind: "dev.aamas.run.progressed".to_owned(),
        subject: "run".to_owned(),
        data: serde_json::json!({}),
        at: crate::figures_fixture::before(0),
    }
}
