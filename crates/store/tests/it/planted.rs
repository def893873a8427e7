//! Planted faults: absent from a usual build, and with the feature `planted-faults` hit at their named
//! points.

use std::path::Path;

use store::NewArtifact;

use super::fixture::{Empty, TENANT, add_run, at, id, task};
use crate::child::{Role, Words, command, say};
use crate::place::Place;

/// The child's part: a run with an artifact, said step by step.
pub(crate) fn put(place: &Place) {
    let store = place.open();
    say("opened");
    let (task, run) = (task(), store::RunRecord::queued(id(), id(), Path::new("/r"), "offline", at(1)));
    let run = store.write_blocking(TENANT, move |tx| add_run(tx, &task, run)).expect("a new run");
    say("run");
    let object = match store.put_object(TENANT, &b"content"[..]) {
        Ok(object) => object,
        Err(error) => return say(&error.to_string()),
    };
    let artifact = NewArtifact { id: id(), run, kind: "k".into(), name: "n".into(), object, at: at(1) };
    store.write_blocking(TENANT, move |tx| tx.add_artifact(&artifact)).expect("a known run");
    say("artifact");
}

/// What the child says before it dies or ends, how many runs there are afterwards, and how many artifacts.
fn with_fault(fault: &str) -> (Vec<String>, usize, u64) {
    let empty = Empty::new();
    let mut child =
        command(Role::Putter, &empty.place).env("AAMAS_FAULT", fault).spawn().expect("this binary starts");
    let said = Words::of(&mut child).collect();
    child.wait().expect("our child");
    let store = empty.place.open();
    let check = store.check(TENANT).expect("a check");
    assert_eq!(check.findings, [""; 0], "{fault}");
    let runs = store.read_blocking(TENANT, |tx| tx.runs(0, 9)).expect("a look").len();
    (said, runs, check.objects)
}

fn said(words: &[&str]) -> Vec<String> {
    words.iter().map(ToString::to_string).collect()
}

#[cfg(not(feature = "planted-faults"))]
#[test]
fn a_usual_build_has_no_planted_faults() {
    let all = "store.migration.half=kill,store.commit.before=kill,store.commit.after=kill,store.object.rename=error";
    assert_eq!(with_fault(all), (said(&["opened", "run", "artifact"]), 1, 1));
}

#[cfg(feature = "planted-faults")]
#[test]
fn each_named_point_leaves_a_whole_store() {
    let cases = [
        ("store.migration.half=kill", said(&[]), 0, 0),
        ("store.commit.before=kill", said(&["opened"]), 0, 0),
        ("store.commit.after=kill", said(&["opened"]), 1, 0),
        ("store.object.rename=kill", said(&["opened", "run"]), 1, 0),
        ("store.commit.before=kill@2", said(&["opened", "run"]), 1, 0),
        ("store.commit.after=kill@2", said(&["opened", "run"]), 1, 1),
    ];
    for _ in 0..testkit::speed::cases(2, 20, 100) {
        for (fault, words, runs, objects) in cases.clone() {
            assert_eq!(with_fault(fault), (words, runs, objects), "{fault}");
        }
    }
    let (words, runs, objects) = with_fault("store.object.rename=error");
    assert!(words[2].starts_with("cannot store the object"), "{words:?}");
    assert_eq!((words.len(), runs, objects), (3, 1, 0));
}
