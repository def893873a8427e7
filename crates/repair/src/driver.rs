//! Running the Python driver inside the sandbox: one command per operation, a request in, events out.

use std::time::Duration;

use sandbox::{Command, End, Exec, Stream};
use serde::Deserialize;
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use crate::{RepairError, TestHints};

/// The driver's text. It goes through standard input, so nothing is written into the workspace.
const SOURCE: &str = concat!(
    include_str!("driver/base.py"),
    "\n",
    include_str!("driver/frameworks.py"),
    "\n",
    include_str!("driver/survey.py"),
    "\n",
    include_str!("driver/swap.py"),
    "\n",
    include_str!("driver/search.py"),
    "\n",
    include_str!("driver/main.py"),
);

/// Reads the driver by its length from standard input and leaves the rest, the request, to it.
const BOOT: &str = "import sys;b=sys.stdin.buffer;s=b.read(int(b.readline()));\
                    exec(compile(s,\"<aamas driver>\",\"exec\"),{\"__name__\":\"__aamas__\"})";

/// The interpreters that are tried when none is named.
const FIND_PYTHON: &str = "\"$VIRTUAL_ENV/bin/python\" .venv/bin/python venv/bin/python python3 python";

/// What a driver event says; fields that an event lacks are empty.
pub(crate) type Event = serde_json::Map<String, Value>;

/// How driver commands are run for one request.
pub(crate) struct Driver<'a, E> {
    exec: &'a E,
    hints: &'a TestHints,
    cancel: CancellationToken,
    memory_bytes: u64,
}

/// How one operation of the driver ended.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ended {
    /// Wall-clock time of the command.
    pub(crate) wall: Duration,
}

impl<'a, E: Exec> Driver<'a, E> {
    pub(crate) fn new(
        exec: &'a E,
        hints: &'a TestHints,
        cancel: CancellationToken,
        memory_bytes: u64,
    ) -> Self {
        Self { exec, hints, cancel, memory_bytes }
    }

    /// The fields that every request of test running has.
    pub(crate) fn base_request(&self, op: &str) -> Event {
        let mut request = Event::new();
        request.insert("op".into(), op.into());
        request.insert("framework".into(), self.hints.framework.map(crate::Framework::name).into());
        request.insert("arguments".into(), self.hints.arguments.clone().into());
        request.insert("memory_bytes".into(), self.memory_bytes.into());
        request
    }

    /// Runs one operation; `last` is the event without which it failed.
    pub(crate) async fn run(
        &self,
        doing: &'static str,
        request: Event,
        last: &str,
        timeout: Duration,
        mut on_event: impl FnMut(&str, Event) + Send,
    ) -> Result<Ended, RepairError> {
        let mut lines = Lines::default();
        let (mut complete, mut trouble) = (false, None::<String>);
        let command = self.command(request, timeout);
        let output = self
            .exec
            .exec_streaming(command, |stream, bytes| {
                if stream != Stream::Stdout {
                    return;
                }
                lines.feed(bytes, |event| match parse(event) {
                    Some((name, fields)) if name == "driver_error" => trouble = text_of(&fields, "text"),
                    Some((name, fields)) => {
                        complete |= name == last;
                        on_event(&name, fields);
                    }
                    None => trouble = Some(format!("not an event: {}", String::from_utf8_lossy(event))),
                });
            })
            .await
            .map_err(|source| RepairError::Sandbox { doing, source })?;
        match output.end {
            End::Canceled => Err(RepairError::Canceled),
            _ if complete => Ok(Ended { wall: output.wall }),
            // What it said before its time limit is good.
            End::TimedOut => Ok(Ended { wall: output.wall }),
            end => {
                let message = trouble.unwrap_or_else(|| format!("{end:?}: {}", output.stderr.text().trim()));
                Err(RepairError::Driver { doing, message: message.chars().take(2000).collect() })
            }
        }
    }

    fn command(&self, request: Event, timeout: Duration) -> Command {
        let body = Value::Object(request).to_string();
        let stdin = format!("{}\n{SOURCE}{body}", SOURCE.len());
        let start = match &self.hints.python {
            Some(python) => Command::argv([python.as_str(), "-c", BOOT]),
            None => Command::shell(format!(
                "for p in {FIND_PYTHON}; do command -v \"$p\" >/dev/null 2>&1 && exec \"$p\" -c '{BOOT}'; done; \
                 echo 'no Python interpreter on PATH' >&2; exit 127"
            )),
        };
        let mut command =
            start.stdin(stdin).timeout(timeout).env("PYTHONHASHSEED", "0").env("PYTHONSAFEPATH", "");
        command.env.extend(self.hints.env.iter().cloned());
        command.cancel = self.cancel.clone();
        command
    }
}

/// Cuts a stream into lines.
#[derive(Default)]
struct Lines {
    rest: Vec<u8>,
}

impl Lines {
    fn feed(&mut self, bytes: &[u8], mut on_line: impl FnMut(&[u8])) {
        self.rest.extend_from_slice(bytes);
        let mut start = 0;
        while let Some(length) = self.rest[start..].iter().position(|b| *b == b'\n') {
            on_line(&self.rest[start..start + length]);
            start += length + 1;
        }
        self.rest.drain(..start);
    }
}

fn parse(line: &[u8]) -> Option<(String, Event)> {
    let mut fields: Event = serde_json::from_slice(line).ok()?;
    match fields.remove("event")? {
        Value::String(name) => Some((name, fields)),
        _ => None,
    }
}

/// A field as text.
pub(crate) fn text_of(event: &Event, name: &str) -> Option<String> {
    event.get(name)?.as_str().map(str::to_owned)
}

/// An event's fields as a typed value; `None` if the driver said something else.
pub(crate) fn typed<T: for<'de> Deserialize<'de>>(event: Event) -> Option<T> {
    serde_json::from_value(Value::Object(event)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_joined_over_pieces() {
        let (mut lines, mut seen) = (Lines::default(), Vec::new());
        for piece in ["{\"a", "\":1}\n{}\n\n", "x\n"] {
            lines.feed(piece.as_bytes(), |line| seen.push(String::from_utf8_lossy(line).into_owned()));
        }
        assert_eq!(seen, ["{\"a\":1}", "{}", "", "x"]);
    }

    #[test]
    fn an_event_without_a_name_is_none() {
        assert!(parse(b"{\"x\":1}").is_none());
        assert_eq!(parse(b"{\"event\":\"read\"}").map(|(name, _)| name), Some("read".to_owned()));
    }
}
