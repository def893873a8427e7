//! `aamas acp`: AAMAS as the agent of an editor, over the Agent Client Protocol on standard input and output.
//!
//! A session is a chain of runs in one repository: its first prompt begins one, and later ones answer it, steer it, or
//! follow it up. The editor's files are never touched; what comes out is a branch and a local pull request.

mod kept;
mod outcome;
mod task;
mod tool;
mod turn;
mod watcher;

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::rc::Rc;

use acp::server::{About, Call, Content, Editor, Fault, Incoming, Reply, Server};
use agents::StopRequest;
use engine::{Engine, Stop};
use sandbox::repository::Repository;
use serde_json::{Value, json};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::task::{JoinSet, LocalSet};
use tokio_util::sync::CancellationToken;

use self::kept::Kept;
use super::{block_on, host};
use crate::cli::{Acp, Global};
use crate::refusal::Refusal;
use crate::say::err;

/// Most sessions of one process: an editor that opens more forgets to reuse them.
const MAX_SESSIONS: usize = 1000;

pub fn acp(global: &Global, options: Acp) -> Result<ExitCode, Refusal> {
    let engine = host::engine(global)?;
    block_on(async {
        let about =
            About { name: "aamas".into(), title: "AAMAS".into(), version: env!("CARGO_PKG_VERSION").into() };
        let server = Server::start(std::io::stdin(), std::io::stdout(), about);
        let office =
            Rc::new(Office { engine, options, editor: server.editor(), sessions: RefCell::default() });
        LocalSet::new().run_until(serve(office, server)).await
    })
}

/// Takes calls until the editor goes or a signal comes; then all runs stop at a safe point.
async fn serve(office: Rc<Office>, mut server: Server) -> ExitCode {
    let mut work = JoinSet::new();
    let mut signals = Signals::new();
    let code = loop {
        tokio::select! {
            incoming = server.next() => match incoming {
                Some(incoming) => office.clone().take(incoming, &mut work),
                None => break ExitCode::SUCCESS,
            },
            Some(_) = work.join_next(), if !work.is_empty() => {}
            () = signals.next() => break ExitCode::from(130),
        }
    };
    office.stop_all();
    if !work.is_empty() {
        err!(
            "stopping at a safe point; go on later with `aamas runs resume last`, or load the session again"
        );
    }
    while !work.is_empty() {
        tokio::select! {
            _ = work.join_next() => {}
            () = signals.next() => std::process::exit(130),
        }
    }
    server.flush().await;
    code
}

/// What all sessions share.
struct Office {
    engine: Engine,
    options: Acp,
    editor: Editor,
    sessions: RefCell<HashMap<String, Rc<Session>>>,
}

/// A conversation with an editor.
struct Session {
    id: String,
    /// Where it is, and its runs.
    kept: RefCell<Kept>,
    /// The prompt under way.
    working: RefCell<Option<Working>>,
    /// Whether the editor offers tool servers, and nobody has said yet that they are not used.
    has_unused_servers: Cell<bool>,
}

/// A prompt under way, and how it is stopped.
#[derive(Clone, Default)]
struct Working {
    stop: Stop,
    canceled: CancellationToken,
}

impl Working {
    fn cancel(&self) {
        self.canceled.cancel();
        self.stop.request(StopRequest::Interrupt);
    }
}

impl Office {
    /// Begins to do what an editor asks for.
    fn take(self: Rc<Self>, incoming: Incoming, work: &mut JoinSet<()>) {
        match incoming {
            Incoming::Cancel { session } => {
                let session = self.sessions.borrow().get(&session).cloned();
                if let Some(working) = session.and_then(|s| s.working.borrow().clone()) {
                    working.cancel();
                }
            }
            Incoming::Call { call: Call::New { cwd, servers }, reply } => {
                reply.send(self.new_session(&cwd, servers > 0));
            }
            Incoming::Call { call: Call::Load { session, cwd, servers }, reply } => {
                reply.send(self.load(&session, &cwd, servers > 0));
            }
            Incoming::Call { call: Call::Prompt { session, prompt }, reply } => {
                self.prompt(&session, prompt, reply, work);
            }
        }
    }

    fn new_session(&self, cwd: &Path, has_unused_servers: bool) -> Result<Value, Fault> {
        let repo = repository(cwd)?;
        let id = kept::new_id();
        self.admit(id.clone(), Kept { repo, runs: Vec::new() }, has_unused_servers)?;
        Ok(json!({ "sessionId": id }))
    }

    /// A session of an earlier process, or any run as a session of its own: what happened in it is told again.
    fn load(&self, id: &str, cwd: &Path, has_unused_servers: bool) -> Result<Value, Fault> {
        if self.sessions.borrow().get(id).is_some_and(|s| s.working.borrow().is_some()) {
            return Err(busy(id));
        }
        let known = self.sessions.borrow().get(id).map(|s| s.kept.borrow().clone());
        let kept = known.map_or_else(|| kept::find(&self.engine, id), Ok)?;
        let repo = repository(cwd)?;
        if repo != kept.repo {
            return Err(Fault::invalid_params(format!(
                "{id} belongs to {}, and `cwd` is in {}",
                kept.repo.display(),
                repo.display()
            )));
        }
        let session = self.admit(id.to_owned(), kept, has_unused_servers)?;
        self.tell_again(&session)?;
        Ok(json!({}))
    }

    fn admit(&self, id: String, kept: Kept, has_unused_servers: bool) -> Result<Rc<Session>, Fault> {
        let mut sessions = self.sessions.borrow_mut();
        if sessions.len() >= MAX_SESSIONS {
            return Err(Fault::invalid_request(format!(
                "there are {MAX_SESSIONS} sessions; restart the agent to begin another one"
            )));
        }
        let session = Rc::new(Session {
            id: id.clone(),
            kept: RefCell::new(kept),
            working: RefCell::default(),
            has_unused_servers: Cell::new(has_unused_servers),
        });
        sessions.insert(id, session.clone());
        Ok(session)
    }

    fn prompt(self: Rc<Self>, id: &str, prompt: Vec<Content>, reply: Reply, work: &mut JoinSet<()>) {
        let Some(session) = self.sessions.borrow().get(id).cloned() else {
            let fault = format!("there is no session {id}; begin one with `session/new`, or load it");
            return reply.send(Err(Fault::invalid_params(fault)));
        };
        if session.working.borrow().is_some() {
            return reply.send(Err(busy(id)));
        }
        let task = match task::task(prompt, &session.kept.borrow().repo) {
            Ok(task) => task,
            Err(fault) => return reply.send(Err(fault)),
        };
        let working = Working::default();
        session.working.replace(Some(working.clone()));
        work.spawn_local(async move {
            let result = self.turn(&session, task, &working).await;
            session.working.replace(None);
            reply.send(result.map(|reason| json!({ "stopReason": reason })));
        });
    }

    fn stop_all(&self) {
        for session in self.sessions.borrow().values() {
            if let Some(working) = session.working.borrow().as_ref() {
                working.cancel();
            }
        }
    }
}

/// Top level of the repository that a directory is in.
fn repository(cwd: &Path) -> Result<PathBuf, Fault> {
    let found = Repository::discover(cwd).map_err(|error| {
        Fault::invalid_params(format!(
            "{}; open a folder that is in a git repository, or make it one with `git init`",
            engine::sentence(&error)
        ))
    })?;
    Ok(found.top().to_owned())
}

fn busy(id: &str) -> Fault {
    Fault::invalid_request(format!(
        "a prompt of {id} is under way; wait for its end, or cancel it with `session/cancel`"
    ))
}

fn fault(refusal: impl Into<Refusal>) -> Fault {
    let Refusal { error, exit } = refusal.into();
    let words = if error.hint.is_empty() {
        error.message
    } else {
        format!("{}; next: {}", error.message, error.hint)
    };
    let fault = if exit == 2 { Fault::invalid_request(words) } else { Fault::internal(words) };
    fault.with_data(json!({ "code": error.code, "hint": error.hint }))
}

/// Signals that end the process; where they can't be heard, they end it at once.
struct Signals(Vec<Signal>);

impl Signals {
    fn new() -> Self {
        let kinds = [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()];
        Self(kinds.into_iter().filter_map(|kind| signal(kind).ok()).collect())
    }

    async fn next(&mut self) {
        std::future::poll_fn(|context| {
            if self.0.iter_mut().any(|s| matches!(s.poll_recv(context), std::task::Poll::Ready(Some(())))) {
                std::task::Poll::Ready(())
            } else {
                std::task::Poll::Pending
            }
        })
        .await;
    }
}
