//! What can go wrong with a model, and whether trying again may help.

use std::time::Duration;

use domain::Usage;

use crate::call::CallRole;

/// A call that failed for good, or a model that cannot be opened.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{kind}")]
pub struct ModelError {
    /// What went wrong; after retries: in the last try.
    pub kind: ModelErrorKind,
    /// What the failed tries used, as far as their answers told.
    pub billed: Usage,
    /// How many tries were made.
    pub tries: u32,
}

impl ModelError {
    /// The code for documents, such as `model_key_refused`.
    #[must_use]
    pub fn code(&self) -> &'static str {
        self.kind.code()
    }

    /// What to do next, in a sentence.
    #[must_use]
    pub fn hint(&self) -> String {
        self.kind.hint()
    }

    /// The exit code of a command that ends with this error.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        self.kind.exit_code()
    }
}

impl From<ModelErrorKind> for ModelError {
    fn from(kind: ModelErrorKind) -> Self {
        Self { kind, billed: Usage::default(), tries: 0 }
    }
}

/// What went wrong. Texts from a provider are bounded and without control characters, and never hold the key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ModelErrorKind {
    /// The text names no model at all.
    #[error("{spec:?} is not a model: {reason}")]
    InvalidSpec {
        /// As given.
        spec: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// A provider that is unknown or not built.
    #[error("{what} is not available: {reason}")]
    NotAvailable {
        /// What was asked for.
        what: String,
        /// Why not.
        reason: &'static str,
        /// What works instead.
        instead: &'static str,
    },
    /// A provider without its key.
    #[error("{model} needs a key, and {variable} is not set")]
    NotConfigured {
        /// The model asked for.
        model: String,
        /// The variable that is missing.
        variable: &'static str,
    },
    /// A base URL that is none.
    #[error("{variable} is not a usable address: {reason}")]
    InvalidEndpoint {
        /// The variable that holds it.
        variable: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// The HTTP client cannot be built, for example because the machine has no root certificates.
    #[error("cannot prepare the connection to {endpoint}: {reason}")]
    Client {
        /// Host and port.
        endpoint: String,
        /// Why not.
        reason: String,
    },
    /// 401 or 403.
    #[error("{endpoint} refused the key ({status}): {message}")]
    Unauthorized {
        /// Host and port.
        endpoint: String,
        /// 401 or 403.
        status: u16,
        /// The provider's words.
        message: String,
    },
    /// 404, or a 400 that says so.
    #[error("{endpoint} does not know {model}: {message}")]
    ModelNotFound {
        /// Host and port.
        endpoint: String,
        /// The model asked for.
        model: String,
        /// The provider's words.
        message: String,
    },
    /// 429.
    #[error("rate limited: {message}")]
    RateLimited {
        /// How long the provider asks us to wait.
        retry_after: Option<Duration>,
        /// The provider's words.
        message: String,
    },
    /// The account has no money left.
    #[error("the account's quota is used up: {message}")]
    QuotaExceeded {
        /// The provider's words.
        message: String,
    },
    /// 500, 502, 503, 529 and their like.
    #[error("the provider is overloaded or broken ({status}): {message}")]
    Overloaded {
        /// The status, or the one that an error event stands for.
        status: u16,
        /// How long the provider asks us to wait.
        retry_after: Option<Duration>,
        /// The provider's words.
        message: String,
    },
    /// No answer within a limit.
    #[error("timed out: no {phase} within {limit:?}")]
    TimedOut {
        /// What was waited for.
        phase: Phase,
        /// How long.
        limit: Duration,
    },
    /// The answer ended before it was complete.
    #[error("the answer was cut off after {received} bytes")]
    CutStream {
        /// Bytes of the answer's body that came.
        received: u64,
    },
    /// Not JSON, or not of the format's shape.
    #[error("the answer makes no sense: {reason}")]
    Garbage {
        /// What was expected, and how the answer begins.
        reason: String,
    },
    /// Neither text nor a tool call.
    #[error("the answer is empty")]
    EmptyAnswer,
    /// More bytes than we take.
    #[error("the answer is larger than {limit} bytes")]
    AnswerTooLarge {
        /// The bound.
        limit: u64,
    },
    /// The conversation no longer fits.
    #[error("the conversation is longer than the model's context window: {message}")]
    ContextWindowExceeded {
        /// The provider's words.
        message: String,
    },
    /// There are images, and the model takes none.
    #[error("{model} takes no images: {message}")]
    CannotSee {
        /// The model asked for.
        model: String,
        /// How that is known.
        message: String,
    },
    /// The model declined.
    #[error("the model refused to answer: {message}")]
    Refused {
        /// Its words, if it gave any.
        message: String,
    },
    /// The provider's filter withheld the answer.
    #[error("the provider's content filter withheld the answer: {message}")]
    ContentFilter {
        /// The provider's words.
        message: String,
    },
    /// Any other 4xx.
    #[error("the provider refused the request ({status}): {message}")]
    BadRequest {
        /// The status, or the one that an error event stands for.
        status: u16,
        /// The provider's words.
        message: String,
    },
    /// A redirect: not followed, for it would carry the key elsewhere.
    #[error("{endpoint} redirects elsewhere ({status}), which is not followed")]
    Redirected {
        /// Host and port.
        endpoint: String,
        /// 3xx.
        status: u16,
    },
    /// No connection, or one that broke before an answer.
    #[error("cannot reach {endpoint}: {reason}")]
    Network {
        /// Host and port.
        endpoint: String,
        /// The cause.
        reason: String,
        /// False for what will not change by itself, such as a bad certificate.
        may_pass: bool,
    },
    /// A script that cannot be read.
    #[error("cannot use the script {file}: {reason}")]
    ScriptInvalid {
        /// The file.
        file: String,
        /// Where, and what is wrong.
        reason: String,
    },
    /// An expectation of a script does not hold.
    #[error("the script {at}: {expectation}", at = .at.with("expects of"))]
    ScriptExpectation {
        /// Which entry, and who asked.
        at: Box<ScriptPlace>,
        /// What does not hold.
        expectation: String,
    },
    /// A script has no turn left.
    #[error("the script {at} is asked for, and there are {have}", at = .at.with("has no more turns for"))]
    ScriptExhausted {
        /// Which list, and who asked.
        at: Box<ScriptPlace>,
        /// How many turns there are.
        have: usize,
    },
    /// Canceled by the caller.
    #[error("canceled")]
    Canceled,
}

/// A place in a script, and the call that led there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScriptPlace {
    /// The file.
    pub file: String,
    /// The list or the entry in it, such as `roles.builder[3]`.
    pub place: String,
    /// The role that called.
    pub role: CallRole,
    /// The step's id.
    pub step: String,
    /// The turn, from 1.
    pub turn: u32,
}

impl ScriptPlace {
    fn with(&self, does: &str) -> String {
        let Self { file, place, role, step, turn } = self;
        format!("{file} at {place} {does} {role} in step {step:?}: turn {turn}")
    }
}

/// What was waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// The connection.
    Connect,
    /// The first byte of the answer.
    FirstByte,
    /// The next piece of the answer.
    NextByte,
}

impl std::fmt::Display for Phase {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Connect => "connection",
            Self::FirstByte => "answer",
            Self::NextByte => "further part of the answer",
        })
    }
}

/// Whether and when to try again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retry {
    /// The same request would fail again.
    Never,
    /// After a growing pause, and not before what the provider asks for.
    Backoff {
        /// What the provider asks for.
        at_least: Duration,
    },
    /// The same, but only a few times: the cause may well be the request.
    Seldom,
}

impl ModelErrorKind {
    /// Whether and when the same request may be tried again.
    #[must_use]
    pub fn retry(&self) -> Retry {
        match self {
            Self::RateLimited { retry_after, .. } | Self::Overloaded { retry_after, .. } => {
                Retry::Backoff { at_least: retry_after.unwrap_or_default() }
            }
            Self::TimedOut { .. } | Self::CutStream { .. } | Self::Network { may_pass: true, .. } => {
                Retry::Backoff { at_least: Duration::ZERO }
            }
            Self::Garbage { .. } | Self::EmptyAnswer => Retry::Seldom,
            Self::InvalidSpec { .. }
            | Self::NotAvailable { .. }
            | Self::NotConfigured { .. }
            | Self::InvalidEndpoint { .. }
            | Self::Client { .. }
            | Self::Unauthorized { .. }
            | Self::ModelNotFound { .. }
            | Self::QuotaExceeded { .. }
            | Self::AnswerTooLarge { .. }
            | Self::ContextWindowExceeded { .. }
            | Self::CannotSee { .. }
            | Self::Refused { .. }
            | Self::ContentFilter { .. }
            | Self::BadRequest { .. }
            | Self::Redirected { .. }
            | Self::Network { may_pass: false, .. }
            | Self::ScriptInvalid { .. }
            | Self::ScriptExpectation { .. }
            | Self::ScriptExhausted { .. }
            | Self::Canceled => Retry::Never,
        }
    }

    /// The code for documents.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::InvalidSpec { .. } => "model_spec_invalid",
            Self::NotAvailable { .. } => "model_not_available",
            Self::NotConfigured { .. } => "model_not_configured",
            Self::InvalidEndpoint { .. } => "model_endpoint_invalid",
            Self::Client { .. } => "model_client_failed",
            Self::Unauthorized { .. } => "model_key_refused",
            Self::ModelNotFound { .. } => "model_not_found",
            Self::RateLimited { .. } => "model_rate_limited",
            Self::QuotaExceeded { .. } => "model_quota_exceeded",
            Self::Overloaded { .. } => "model_overloaded",
            Self::TimedOut { .. } => "model_timed_out",
            Self::CutStream { .. } => "model_stream_cut",
            Self::Garbage { .. } => "model_answer_garbled",
            Self::EmptyAnswer => "model_answer_empty",
            Self::AnswerTooLarge { .. } => "model_answer_too_large",
            Self::ContextWindowExceeded { .. } => "model_context_exceeded",
            Self::CannotSee { .. } => "model_cannot_see",
            Self::Refused { .. } => "model_refused",
            Self::ContentFilter { .. } => "model_content_filtered",
            Self::BadRequest { .. } => "model_bad_request",
            Self::Redirected { .. } => "model_redirected",
            Self::Network { .. } => "model_unreachable",
            Self::ScriptInvalid { .. } => "script_invalid",
            Self::ScriptExpectation { .. } => "script_expectation_failed",
            Self::ScriptExhausted { .. } => "script_exhausted",
            Self::Canceled => "canceled",
        }
    }

    /// 2 for what the user must set up or choose first, 130 for a cancel, 6 for everything that the provider did.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::InvalidSpec { .. }
            | Self::NotAvailable { .. }
            | Self::NotConfigured { .. }
            | Self::InvalidEndpoint { .. }
            | Self::CannotSee { .. }
            | Self::ScriptInvalid { .. } => 2,
            Self::Canceled => 130,
            _ => 6,
        }
    }

    /// What to do next.
    #[must_use]
    pub fn hint(&self) -> String {
        match self {
            Self::InvalidSpec { .. } => {
                "Name it as provider/model, for example anthropic/claude-sonnet-5-5, script:FILE, or offline."
                    .into()
            }
            Self::NotAvailable { instead, .. } => (*instead).into(),
            Self::NotConfigured { variable, .. } => {
                format!("Set {variable}, or choose another model with --model; --model offline needs no key.")
            }
            Self::InvalidEndpoint { variable, .. } => {
                format!("Set {variable} to an address that begins with http:// or https://.")
            }
            Self::Client { .. } => "Install the system's root certificates (package ca-certificates).".into(),
            Self::Unauthorized { .. } => {
                "Check the provider's key in the environment, and what it may use.".into()
            }
            Self::ModelNotFound { .. } => {
                "Check the model's name given to --model, and the provider's …_BASE_URL.".into()
            }
            Self::RateLimited { .. } => {
                "Wait, then continue with `aamas runs resume last`; or raise the limit.".into()
            }
            Self::QuotaExceeded { .. } => {
                "Add credit at the provider, then continue with `aamas runs resume last`.".into()
            }
            Self::Overloaded { .. }
            | Self::TimedOut { .. }
            | Self::CutStream { .. }
            | Self::Network { may_pass: true, .. } => {
                "Nothing is lost: continue with `aamas runs resume last` when the provider answers again.".into()
            }
            Self::Network { .. } => "Check the provider's …_BASE_URL and its certificate.".into(),
            Self::Garbage { .. } | Self::EmptyAnswer | Self::AnswerTooLarge { .. } => {
                "Continue with `aamas runs resume last`, if need be with another --model.".into()
            }
            Self::ContextWindowExceeded { .. } => {
                "Split the task, or continue with a model of a larger window: `aamas runs resume --model …`."
                    .into()
            }
            Self::CannotSee { .. } => {
                "Choose a model that sees with --model, or describe in words what the images show.".into()
            }
            Self::Refused { .. } | Self::ContentFilter { .. } => {
                "Put the task differently, or continue with another model.".into()
            }
            Self::BadRequest { .. } => {
                "Check that the model can do what was asked (tools, for one), and that the endpoint speaks the format that --model names."
                    .into()
            }
            Self::Redirected { .. } => "Set the provider's …_BASE_URL to the final address.".into(),
            Self::ScriptInvalid { .. } | Self::ScriptExpectation { .. } | Self::ScriptExhausted { .. } => {
                "Correct the script.".into()
            }
            Self::Canceled => "Continue with `aamas runs resume last`.".into(),
        }
    }
}
