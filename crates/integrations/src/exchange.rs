//! One request to an address that an administrator named, for providers of identities: no redirects, a time limit, a
//! bound on the answer.

use std::time::Duration;

/// How long an exchange may take.
const TIMEOUT: Duration = Duration::from_secs(10);

/// A request.
#[derive(Clone, Debug)]
pub struct Sent {
    /// The method.
    pub method: String,
    /// The address.
    pub url: String,
    /// Names and values of the headers.
    pub headers: Vec<(String, Vec<u8>)>,
    /// The body.
    pub body: Vec<u8>,
}

/// An answer, whatever its status.
#[derive(Clone, Debug)]
pub struct Received {
    /// The status.
    pub status: u16,
    /// Names and values of the headers.
    pub headers: Vec<(String, Vec<u8>)>,
    /// The body.
    pub body: Vec<u8>,
}

/// The exchange came to nothing.
#[derive(Debug, thiserror::Error)]
pub enum ExchangeError {
    /// No connection, no answer in time, or no such method or address.
    #[error("no answer")]
    Failed(#[source] reqwest::Error),
    /// The request is not one.
    #[error("this is no request: {0}")]
    Invalid(&'static str),
    /// The answer is larger than it may be.
    #[error("the answer has more than {0} bytes")]
    TooLarge(usize),
}

/// Sends a request, and reads at most `most` bytes of its answer.
///
/// # Errors
/// [`ExchangeError`].
pub async fn exchange(sent: Sent, most: usize) -> Result<Received, ExchangeError> {
    // A provider that another part of the process installed is as good.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let client = reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .timeout(TIMEOUT)
        .build()
        .map_err(ExchangeError::Failed)?;
    let method = sent.method.parse().map_err(|_| ExchangeError::Invalid("the method"))?;
    let mut request = client.request(method, &sent.url);
    for (name, value) in sent.headers {
        request = request.header(name, value);
    }
    let mut response = request.body(sent.body).send().await.map_err(ExchangeError::Failed)?;
    let headers =
        response.headers().iter().map(|(n, v)| (n.as_str().to_owned(), v.as_bytes().to_vec())).collect();
    let status = response.status().as_u16();
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(ExchangeError::Failed)? {
        body.extend_from_slice(&chunk);
        if body.len() > most {
            return Err(ExchangeError::TooLarge(most));
        }
    }
    Ok(Received { status, headers, body })
}
