//! `/graphql`: the same use cases as a graph.
//!
//! A request is judged by its size first ([`limits`]), then by the schema, its depth and its cost, and only then run.
//! Fields that read many things go through loaders, so that the number of reads does not grow with what is found.

mod connection;
mod context;
mod errors;
mod http;
pub mod limits;
mod loader;
mod mutation;
mod outcomes;
mod query;
pub(crate) mod routes;
mod socket;
mod subscription;
mod types;

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use app::Platform;
use app::events::EventHub;
use app::office::Origin;
use async_graphql::parser::parse_query;
use async_graphql::parser::types::OperationType;
use async_graphql::{Request, Response, Schema, ServerError};
use auth::Caller;

use context::Graph;
use limits::TooMuch;
use mutation::Mutation;
use query::Query;
use subscription::Subscription;

pub use socket::PROTOCOL;

/// How long a query may take.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Whether this is a development server: its schema can be asked for, and there is a page to try queries on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Clients know the schema.
    Production,
    /// They may ask for it.
    Development,
}

/// The graph over the use cases. Clones share it.
#[derive(Clone)]
pub struct Graphql {
    schema: Schema<Query, Mutation, Subscription>,
    platform: Platform,
    hub: EventHub,
    mode: Mode,
}

/// What a request came to.
#[derive(Debug)]
pub struct Answer {
    /// The response.
    pub response: Response,
    /// How often the store was asked for it.
    pub reads: u64,
    /// Whether it was refused before anything ran: it has no `data`.
    pub refused: bool,
}

/// What a transport lets through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Allowed {
    /// Queries alone: `GET` changes nothing.
    Queries,
    /// Queries and mutations.
    Both,
}

impl Graphql {
    /// The graph of a platform.
    #[must_use]
    pub fn new(platform: Platform, hub: EventHub, mode: Mode) -> Self {
        let mut builder = Schema::build(Query, Mutation, Subscription)
            .limit_complexity(limits::MAX_COMPLEXITY)
            .limit_directives(5);
        builder = match mode {
            Mode::Production => {
                builder.limit_depth(limits::MAX_DEPTH).disable_introspection().disable_suggestions()
            }
            Mode::Development => builder.limit_depth(limits::MAX_DEPTH_IN_DEV),
        };
        Self { schema: builder.finish(), platform, hub, mode }
    }

    /// The schema in the schema definition language.
    #[must_use]
    pub fn sdl(&self) -> String {
        self.schema.sdl()
    }

    /// Runs a query or a mutation.
    pub async fn execute(&self, caller: Caller, origin: Origin, request: Request) -> Answer {
        match judged(request, self.mode) {
            Ok(request) => self.run(caller, origin, request).await,
            Err(error) => refused(error),
        }
    }

    async fn run(&self, caller: Caller, origin: Origin, request: Request) -> Answer {
        let reads = Arc::new(AtomicU64::new(0));
        let graph = Graph::new(self.platform.clone(), caller, origin, reads.clone());
        let rounds = graph.rounds.clone();
        let run = rounds.drive(self.schema.execute(request.data(graph)));
        let reads = || reads.load(std::sync::atomic::Ordering::Relaxed);
        match tokio::time::timeout(TIMEOUT, run).await {
            Ok(response) => {
                // An error of the validation has no path: nothing ran.
                let refused = response.is_err() && response.errors.iter().all(|e| e.path.is_empty());
                Answer { response: with_codes(response), reads: reads(), refused }
            }
            Err(_) => {
                let error = error_of("timeout", "the query took longer than 10 s");
                Answer { response: Response::from_errors(vec![error]), reads: reads(), refused: false }
            }
        }
    }
}

/// The request with its document, unless it is too much, or asks a server in production for its schema.
pub(crate) fn judged(mut request: Request, mode: Mode) -> Result<Request, ServerError> {
    limits::check_text(&request.query).map_err(of_limit)?;
    let document = parse_query(&request.query).map_err(|error| {
        let mut error: ServerError = error.into();
        set_code(&mut error, "syntax");
        error
    })?;
    limits::check_document(&document).map_err(of_limit)?;
    if mode == Mode::Production && limits::asks_for_the_schema(&document) {
        let words = "this server does not tell its schema; start it with `aamas serve --dev` for that";
        return Err(error_of("introspection_disabled", words));
    }
    request.set_parsed_query(document);
    Ok(request)
}

/// What a judged request does; none if it names no operation of its document.
pub(crate) fn kind_of(request: &mut Request) -> Option<OperationType> {
    let name = request.operation_name.clone();
    request.parsed_query().ok().and_then(|document| limits::kind_of(document, name.as_deref()))
}

fn refused(error: ServerError) -> Answer {
    Answer { response: Response::from_errors(vec![error]), reads: 0, refused: true }
}

fn of_limit(refused: TooMuch) -> ServerError {
    error_of(refused.code, &refused.message)
}

fn error_of(code: &str, message: &str) -> ServerError {
    let mut error = ServerError::new(message, None);
    set_code(&mut error, code);
    error
}

fn set_code(error: &mut ServerError, code: &str) {
    error.extensions.get_or_insert_default().set("code", code);
}

/// Every error has a code: those of the library are about the query.
fn with_codes(mut response: Response) -> Response {
    for error in &mut response.errors {
        if error.extensions.as_ref().is_none_or(|e| e.get("code").is_none()) {
            let code = if error.message.contains("too complex") {
                "query_too_complex"
            } else if error.message.contains("too deep") {
                "query_too_deep"
            } else {
                "invalid_query"
            };
            set_code(error, code);
            // What was found where something else was expected may be a secret in the wrong place.
            if let Some(at) = error.message.find(", found ") {
                error.message.truncate(at);
                error.message.push('.');
            }
        }
    }
    response
}
