//! The connection to a server.

use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderValue, LOCATION, RETRY_AFTER};
use reqwest::{Response, StatusCode, Url, redirect};

use crate::call::{Answer, Call};
use crate::{Error, Problem};

/// How long a connection may take to come about.
const CONNECT: Duration = Duration::from_secs(10);
/// How long nothing may come: a server answers within thirty seconds, and then sends without a break.
const SILENCE: Duration = Duration::from_secs(60);
/// The largest answer: exports have up to 256 MB.
const MAX_ANSWER: usize = (256 << 20) + (1 << 20);

/// A server, and the token that it knows the caller by. Clones share connections.
#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
    /// Without a slash at its end.
    base: String,
    authorization: Option<HeaderValue>,
}

impl Client {
    /// The server at an address such as `https://aamas.example.org`, as the owner of a token.
    ///
    /// # Errors
    /// [`Error::InvalidAddress`] for what is no `http` or `https` address, [`Error::InvalidCall`] for what is no token.
    pub fn new(address: &str, token: Option<String>) -> Result<Self, Error> {
        let invalid = |why| Error::InvalidAddress { address: address.to_owned(), why };
        let url = Url::parse(address).map_err(|_| invalid("it is no http:// or https:// address"))?;
        if !["http", "https"].contains(&url.scheme()) || url.host_str().is_none_or(str::is_empty) {
            return Err(invalid("it is no http:// or https:// address"));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(invalid("it has a name or a password in it"));
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(invalid("it has more than a host and a path"));
        }
        let authorization = token
            .map(|token| {
                let mut value = HeaderValue::try_from(format!("Bearer {token}"))
                    .map_err(|_| Error::InvalidCall("the token has characters that no token has".into()))?;
                value.set_sensitive(true);
                Ok(value)
            })
            .transpose()?;
        // A provider that another part of the process installed is as good.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let mut http = reqwest::Client::builder()
            .redirect(redirect::Policy::none())
            .connect_timeout(CONNECT)
            .read_timeout(SILENCE)
            .user_agent(concat!("aamas-client/", env!("CARGO_PKG_VERSION")));
        // No proxy leads to this machine itself.
        if is_loopback(&url) {
            http = http.no_proxy();
        }
        let http =
            http.build().map_err(|source| Error::Unreachable { server: address.to_owned(), source })?;
        Ok(Self { http, base: url.as_str().trim_end_matches('/').to_owned(), authorization })
    }

    /// The address of the server.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.base
    }

    /// Whether what is sent can be read on its way: plain HTTP to another machine.
    #[must_use]
    pub fn is_readable_on_its_way(&self) -> bool {
        Url::parse(&self.base).is_ok_and(|url| url.scheme() == "http" && !is_loopback(&url))
    }

    pub(crate) async fn send(&self, call: Call) -> Result<Answer, Error> {
        let unreachable = |source| Error::no_connection(&self.base, source);
        let mut url = Url::parse(&format!("{}{}", self.base, call.path?))
            .map_err(|e| Error::InvalidCall(e.to_string()))?;
        if !call.query.is_empty() {
            url.query_pairs_mut().extend_pairs(&call.query);
        }
        let method = call.method.parse().map_err(|_| Error::InvalidCall(call.method.to_owned()))?;
        let mut request =
            self.http.request(method, url).header(ACCEPT, "application/json, application/problem+json, */*");
        if let Some(authorization) = &self.authorization {
            request = request.header(AUTHORIZATION, authorization.clone());
        }
        if let Some(body) = call.body {
            request = request.header(CONTENT_TYPE, "application/json").body(body?);
        }
        let mut response = request.send().await.map_err(unreachable)?;
        if is_sent_to_tls(&response) {
            return Err(Error::TlsRequired { server: self.base.clone() });
        }
        let (status, kind, retry_after_s) = (response.status(), kind_of(&response), retry_after(&response));
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(unreachable)? {
            if body.len() + chunk.len() > MAX_ANSWER {
                return Err(self.unexpected(status, format!("and more than {MAX_ANSWER} bytes")));
            }
            body.extend_from_slice(&chunk);
        }
        if status.is_success() {
            return Ok(Answer { server: self.base.clone(), status: status.as_u16(), body });
        }
        match serde_json::from_slice::<Problem>(&body) {
            Ok(problem) if kind.contains("json") && !problem.code.is_empty() => {
                Err(Error::Refused(Box::new(Problem { retry_after_s, ..problem })))
            }
            _ => Err(self.unexpected(status, format!("and no problem document but {}", named(&kind)))),
        }
    }

    fn unexpected(&self, status: StatusCode, what: String) -> Error {
        Error::Unexpected { server: self.base.clone(), status: status.as_u16(), what }
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("base", &self.base).finish_non_exhaustive()
    }
}

/// Whether an answer sends the request to the same place over TLS.
fn is_sent_to_tls(response: &Response) -> bool {
    let (asked, location) = (response.url(), response.headers().get(LOCATION));
    let location = location.and_then(|value| Url::parse(value.to_str().ok()?).ok());
    let over_tls = |to: Url| to.scheme() == "https" && to.host() == asked.host() && to.path() == asked.path();
    response.status().is_redirection() && asked.scheme() == "http" && location.is_some_and(over_tls)
}

fn kind_of(response: &Response) -> String {
    let kind = response.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    kind.unwrap_or_default().split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

fn named(kind: &str) -> &str {
    if kind.is_empty() { "something without a type" } else { kind }
}

fn retry_after(response: &Response) -> Option<u64> {
    response.headers().get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()
}

fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}
