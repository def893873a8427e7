//! Runs whose processes die: taken up at once, then after pauses, then by a person alone.

use app::Desk;
use app::deaths::{Afterwards, MOST_DEATHS, process_died};
use app::records::{TaskDoc, of_doc};
use auth::Role;
use domain::{ProjectId, RunId, RunState, TaskId, TaskState, Timestamp};
use serde_json::json;
use store::TaskRecord;

use crate::figures_fixture::{
    Fixture, HOUR, Happened, Left, NOON, OURS, before, caller, journal, origin, ten_bytes,
};

struct Dying {
    fixture: Fixture,
    desk: Desk,
    project: ProjectId,
    task: TaskId,
    run: RunId,
}

impl Dying {
    fn new() -> Self {
        let fixture = Fixture::new();
        let project = fixture.project(OURS, "Ledger");
        let left = Left {
            state: RunState::Running,
            task_state: TaskState::Working,
            change: None,
            ..Left::ready(0, Some(project))
        };
        let (task, run) = fixture.write(OURS, move |tx| left.put(tx));
        let desk = Desk {
            store: fixture.store.clone(),
            tenant: OURS,
            clock: fixture.clock.clone(),
            random: ten_bytes,
        };
        Self { fixture, desk, project, task, run }
    }

    /// The run was taken up, and its process died once more; an hour later each time, when every lease is over.
    fn dies(&self, hour: i64) -> (Afterwards, TaskRecord) {
        self.fixture.set(NOON + hour * HOUR);
        app::work::unwant(&self.desk, self.task).expect("a store");
        let after = process_died(&self.desk, self.run).expect("a store");
        let id = self.task;
        let task = self.fixture.store.read_blocking(OURS, move |tx| tx.task(id)).expect("a store");
        (after, task.expect("a task"))
    }

    fn error(task: &TaskRecord) -> Option<String> {
        let doc: TaskDoc = of_doc("task", &task.doc).expect("a document");
        doc.error.map(|error| error.code)
    }
}

#[tokio::test]
async fn a_run_that_ends_its_servers_pauses_longer_and_longer_and_is_left_to_a_person() {
    let dying = Dying::new();
    let mut pauses = Vec::new();
    for death in 1..i64::from(MOST_DEATHS) {
        let (after, task) = dying.dies(death);
        let at = task.wanted_at.expect("it is wanted").as_micros();
        let pause = (at - NOON - death * HOUR) / 1_000_000;
        let wants = if pause == 0 {
            (Afterwards::TakenUp, None)
        } else {
            (Afterwards::TakenUpLater, Some("run_backs_off".into()))
        };
        assert_eq!((after, Dying::error(&task)), wants, "death {death}");
        pauses.push(pause);
    }
    assert_eq!(pauses, [0, 0, 0, 0, 30, 60, 120, 240, 480]);

    let (after, task) = dying.dies(i64::from(MOST_DEATHS));
    assert_eq!(after, Afterwards::LeftToAPerson);
    assert_eq!((task.state, task.wanted_at), (TaskState::Paused, None));
    assert_eq!(Dying::error(&task).as_deref(), Some("run_ends_its_server"));
    let (platform, owner) = (&dying.fixture.platform, caller(OURS, Role::Owner));
    let needs = app::needs::needs_you(platform, &owner, &origin(), Some(dying.project)).await.expect("needs");
    assert_eq!(needs.iter().map(|need| need.kind.as_str()).collect::<Vec<_>>(), ["failed"]);
}

#[tokio::test]
async fn a_run_that_came_further_between_two_deaths_is_taken_up_at_once() {
    let dying = Dying::new();
    for death in 1..=i64::from(MOST_DEATHS) {
        let run = dying.run;
        dying.fixture.write(OURS, move |tx| {
            let answers = (0..3).map(|_| Happened {
                branch: 0,
                at: before(0),
                entry: json!({ "entry": "model_answered" }),
                spent: None,
            });
            journal(tx, run, &answers.collect::<Vec<_>>())
        });
        let (after, task) = dying.dies(death);
        assert_eq!((after, task.wanted_at), (Afterwards::TakenUp, Some(now(death))), "death {death}");
    }
}

fn now(hour: i64) -> Timestamp {
    Timestamp::from_micros(NOON + hour * HOUR)
}
