//! Model providers: wire formats, streaming, retries, prices.
//!
//! A [`ModelSpec`] names a model, [`Model::open`] opens it, [`Model::complete`] asks it. The conversation lives in a
//! [`Transcript`] of the model's own bytes; neutral [`Message`]s go in, a neutral [`Reply`] comes out.

mod answer;
mod call;
mod client;
mod conversation;
mod endpoint;
mod environment;
mod error;
mod http;
mod limits;
mod model;
mod prices;
mod retry;
mod retry_after;
mod rim;
mod script;
mod scripted;
mod spec;
pub mod sse;
mod tls;
mod transcript;
mod wire;

pub use call::{Call, CallContext, CallRole, Delta, DeltaSink, Reply, StopReason, UsageSource};
pub use client::{SendHeaders, Timeouts};
pub use conversation::{AssistantMessage, Block, Message, ToolCall, ToolDef, ToolResult, WireMessage};
pub use environment::{Environment, Proxies};
pub use error::{ModelError, ModelErrorKind, Phase, Retry};
pub use limits::Limits;
pub use model::{Model, Options};
pub use prices::{PriceSource, price, price_source};
pub use retry::RetryPolicy;
pub use rim::{Rim, Sleep};
pub use spec::{ModelSpec, Provider};
pub use tls::install_crypto_provider;
pub use transcript::{Mark, Transcript};
pub use wire::WireFormat;
