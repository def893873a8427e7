//! A model that can be called.

use std::sync::{Arc, OnceLock};

use domain::{NanoUsd, Usage};
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use tokio_util::sync::CancellationToken;

use crate::call::{Call, DeltaSink, Reply, UsageSource};
use crate::client::{SendHeaders, Timeouts, secret_header};
use crate::conversation::{AssistantMessage, Block, WireMessage};
use crate::endpoint::Endpoint;
use crate::environment::Environment;
use crate::error::{ModelError, ModelErrorKind};
use crate::http::HttpModel;
use crate::limits::Limits;
use crate::prices;
use crate::retry::{self, RetryPolicy, Tried};
use crate::rim::Rim;
use crate::scripted::ScriptedModel;
use crate::spec::{ModelSpec, Provider};
use crate::transcript::Transcript;
use crate::wire::{self, Answer, Reasoning, WireFormat};

const ANTHROPIC_URL: &str = "https://api.anthropic.com";
const ANTHROPIC_VERSION: HeaderValue = HeaderValue::from_static("2023-06-01");
const OPENAI_URL: &str = "https://api.openai.com/v1";

/// How calls are made.
#[derive(Clone, Debug)]
pub struct Options {
    /// Time, randomness and sleep.
    pub rim: Rim,
    /// Limits on the parts of a try.
    pub timeouts: Timeouts,
    /// Limits on trying again.
    pub retry: RetryPolicy,
    /// Where the `x-aamas-…` headers go.
    pub headers: SendHeaders,
    /// Limits shared by all models opened with clones of these options.
    pub limits: Limits,
}

impl Options {
    /// The defaults.
    #[must_use]
    pub fn new(rim: Rim) -> Self {
        Self {
            rim,
            timeouts: Timeouts::default(),
            retry: RetryPolicy::default(),
            headers: SendHeaders::default(),
            limits: Limits::default(),
        }
    }
}

/// A model that can be called. Clones share connections and limits.
#[derive(Clone)]
pub struct Model {
    inner: Arc<Inner>,
}

struct Inner {
    spec: ModelSpec,
    options: Options,
    backend: Backend,
}

enum Backend {
    Http(Box<HttpModel>),
    Script(ScriptedModel),
}

impl std::fmt::Debug for Model {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Model({})", self.inner.spec)
    }
}

impl Model {
    /// Opens a model. Nothing is connected yet; a script is read.
    ///
    /// # Errors
    /// `NotAvailable` for what is not built, and for `offline`, which is no model; `NotConfigured` without a key (an
    /// endpoint on loopback or a private address needs none); `InvalidEndpoint`; `ScriptInvalid`.
    pub fn open(spec: &ModelSpec, environment: &Environment, options: Options) -> Result<Self, ModelError> {
        let backend = match spec {
            ModelSpec::Provider { provider: Provider::Anthropic, model } => {
                Backend::Http(Box::new(anthropic(model, spec, environment, &options)?))
            }
            ModelSpec::Provider { provider: Provider::OpenAiChat, model } => {
                Backend::Http(Box::new(openai_chat(model, spec, environment, &options)?))
            }
            ModelSpec::Script(file) => Backend::Script(ScriptedModel::read(file)?),
            ModelSpec::Provider {
                provider: Provider::OpenAi | Provider::Gemini | Provider::Ollama, ..
            }
            | ModelSpec::Offline
            | ModelSpec::Gguf(_)
            | ModelSpec::Acp(_) => return Err(spec.not_available().into()),
        };
        Ok(Self { inner: Arc::new(Inner { spec: spec.clone(), options, backend }) })
    }

    /// Which model this is.
    #[must_use]
    pub fn spec(&self) -> &ModelSpec {
        &self.inner.spec
    }

    /// An empty conversation in this model's format.
    #[must_use]
    pub fn transcript(&self) -> Transcript {
        Transcript::new(self.format())
    }

    /// The request as it would be sent: the bytes of an earlier turn but their last two begin it.
    #[must_use]
    pub fn request_body(&self, call: &Call<'_>) -> Vec<u8> {
        match &self.inner.backend {
            Backend::Http(model) => model.body(call),
            Backend::Script(model) => model.body(call),
        }
    }

    /// The list price of one reply's usage; `None` if it is not known. Scripts cost nothing.
    #[must_use]
    pub fn price(&self, usage: &Usage) -> Option<NanoUsd> {
        match (&self.inner.backend, &self.inner.spec) {
            (Backend::Script(_), _) => Some(NanoUsd::ZERO),
            (Backend::Http(_), spec) => prices::price(&spec.to_string(), usage),
        }
    }

    /// Asks the model, as often as its errors allow. A try that was cut is void, and made again from the start: nothing
    /// of it is in the reply but what it cost.
    ///
    /// # Errors
    /// What the last try failed with, and what all of them used. `Canceled` as soon as `cancel` is.
    pub async fn complete(
        &self,
        call: Call<'_>,
        on_delta: &mut DeltaSink<'_>,
        cancel: &CancellationToken,
    ) -> Result<Reply, ModelError> {
        let options = &self.inner.options;
        match &self.inner.backend {
            Backend::Http(model) => {
                let tries = model.tries(&call, options)?;
                let tried = retry::run(tries, &options.retry, &options.rim, on_delta, cancel).await?;
                let Tried { done, tries, billed } = tried;
                Ok(reply(self.format(), call.context.turn, done.answer, done.body_bytes, tries, billed))
            }
            Backend::Script(model) => {
                let tries = model.tries(&call, options)?;
                let policy = ScriptedModel::retry_policy(&options.retry);
                let tried = retry::run(tries, &policy, &options.rim, on_delta, cancel).await?;
                let Tried { done, tries, billed } = tried;
                let body_bytes = self.request_body(&call).len();
                Ok(reply(self.format(), call.context.turn, done, body_bytes, tries, billed))
            }
        }
    }

    fn format(&self) -> WireFormat {
        match &self.inner.backend {
            Backend::Http(model) => model.format,
            Backend::Script(_) => WireFormat::OpenaiChat,
        }
    }
}

fn anthropic(
    model: &str,
    spec: &ModelSpec,
    environment: &Environment,
    options: &Options,
) -> Result<HttpModel, ModelErrorKind> {
    let base = environment.anthropic_base_url.as_deref().unwrap_or(ANTHROPIC_URL);
    // With or without /v1: both are in use.
    let base = base.trim_end_matches('/').trim_end_matches("/v1");
    let endpoint = Endpoint::new(base, &["v1", "messages"], "ANTHROPIC_BASE_URL")?;
    let key = environment.anthropic_key.clone();
    let mut headers = HeaderMap::new();
    headers.insert("anthropic-version", ANTHROPIC_VERSION);
    if let Some(key) = &key {
        let name = HeaderName::from_static("x-api-key");
        headers.insert(name, secret_header("", key, "ANTHROPIC_API_KEY")?);
    } else if !endpoint.is_local {
        return Err(ModelErrorKind::NotConfigured { model: spec.to_string(), variable: "ANTHROPIC_API_KEY" });
    }
    Ok(http_model(WireFormat::Anthropic, model, endpoint, headers, key, environment, options))
}

fn openai_chat(
    model: &str,
    spec: &ModelSpec,
    environment: &Environment,
    options: &Options,
) -> Result<HttpModel, ModelErrorKind> {
    let base = environment.openai_base_url.as_deref().unwrap_or(OPENAI_URL);
    let endpoint = Endpoint::new(base, &["chat", "completions"], "OPENAI_BASE_URL")?;
    let key = environment.openai_key.clone();
    let mut headers = HeaderMap::new();
    if let Some(key) = &key {
        headers.insert(reqwest::header::AUTHORIZATION, secret_header("Bearer ", key, "OPENAI_API_KEY")?);
    } else if !endpoint.is_local {
        return Err(ModelErrorKind::NotConfigured { model: spec.to_string(), variable: "OPENAI_API_KEY" });
    }
    Ok(http_model(WireFormat::OpenaiChat, model, endpoint, headers, key, environment, options))
}

fn http_model(
    format: WireFormat,
    model: &str,
    endpoint: Endpoint,
    headers: HeaderMap,
    key: Option<domain::Secret>,
    environment: &Environment,
    options: &Options,
) -> HttpModel {
    let limiter = options.limits.of(&endpoint.label(), key.as_ref());
    HttpModel {
        format,
        model: model.to_owned(),
        endpoint,
        headers,
        key,
        proxies: environment.proxies.clone(),
        limiter,
        client: OnceLock::new(),
    }
}

fn reply(
    format: WireFormat,
    turn: u32,
    mut answer: Answer,
    body_bytes: usize,
    tries: u32,
    billed: Usage,
) -> Reply {
    give_ids(&mut answer.blocks, turn);
    let mut json = Vec::new();
    wire::write_assistant(format, &answer.blocks, Reasoning::Keep, &mut json);
    let usage = answer.usage.unwrap_or_else(|| estimate(body_bytes, json.len()));
    let usage_source = if answer.usage.is_some() { UsageSource::Reported } else { UsageSource::Estimated };
    let json = String::from_utf8(json).expect("JSON is UTF-8");
    let message = AssistantMessage { blocks: answer.blocks, wire: Some(WireMessage { format, json }) };
    Reply { message, stop: answer.stop, usage, usage_source, billed, tries, model: answer.model }
}

/// Some servers give no ids, or the same twice: results could not be told apart.
fn give_ids(blocks: &mut [Block], turn: u32) {
    let mut seen = std::collections::HashSet::new();
    let calls =
        blocks.iter_mut().filter_map(|b| if let Block::ToolCall(call) = b { Some(call) } else { None });
    for (i, call) in calls.enumerate() {
        if call.id.is_empty() || seen.contains(&call.id) {
            call.id = format!("call_{turn}_{i}");
        }
        seen.insert(call.id.clone());
    }
}

/// Four bytes to a token: the usual rule of thumb.
fn estimate(input_bytes: usize, output_bytes: usize) -> Usage {
    Usage {
        input_tokens: input_bytes.div_ceil(4) as u64,
        output_tokens: output_bytes.div_ceil(4) as u64,
        ..Usage::default()
    }
}
