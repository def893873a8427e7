//! What can go wrong with a call.

use serde::Deserialize;

/// A call that came to nothing.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The address of the server is none.
    #[error("{address:?} is not the address of a server: {why}")]
    InvalidAddress {
        /// As it was given.
        address: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// What is asked can't be put into a request.
    #[error("this can't be asked: {0}")]
    InvalidCall(String),
    /// No connection, or one that broke off.
    #[error("cannot reach {server}")]
    Unreachable {
        /// The server.
        server: String,
        /// Why.
        #[source]
        source: reqwest::Error,
    },
    /// There is a server, and its certificate is not to be trusted.
    #[error("cannot trust {server}")]
    Untrusted {
        /// The server.
        server: String,
        /// What is wrong with its certificate.
        distrust: Distrust,
        /// The same in words.
        source: reqwest::Error,
    },
    /// The server speaks TLS there, and was asked without.
    #[error("{server} was asked in plain HTTP, and this port speaks TLS")]
    TlsRequired {
        /// The server.
        server: String,
    },
    /// The server was asked in TLS, and answered in something else.
    #[error("{server} does not speak TLS")]
    NoTls {
        /// The server.
        server: String,
        /// What it said.
        source: reqwest::Error,
    },
    /// The server says in a problem document why not.
    #[error("{0}")]
    Refused(Box<Problem>),
    /// The answer is not what this API answers: another program, something between, or another release.
    #[error("{server} answered {status}, {what}")]
    Unexpected {
        /// The server.
        server: String,
        /// The status of HTTP.
        status: u16,
        /// What was odd about it.
        what: String,
    },
}

/// Why a certificate is not to be trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Distrust {
    /// No authority that this machine trusts vouches for it.
    Authority,
    /// It is for another name.
    Name,
    /// It is not valid yet, or no longer.
    Time,
}

impl Distrust {
    fn of(error: &rustls::CertificateError) -> Self {
        use rustls::CertificateError as E;
        match error {
            E::NotValidForName | E::NotValidForNameContext { .. } => Self::Name,
            E::Expired | E::ExpiredContext { .. } | E::NotValidYet | E::NotValidYetContext { .. } => {
                Self::Time
            }
            _ => Self::Authority,
        }
    }
}

impl Error {
    /// No connection to a server, and what TLS says to that if it came so far.
    pub(crate) fn no_connection(server: &str, source: reqwest::Error) -> Self {
        let server = server.to_owned();
        match tls_error(&source).cloned() {
            Some(rustls::Error::InvalidCertificate(why)) => {
                Self::Untrusted { server, distrust: Distrust::of(&why), source }
            }
            Some(rustls::Error::InvalidMessage(_)) => Self::NoTls { server, source },
            _ => Self::Unreachable { server, source },
        }
    }
}

/// What TLS said, among the causes of an error.
fn tls_error<'a>(error: &'a (dyn std::error::Error + 'static)) -> Option<&'a rustls::Error> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref() {
            return Some(found);
        }
        // What an error of input and output holds is none of its causes.
        let held = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
        if let Some(found) = held.and_then(|held| tls_error(held)) {
            return Some(found);
        }
        next = error.source();
    }
    None
}

/// A problem document (RFC 9457), as far as it is one: whatever is missing stays empty.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Problem {
    /// `urn:aamas:problem:` and the code.
    #[serde(rename = "type")]
    pub kind: String,
    /// What sort of problem it is.
    pub title: String,
    /// The status of HTTP.
    pub status: u16,
    /// What is wrong with this request, in a sentence.
    pub detail: String,
    /// A word for programs.
    pub code: String,
    /// What to do.
    pub hint: Option<String>,
    /// The members that were refused.
    pub errors: Vec<FieldError>,
    /// An id to quote.
    pub request_id: Option<String>,
    /// Seconds after which it may be tried again.
    #[serde(skip)]
    pub retry_after_s: Option<u64>,
}

/// A member that was refused.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct FieldError {
    /// Which.
    pub field: String,
    /// What is wrong with it.
    pub message: String,
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let words = if self.detail.is_empty() { &self.title } else { &self.detail };
        f.write_str(words)?;
        let apart = |e: &&FieldError| !words.contains(&e.message);
        for error in self.errors.iter().filter(apart) {
            write!(f, "; {}: {}", error.field, error.message)?;
        }
        Ok(())
    }
}
