//! The HTTP client of one endpoint.

use std::time::Duration;

use domain::Secret;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::{Client, NoProxy, Proxy, redirect};

use crate::call::CallContext;
use crate::endpoint::Endpoint;
use crate::environment::Proxies;
use crate::error::ModelErrorKind;
use crate::tls;

/// How long each part of a call may take. There is no limit on the whole: a long answer that keeps coming is fine.
#[derive(Clone, Copy, Debug)]
pub struct Timeouts {
    /// To connect, TLS included.
    pub connect: Duration,
    /// From the request to the first bytes of its answer. Local servers read the whole prompt first.
    pub first_byte: Duration,
    /// From one piece of an answer to the next. Models that reason in silence need minutes.
    pub next_byte: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(15),
            first_byte: Duration::from_secs(300),
            next_byte: Duration::from_secs(300),
        }
    }
}

/// Where the `x-aamas-…` headers go.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SendHeaders {
    /// To loopback and private endpoints only.
    #[default]
    LocalOnly,
    /// To every endpoint.
    Everywhere,
}

/// Builds the client. A plain endpoint gets no TLS at all; a local one takes no proxy; nobody is followed elsewhere.
pub(crate) fn build(
    endpoint: &Endpoint,
    proxies: &Proxies,
    timeouts: &Timeouts,
) -> Result<Client, ModelErrorKind> {
    let failed = |reason: String| ModelErrorKind::Client { endpoint: endpoint.label(), reason };
    tls::install_crypto_provider();
    let mut builder = Client::builder()
        .no_proxy()
        .redirect(redirect::Policy::none())
        .connect_timeout(timeouts.connect)
        .user_agent(concat!("aamas/", env!("CARGO_PKG_VERSION")));
    if endpoint.is_plain() {
        // A new connection costs next to nothing without TLS, and local servers close kept ones without a word: that
        // would look like a failed try.
        builder = builder.pool_max_idle_per_host(0);
        builder =
            builder.http1_only().tls_backend_preconfigured(tls::no_tls().map_err(|e| failed(e.to_string()))?);
    }
    if !endpoint.is_local {
        for proxy in proxies_of(proxies).map_err(|()| failed("the proxy's address is malformed".into()))? {
            builder = builder.proxy(proxy);
        }
    }
    builder.build().map_err(|e| failed(root_cause(e)))
}

/// The addresses may hold passwords, so the cause of a failure is not told.
fn proxies_of(proxies: &Proxies) -> Result<Vec<Proxy>, ()> {
    let except = proxies.except.as_deref().and_then(NoProxy::from_string);
    let https = proxies.https.as_ref().map(|p| Proxy::https(p.expose()));
    let http = proxies.http.as_ref().map(|p| Proxy::http(p.expose()));
    let made: Result<Vec<Proxy>, _> = https.into_iter().chain(http).collect();
    Ok(made.map_err(|_| ())?.into_iter().map(|p| p.no_proxy(except.clone())).collect())
}

/// The root cause of an error, in one line. What wraps it says no more, and may hold the address, whose query is not to
/// be shown.
pub(crate) fn root_cause(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut cause: &dyn std::error::Error = &error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    crate::wire::refusal::clean(&cause.to_string(), None)
}

/// A header that holds a key, marked so that nothing prints it.
pub(crate) fn secret_header(
    prefix: &str,
    key: &Secret,
    variable: &'static str,
) -> Result<HeaderValue, ModelErrorKind> {
    let mut value = HeaderValue::from_str(&format!("{prefix}{}", key.expose())).map_err(|_| {
        ModelErrorKind::InvalidEndpoint { variable, reason: "it holds characters that no key has".into() }
    })?;
    value.set_sensitive(true);
    Ok(value)
}

/// The headers that say whose call it is.
pub(crate) fn context_headers(context: &CallContext<'_>) -> HeaderMap {
    let run = context.run.to_string();
    let turn = context.turn.to_string();
    let fields = [
        ("x-aamas-run", run.as_str()),
        ("x-aamas-role", context.role.as_str()),
        ("x-aamas-step", context.step),
        ("x-aamas-attempt", context.attempt),
        ("x-aamas-turn", turn.as_str()),
    ];
    fields.into_iter().map(|(name, value)| (HeaderName::from_static(name), plain_value(value))).collect()
}

fn plain_value(text: &str) -> HeaderValue {
    let plain: String =
        text.chars().map(|c| if c.is_ascii_graphic() || c == ' ' { c } else { '_' }).collect();
    HeaderValue::from_str(&plain).unwrap_or_else(|_| HeaderValue::from_static(""))
}
