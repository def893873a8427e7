//! State machines: one enum of states, one of events, and one function that holds every transition.

use std::fmt;

use serde::{Deserialize, Serialize};

/// An event that does not exist in a state.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a {what} that is {from} cannot be {event}")]
pub struct IllegalTransition {
    /// What kind of thing.
    pub what: &'static str,
    /// Its state.
    pub from: String,
    /// The event that came.
    pub event: String,
}

macro_rules! words {
    ($name:ident { $($(#[$doc:meta])* $variant:ident = $word:literal),+ $(,)? }) => {
        impl $name {
            /// Every value, for tests and for parsing.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The word on the wire and in the store.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }

            /// The value with this word.
            #[must_use]
            pub fn from_word(word: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|v| v.as_str() == word)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
                s.serialize_str(self.as_str())
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
                let word = String::deserialize(d)?;
                Self::from_word(&word)
                    .ok_or_else(|| serde::de::Error::custom(format!("no {} is called {word:?}", stringify!($name))))
            }
        }
    };
}
pub(crate) use words;

macro_rules! machine {
    (
        $what:literal,
        $(#[$sdoc:meta])* $state:ident { $($(#[$svdoc:meta])* $sv:ident = $sw:literal),+ $(,)? }
        $(#[$edoc:meta])* $event:ident { $($(#[$evdoc:meta])* $ev:ident = $ew:literal),+ $(,)? }
        $($from:ident on $on:ident => $to:ident),+ $(,)?
    ) => {
        $(#[$sdoc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $state { $($(#[$svdoc])* $sv),+ }

        $(#[$edoc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $event { $($(#[$evdoc])* $ev),+ }

        words!($state { $($sv = $sw),+ });
        words!($event { $($ev = $ew),+ });

        impl $state {
            /// The state after `event`; every legal transition stands in this one function.
            ///
            /// # Errors
            /// [`IllegalTransition`] when the event does not exist in this state; nothing has changed then.
            pub fn apply(self, event: $event) -> Result<Self, IllegalTransition> {
                match (self, event) {
                    $((Self::$from, $event::$on) => Ok(Self::$to),)+
                    (from, event) => Err(IllegalTransition {
                        what: $what,
                        from: from.to_string(),
                        event: event.to_string(),
                    }),
                }
            }

            /// Whether nothing can happen to it any more.
            #[must_use]
            pub fn is_final(self) -> bool {
                $event::ALL.iter().all(|e| self.apply(*e).is_err())
            }
        }
    };
}

machine! {
    "task",
    /// A task, in A2A's words.
    TaskState {
        /// Taken in; nobody works on it.
        Submitted = "submitted",
        /// A run works on it.
        Working = "working",
        /// A person has to answer or approve.
        InputRequired = "input_required",
        /// Held by a person, or interrupted.
        Paused = "paused",
        /// Ended with a result.
        Completed = "completed",
        /// Ended without one; may be retried.
        Failed = "failed",
        /// Ended by a person.
        Canceled = "canceled",
    }
    /// What can happen to a task.
    TaskEvent {
        /// A run took it.
        Claimed = "claimed",
        /// Its run asked a person.
        AskedForInput = "asked for input",
        /// The person answered.
        Answered = "answered",
        /// Its run was paused or interrupted.
        Paused = "paused",
        /// Its run ended with a result.
        Finished = "finished",
        /// Its run ended without a result.
        GaveUp = "given up",
        /// A person wants it ended.
        CancelRequested = "canceled",
    }
    Submitted on Claimed => Working,
    Submitted on CancelRequested => Canceled,
    Working on AskedForInput => InputRequired,
    Working on Paused => Paused,
    Working on Finished => Completed,
    Working on GaveUp => Failed,
    Working on CancelRequested => Canceled,
    InputRequired on Answered => Working,
    InputRequired on CancelRequested => Canceled,
    Paused on Claimed => Working,
    Paused on CancelRequested => Canceled,
    Failed on Claimed => Working,
    Failed on CancelRequested => Canceled,
}

machine! {
    "run",
    /// One execution of a task. The words of the run document's `status`, and `queued`, `running`, `paused`.
    RunState {
        /// Durable, not yet begun.
        Queued = "queued",
        /// A process holds its lease, or did when it died.
        Running = "running",
        /// Held at a safe point by a person.
        Paused = "paused",
        /// Stopped at a safe point by a signal.
        Interrupted = "interrupted",
        /// Waits for a person: a question, an approval, or a task that the chosen model can't do.
        NeedsInput = "needs_input",
        /// A budget, turn or time limit was reached.
        LimitReached = "limit_reached",
        /// Ended by an error; may be resumed.
        Failed = "failed",
        /// A change that passed every gate.
        Ready = "ready",
        /// Nothing to change.
        NoChange = "no_change",
        /// A change that a gate refused.
        GatesFailed = "gates_failed",
        /// Ended by a person.
        Canceled = "canceled",
    }
    /// What can happen to a run.
    RunEvent {
        /// A process took its lease.
        Started = "started",
        /// A person wants it held.
        PauseRequested = "paused",
        /// A signal stopped it at a safe point.
        Interrupted = "interrupted",
        /// It asks a person.
        AskedForInput = "waiting for input",
        /// A limit was hit.
        HitLimit = "stopped by a limit",
        /// An error ended it.
        Failed = "failed",
        /// All gates let the change through.
        Succeeded = "ready",
        /// There was nothing to change.
        ChangedNothing = "ended without a change",
        /// A gate refused the change for good.
        GatesRefused = "refused by its gates",
        /// A person wants it ended.
        CancelRequested = "canceled",
    }
    Queued on Started => Running,
    Queued on CancelRequested => Canceled,
    Running on PauseRequested => Paused,
    Running on Interrupted => Interrupted,
    Running on AskedForInput => NeedsInput,
    Running on HitLimit => LimitReached,
    Running on Failed => Failed,
    Running on Succeeded => Ready,
    Running on ChangedNothing => NoChange,
    Running on GatesRefused => GatesFailed,
    Running on CancelRequested => Canceled,
    Paused on Started => Running,
    Paused on CancelRequested => Canceled,
    Interrupted on Started => Running,
    Interrupted on CancelRequested => Canceled,
    NeedsInput on Started => Running,
    NeedsInput on CancelRequested => Canceled,
    LimitReached on Started => Running,
    LimitReached on CancelRequested => Canceled,
    Failed on Started => Running,
    Failed on CancelRequested => Canceled,
}

machine! {
    "step",
    /// One node of a run's plan.
    StepState {
        /// Waits for the steps it depends on.
        Pending = "pending",
        /// An attempt works on it.
        Working = "working",
        /// Its acceptance was met.
        Done = "done",
        /// Its last attempt gave up.
        Failed = "failed",
        /// The plan does without it.
        Skipped = "skipped",
    }
    /// What can happen to a step.
    StepEvent {
        /// An attempt began.
        Begun = "begun",
        /// An attempt met its acceptance.
        Accepted = "accepted",
        /// The last attempt gave up.
        GaveUp = "given up",
        /// The plan changed.
        Dropped = "dropped",
    }
    Pending on Begun => Working,
    Pending on Dropped => Skipped,
    Working on Accepted => Done,
    Working on GaveUp => Failed,
    Working on Dropped => Skipped,
    Failed on Begun => Working,
    Failed on Dropped => Skipped,
}

machine! {
    "attempt",
    /// One agent's try at a step.
    AttemptState {
        /// The agent works.
        Working = "working",
        /// It says that it is done; gates judge.
        Judged = "judged",
        /// Gates let it through.
        Accepted = "accepted",
        /// It gave up or was refused for good.
        Rejected = "rejected",
    }
    /// What can happen to an attempt.
    AttemptEvent {
        /// The agent says that it is done.
        Finished = "finished",
        /// Gates sent it back with a reason.
        SentBack = "sent back",
        /// Gates let it through.
        Passed = "passed",
        /// It gave up, or no rounds are left.
        GaveUp = "given up",
    }
    Working on Finished => Judged,
    Working on GaveUp => Rejected,
    Judged on SentBack => Working,
    Judged on Passed => Accepted,
    Judged on GaveUp => Rejected,
}

impl RunState {
    /// Finished for good: `runs resume` prints the same document and does nothing.
    #[must_use]
    pub fn is_finished(self) -> bool {
        matches!(self, Self::Ready | Self::NoChange | Self::GatesFailed | Self::Canceled)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    /// Every transition of a machine, as words.
    fn edges<S: Copy + fmt::Display, E: Copy + fmt::Display>(
        states: &[S],
        events: &[E],
        apply: fn(S, E) -> Result<S, IllegalTransition>,
    ) -> BTreeSet<String> {
        let pairs = states.iter().flat_map(|s| events.iter().map(move |e| (*s, *e)));
        pairs.filter_map(|(s, e)| apply(s, e).ok().map(|to| format!("{s} + {e} = {to}"))).collect()
    }

    /// The same table, drawn by hand from the contract: a transition that is added or lost shows here.
    #[test]
    fn the_runs_transitions_are_those_of_the_contract() {
        let mut want = BTreeSet::new();
        for (event, to) in [
            (RunEvent::PauseRequested, "paused"),
            (RunEvent::Interrupted, "interrupted"),
            (RunEvent::AskedForInput, "needs_input"),
            (RunEvent::HitLimit, "limit_reached"),
            (RunEvent::Failed, "failed"),
            (RunEvent::Succeeded, "ready"),
            (RunEvent::ChangedNothing, "no_change"),
            (RunEvent::GatesRefused, "gates_failed"),
        ] {
            want.insert(format!("running + {event} = {to}"));
        }
        let resumable = ["paused", "interrupted", "needs_input", "limit_reached", "failed"];
        for from in resumable.into_iter().chain(["queued"]) {
            want.insert(format!("{from} + {} = running", RunEvent::Started));
        }
        for from in resumable.into_iter().chain(["queued", "running"]) {
            want.insert(format!("{from} + {} = canceled", RunEvent::CancelRequested));
        }
        assert_eq!(edges(RunState::ALL, RunEvent::ALL, RunState::apply), want);
        let finished: Vec<_> = RunState::ALL.iter().filter(|s| s.is_final()).collect();
        let said: Vec<_> = RunState::ALL.iter().filter(|s| s.is_finished()).collect();
        assert_eq!(finished, said);
    }

    #[test]
    fn the_final_states_of_the_others_are_few() {
        fn finals<S: Copy + fmt::Display>(all: &[S], is_final: fn(S) -> bool) -> String {
            all.iter().filter(|s| is_final(**s)).map(ToString::to_string).collect::<Vec<_>>().join(" ")
        }
        assert_eq!(finals(TaskState::ALL, TaskState::is_final), "completed canceled");
        assert_eq!(finals(StepState::ALL, StepState::is_final), "done skipped");
        assert_eq!(finals(AttemptState::ALL, AttemptState::is_final), "accepted rejected");
    }

    /// Walks a machine with arbitrary events; gives the transitions taken.
    fn walk<S: Copy + fmt::Display, E: Copy + fmt::Display>(
        start: S,
        events: &[E],
        picks: &[usize],
        apply: fn(S, E) -> Result<S, IllegalTransition>,
    ) -> BTreeSet<String> {
        let mut state = start;
        let mut taken = BTreeSet::new();
        for pick in picks {
            let event = events[pick % events.len()];
            if let Ok(next) = apply(state, event) {
                taken.insert(format!("{state} + {event} = {next}"));
                state = next;
            }
        }
        taken
    }

    /// From the first state, random events reach every transition of the table.
    fn reaches_all<S: Copy + fmt::Display, E: Copy + fmt::Display>(
        states: &[S],
        events: &[E],
        apply: fn(S, E) -> Result<S, IllegalTransition>,
    ) {
        use proptest::strategy::ValueTree;
        use proptest::test_runner::TestRunner;
        let mut runner = TestRunner::deterministic();
        let picks = prop::collection::vec(any::<prop::sample::Index>(), 40);
        let mut seen = BTreeSet::new();
        for _ in 0..2_000 {
            let walk_picks: Vec<usize> = picks
                .new_tree(&mut runner)
                .expect("a vector of picks")
                .current()
                .iter()
                .map(|i| i.index(events.len()))
                .collect();
            seen.extend(walk(states[0], events, &walk_picks, apply));
        }
        assert_eq!(seen, edges(states, events, apply));
    }

    #[test]
    fn random_walks_reach_every_listed_transition_and_no_other() {
        reaches_all(TaskState::ALL, TaskEvent::ALL, TaskState::apply);
        reaches_all(RunState::ALL, RunEvent::ALL, RunState::apply);
        reaches_all(StepState::ALL, StepEvent::ALL, StepState::apply);
        reaches_all(AttemptState::ALL, AttemptEvent::ALL, AttemptState::apply);
    }

    proptest! {
        #[test]
        fn a_final_state_refuses_everything(event in 0usize..10) {
            for state in RunState::ALL.iter().filter(|s| s.is_finished()) {
                prop_assert!(state.apply(RunEvent::ALL[event % RunEvent::ALL.len()]).is_err());
            }
        }

        #[test]
        fn words_are_read_back(index in 0usize..11) {
            let state = RunState::ALL[index % RunState::ALL.len()];
            prop_assert_eq!(RunState::from_word(state.as_str()), Some(state));
        }
    }
}
