//! Planted faults: named points at which a test build can be killed or made to fail.
//!
//! They exist only with the cargo feature `planted-faults`; in any other build
//! [`fault_point!`](crate::fault_point) is nothing and [`fault_result!`](crate::fault_result) is `Ok(())`. In
//! such a build the environment variable `AAMAS_FAULT` says what happens where: `name=action@n`, several of
//! them joined by commas. `action` is `kill` (the process gets SIGKILL) or `error` (only where the point can
//! fail), `n` counts the hits of that name from 1 (1 if left out).
//!
//! ```text
//! AAMAS_FAULT=store.commit.after=kill@3,store.object.rename=error
//! ```

/// A fault that a test planted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("planted fault at {0}")]
pub struct Fault(pub &'static str);

impl From<Fault> for std::io::Error {
    fn from(fault: Fault) -> Self {
        Self::other(fault)
    }
}

/// Marks a moment at which a test may kill the process.
#[cfg(feature = "planted-faults")]
#[macro_export]
macro_rules! fault_point {
    ($name:literal) => {
        $crate::fault::point($name)
    };
}

/// Marks a moment at which a test may kill the process.
#[cfg(not(feature = "planted-faults"))]
#[macro_export]
macro_rules! fault_point {
    ($name:literal) => {
        ()
    };
}

/// Marks a moment at which a test may kill the process or make the operation fail: a `Result<(), Fault>`.
#[cfg(feature = "planted-faults")]
#[macro_export]
macro_rules! fault_result {
    ($name:literal) => {
        $crate::fault::result($name)
    };
}

/// Marks a moment at which a test may kill the process or make the operation fail: a `Result<(), Fault>`.
#[cfg(not(feature = "planted-faults"))]
#[macro_export]
macro_rules! fault_result {
    ($name:literal) => {
        ::core::result::Result::<(), $crate::fault::Fault>::Ok(())
    };
}

#[cfg(feature = "planted-faults")]
pub use planted::{point, result};

#[cfg(feature = "planted-faults")]
mod planted {
    use std::collections::HashMap;
    use std::sync::{LazyLock, Mutex, PoisonError};

    use super::Fault;

    #[derive(Clone, Copy, PartialEq, Eq, Debug)]
    enum Action {
        Kill,
        Error,
    }

    /// Per name: what to do, and at how many more hits.
    type Plan = HashMap<String, Vec<(Action, u64)>>;

    static PLAN: LazyLock<Mutex<Plan>> = LazyLock::new(|| Mutex::new(parse(&setting())));

    /// A moment that can't fail: only `kill` has an effect here.
    pub fn point(name: &'static str) {
        let _ = result(name);
    }

    /// A moment that can fail.
    ///
    /// # Errors
    /// [`Fault`] when `AAMAS_FAULT` asks for it at this hit.
    pub fn result(name: &'static str) -> Result<(), Fault> {
        match due(&mut PLAN.lock().unwrap_or_else(PoisonError::into_inner), name) {
            None => Ok(()),
            Some(Action::Error) => Err(Fault(name)),
            Some(Action::Kill) => {
                let _ = nix::sys::signal::raise(nix::sys::signal::Signal::SIGKILL);
                Ok(())
            }
        }
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "a fault must reach any crate without passing through its arguments"
    )]
    fn setting() -> String {
        std::env::var("AAMAS_FAULT").unwrap_or_default()
    }

    fn due(plan: &mut Plan, name: &str) -> Option<Action> {
        let actions = plan.get_mut(name)?;
        for (_, left) in actions.iter_mut() {
            *left = left.saturating_sub(1);
        }
        let at = actions.iter().position(|(_, left)| *left == 0)?;
        Some(actions.remove(at).0)
    }

    /// Panics on a text that it can't read: a crash test whose fault silently never happens proves nothing.
    fn parse(text: &str) -> Plan {
        let mut plan = Plan::new();
        for item in text.split(',').map(str::trim).filter(|item| !item.is_empty()) {
            let read = item.split_once('=').and_then(|(name, what)| {
                let (action, hit) = what.split_once('@').unwrap_or((what, "1"));
                let action = match action {
                    "kill" => Action::Kill,
                    "error" => Action::Error,
                    _ => return None,
                };
                Some((name.to_owned(), action, hit.parse().ok().filter(|hit| *hit > 0)?))
            });
            let Some((name, action, hit)) = read else {
                panic!("AAMAS_FAULT: {item:?} is not name=kill@n or name=error@n");
            };
            plan.entry(name).or_default().push((action, hit));
        }
        plan
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn each_action_happens_once_at_its_hit() {
            let mut plan = parse("a=error@2, b=kill ,a=kill@3");
            let hits: Vec<_> = ["a", "a", "a", "a", "b", "b", "c"].map(|name| due(&mut plan, name)).to_vec();
            let (kill, error) = (Some(Action::Kill), Some(Action::Error));
            assert_eq!(hits, [None, error, kill, None, kill, None, None]);
        }
    }
}
