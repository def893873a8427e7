//! Local pull requests.

use domain::RunId;
use serde_json::json;
use store::{Found, PullRequestRecord, PullRequestState, StoreError};

use super::fixture::{Fixture, at, id};

fn pull_request(run: RunId) -> PullRequestRecord {
    PullRequestRecord {
        id: id(),
        run,
        forge_number: None,
        title: "Fix paging".to_owned(),
        state: PullRequestState::Draft,
        created_at: at(1),
        updated_at: at(1),
        doc: json!({"labels": []}),
    }
}

#[test]
fn a_pull_request_comes_back_as_it_was_saved() {
    let f = Fixture::new();
    let run = f.run();
    let mut pr = pull_request(run);
    let first = pr.clone();
    f.write(move |tx| tx.insert_pull_request(&first)).expect("a known run");
    for state in PullRequestState::ALL {
        (pr.state, pr.forge_number, pr.updated_at) = (state, Some(17), at(2));
        let saved = pr.clone();
        f.write(move |tx| tx.save_pull_request(&saved)).expect("it is there");
        assert_eq!(f.read(|tx| tx.pull_request(pr.id)).expect("a look").as_ref(), Some(&pr));
    }
    assert_eq!(f.read(|tx| tx.pull_request_of_run(run)).expect("a look").as_ref(), Some(&pr));
    assert_eq!(f.read(|tx| tx.pull_requests(0, 9)).expect("a look"), [pr]);
    let orphan = f.write(|tx| tx.insert_pull_request(&pull_request(id())));
    assert!(matches!(orphan, Err(StoreError::DanglingReference { .. })), "{orphan:?}");
    let unknown = f.write(move |tx| tx.save_pull_request(&pull_request(run)));
    assert!(matches!(unknown, Err(StoreError::NotFound { .. })), "{unknown:?}");
}

#[test]
fn a_pull_request_is_found_by_a_part_of_its_id() {
    let f = Fixture::new();
    assert_eq!(f.read(|tx| tx.find_pull_request("last")).expect("a look"), Found::None);
    let run = f.run();
    let (first, second) = (pull_request(run), pull_request(run));
    let ids = [first.id, second.id];
    f.write(move |tx| [first, second].iter().try_for_each(|pr| tx.insert_pull_request(pr)))
        .expect("a known run");
    let texts = ["last".to_owned(), ids[0].to_string(), "pr_0".to_owned(), "pr_1".to_owned()];
    let found = texts.map(|text| f.read(|tx| tx.find_pull_request(&text)).expect("a look"));
    assert_eq!(found, [Found::One(ids[1]), Found::One(ids[0]), Found::Ambiguous(ids.to_vec()), Found::None]);
}
