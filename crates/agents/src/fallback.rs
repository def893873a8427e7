//! Which failures another model may take over, by their codes alone: the journal keeps nothing else of them.

use domain::{RunError, RunSettings};

use crate::attempt::Attempt;

/// Whether another model may go on after a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FallsOver {
    /// No: another model changes nothing, or nobody is asked around until one agrees.
    Never,
    /// Yes.
    ToNext,
    /// Yes, if its context window is larger.
    ToLargerWindow,
}

/// What a failure's code says. What went wrong on the way to a model or at its provider goes to the next one; a refusal
/// to answer stands, and so does a script that does not fit. A code that is not known may be a provider's fault.
#[must_use]
pub fn falls_over(code: &str) -> FallsOver {
    match code {
        "model_context_exceeded" => FallsOver::ToLargerWindow,
        "model_spec_invalid" | "model_refused" | "model_content_filtered" | "canceled" => FallsOver::Never,
        // A plan or a verdict that did not come: the model answered, and was asked twice.
        _ if code.starts_with("model_no_") || code.starts_with("script_") => FallsOver::Never,
        _ => FallsOver::ToNext,
    }
}

/// The models of an attempt, in the order in which they are asked: its role's, or else its seat's, and then those that
/// are behind everybody. A model named by hand has only the latter behind it.
fn route_of<'a>(
    settings: &'a RunSettings,
    by_hand: bool,
    attempt: &Attempt,
) -> impl Iterator<Item = &'a String> {
    let own = settings.role_routes.get(&attempt.role).or_else(|| settings.routes.get(&attempt.seat));
    own.filter(|_| !by_hand).into_iter().flatten().chain(&settings.fallback)
}

/// The next model of an attempt's route that has not failed it. The offline engine is none: it can't go on with a
/// conversation.
pub(crate) fn next_model(
    settings: &RunSettings,
    by_hand: bool,
    attempt: &Attempt,
    error: &RunError,
    window: &dyn Fn(&str) -> Option<u64>,
) -> Option<String> {
    let falls_over = falls_over(&error.code);
    if falls_over == FallsOver::Never {
        return None;
    }
    let is_larger = |model: &str| match (window(model), window(&attempt.model)) {
        (Some(other), Some(burst)) => other > burst,
        // It did not fit into a window that nobody knows: one that is known to be there is worth a try.
        (Some(_), None) => true,
        (None, _) => false,
    };
    route_of(settings, by_hand, attempt)
        .filter(|model| **model != attempt.model && !attempt.failed_models.contains(model))
        .filter(|model| model.as_str() != "offline")
        .find(|model| falls_over == FallsOver::ToNext || is_larger(model))
        .cloned()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use domain::{Entry, RunLimits, Seat};

    use super::*;

    fn settings() -> RunSettings {
        let names = |all: &[&str]| all.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        RunSettings {
            repo: "/repo".into(),
            task: "task".into(),
            model: "a/own".into(),
            role: "developer".into(),
            roles: Vec::new(),
            team: Vec::new(),
            parallel: 0,
            plan_only: false,
            plan_approval: false,
            best_of: 0,
            model_given: false,
            routes: BTreeMap::from([(Seat::Builder, names(&["a/own", "b/large"]))]),
            role_routes: BTreeMap::from([("developer_docs".to_owned(), names(&["d/docs"]))]),
            fallback: names(&["c/small", "offline", "e/unknown"]),
            origin: None,
            images: Vec::new(),
            base_commit: "0".into(),
            base_head: "0".into(),
            target: None,
            limits: RunLimits::default(),
            yes: false,
            warnings: Vec::new(),
        }
    }

    fn attempt(role: &str, failed: &[&str], model: &str) -> Attempt {
        let begun = serde_json::json!({
            "entry": "begun", "attempt": 1, "seat": "builder", "step": "build", "number": 1,
            "role": role, "model": model, "tree": "", "why": "",
        });
        let begun: Entry = serde_json::from_value(begun).expect("an entry");
        let mut attempt = Attempt::begun(&begun).expect("it begins");
        attempt.failed_models = failed.iter().map(|name| (*name).to_owned()).collect();
        attempt
    }

    fn next(role: &str, failed: &[&str], model: &str, code: &str) -> Option<String> {
        let window = |spec: &str| match spec {
            "a/own" => Some(100_000),
            "b/large" => Some(200_000),
            "c/small" => Some(50_000),
            _ => None,
        };
        let error = RunError::new(code, "it failed", "");
        next_model(&settings(), false, &attempt(role, failed, model), &error, &window)
    }

    #[test]
    fn the_next_of_the_route_takes_over_until_there_is_none() {
        let next = |failed: &[&str], model| next("developer", failed, model, "model_overloaded");
        assert_eq!(next(&[], "a/own").as_deref(), Some("b/large"));
        assert_eq!(next(&["a/own"], "b/large").as_deref(), Some("c/small"));
        assert_eq!(next(&["a/own", "b/large"], "c/small").as_deref(), Some("e/unknown"));
        assert_eq!(next(&["a/own", "b/large", "c/small"], "e/unknown"), None);
    }

    #[test]
    fn a_model_named_by_hand_has_only_the_fall_back_behind_it() {
        let error = RunError::new("model_overloaded", "it failed", "");
        let next = next_model(&settings(), true, &attempt("developer", &[], "x/hand"), &error, &|_| None);
        assert_eq!(next.as_deref(), Some("c/small"));
    }

    #[test]
    fn a_role_file_has_its_own_route() {
        let next = |model| next("developer_docs", &[], model, "model_unreachable");
        assert_eq!(next("d/docs").as_deref(), Some("c/small"));
        assert_eq!(next("c/small").as_deref(), Some("d/docs"));
    }

    #[test]
    fn what_is_too_long_goes_to_a_larger_window_only() {
        let next = |model| next("developer", &[], model, "model_context_exceeded");
        assert_eq!(next("c/small").as_deref(), Some("a/own"));
        assert_eq!(next("a/own").as_deref(), Some("b/large"));
        assert_eq!(next("b/large"), None);
        assert_eq!(next("e/unknown").as_deref(), Some("a/own"));
    }

    #[test]
    fn a_refusal_and_a_script_stay_where_they_are() {
        for code in
            ["model_refused", "model_content_filtered", "script_exhausted", "model_no_plan", "canceled"]
        {
            assert_eq!(next("developer", &[], "a/own", code), None, "{code}");
        }
    }
}
