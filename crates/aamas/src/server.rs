//! A server that the command line works on, and its refusals as exits.

use client::{Client, Distrust, Error, Problem};

use crate::cli::Global;
use crate::refusal::Refusal;
use crate::rim;
use crate::say::err;

/// The server that the command line names, if it names one. Nothing is asked of it yet.
pub fn of(global: &Global) -> Result<Option<Client>, Refusal> {
    let Some(address) = global.server() else { return Ok(None) };
    // The environment alone: what is on the command line, every process of the machine can read.
    let Some(token) = rim::variable("AAMAS_TOKEN") else {
        return Err(Refusal::usage(
            "no_token",
            format!("AAMAS_TOKEN is not set, and {address} answers nobody without a token"),
            "make one with `aamas token create` where the server's data directory is, and export AAMAS_TOKEN",
        ));
    };
    let client = Client::new(address, Some(token.trim().to_owned()))?;
    if client.is_readable_on_its_way() {
        err!("warning: {} is asked without TLS: who is between can read the token", client.address());
    }
    Ok(Some(client))
}

/// Refuses what works on this machine only, if a server is named.
pub fn none_for(global: &Global, what: &str, hint: &str) -> Result<(), Refusal> {
    if global.server().is_some() { Err(local_only(what, hint)) } else { Ok(()) }
}

/// What works on this machine only.
pub fn local_only(what: &str, hint: &str) -> Refusal {
    let hint =
        if hint.is_empty() { "leave --server and AAMAS_SERVER out, or say --server \"\"" } else { hint };
    Refusal::usage("local_only", format!("{what} works on this machine only, not on a server"), hint)
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        let message = engine::sentence(&error);
        match error {
            Error::InvalidAddress { .. } => {
                Self::usage("invalid_server", message, "name it as in --server https://aamas.example.org")
            }
            Error::InvalidCall(_) => Self::usage("invalid", message, "mend what it names"),
            Error::Unreachable { server, .. } => Self::internal(
                "server_unreachable",
                message,
                format!("see whether `aamas serve` runs there: {server}/health"),
            ),
            Error::Untrusted { distrust, .. } => {
                Self::internal("server_untrusted", message, trust_hint(distrust))
            }
            Error::TlsRequired { .. } => {
                Self::usage("tls_required", message, "name it as https:// with the same host and port")
            }
            Error::NoTls { .. } => Self::usage(
                "no_tls",
                message,
                "name it as http://, or serve with --tls-cert and --tls-key there",
            ),
            Error::Refused(problem) => of_problem(*problem, message),
            Error::Unexpected { server, .. } => Self::internal(
                "unexpected_answer",
                message,
                format!("see whether {server} is a server of this release: {server}/openapi.json"),
            ),
        }
    }
}

/// What to do about a certificate that is not trusted.
fn trust_hint(distrust: Distrust) -> &'static str {
    match distrust {
        Distrust::Authority => {
            "set SSL_CERT_FILE to a PEM file with the authority that signed its certificate (`CA:TRUE`; a certificate that signs itself is to be made with `CA:FALSE`), or let this system trust it"
        }
        Distrust::Name => "name the server in --server as its certificate does",
        Distrust::Time => "renew its certificate there; if it is valid, set the clock of this machine",
    }
}

/// What to do about a refusal, where the command line has its own way: the API speaks of requests.
pub fn own_hint(code: &str) -> Option<&'static str> {
    Some(match code {
        "unauthenticated" => {
            "set AAMAS_TOKEN to a token of this server: `aamas token create` makes one there"
        }
        "project_archived" => "bring it back with `aamas project restore`",
        "agent_retired" => "bring it back with `aamas agents update AGENT --status idle`",
        "is_draft" => "look at its gates with `aamas pr show`, and say --draft if you want it all the same",
        "illegal_transition" => "look at it again: it may have moved on",
        "not_open" => "ask a new task",
        _ => return None,
    })
}

/// A problem document as an exit: failures of the server are 1, and what it refuses is wrong usage.
fn of_problem(problem: Problem, message: String) -> Refusal {
    let Problem { status, code, hint, request_id, retry_after_s, .. } = problem;
    let is_its_own = status >= 500 || status == 429;
    let quoted = request_id.filter(|_| is_its_own).map(|id| format!(" (request {id})")).unwrap_or_default();
    let own = own_hint(&code).map(str::to_owned);
    let hint = own.or(hint).unwrap_or_else(|| match (status, retry_after_s) {
        (_, Some(seconds)) => format!("try again in {seconds} s"),
        (403, _) => "ask somebody who may, or use another token".to_owned(),
        (404, _) => "see what there is with the noun's `list`".to_owned(),
        (400..500, _) => "mend what it names".to_owned(),
        _ => "try again, and look at the log of the server".to_owned(),
    });
    let message = format!("{message}{quoted}");
    if is_its_own { Refusal::internal(&code, message, hint) } else { Refusal::usage(&code, message, hint) }
}

#[cfg(test)]
mod tests {
    use client::FieldError;

    use super::*;

    #[test]
    fn problems_keep_their_code_and_hint_and_get_an_exit() {
        let problem = |status, code: &str| Problem {
            status,
            code: code.to_owned(),
            detail: "it did not work".to_owned(),
            request_id: Some("7f".to_owned()),
            ..Problem::default()
        };
        let told = |problem: Problem| {
            let refusal = Refusal::from(Error::Refused(Box::new(problem)));
            format!(
                "{} {}: {}; {}",
                refusal.exit, refusal.error.code, refusal.error.message, refusal.error.hint
            )
        };
        let invalid = Problem {
            errors: vec![FieldError { field: "name".into(), message: "it is empty".into() }],
            ..problem(422, "invalid")
        };
        let later = Problem { retry_after_s: Some(3), ..problem(429, "rate_limited") };
        assert_eq!(
            [invalid, problem(403, "forbidden"), later, problem(500, "internal")].map(told),
            [
                "2 invalid: it did not work; name: it is empty; mend what it names",
                "2 forbidden: it did not work; ask somebody who may, or use another token",
                "1 rate_limited: it did not work (request 7f); try again in 3 s",
                "1 internal: it did not work (request 7f); try again, and look at the log of the server",
            ]
        );
    }
}
