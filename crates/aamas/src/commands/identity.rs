//! Who else may say who somebody is: the file of the administrator, and the network that it needs.

use std::path::Path;
use std::sync::Arc;

use app::sso::{Fetch, Providers};
use app::{Entrance, Platform};
use auth::fetch::{FetchError, HttpRequest, HttpResponse, MAX_ANSWER_BYTES, http};
use integrations::exchange::{Sent, exchange};

use crate::refusal::Refusal;

/// The door of a server: with providers of identities if a file names some.
pub fn entrance(platform: &Platform, file: Option<&Path>) -> Result<Entrance, Refusal> {
    let Some(file) = file else { return Ok(Entrance::new(platform)) };
    let refused = |why: String| {
        let message = format!("cannot use {}: {why}", file.display());
        Refusal::usage("invalid_identity", message, "docs/configuration.md says what may stand there")
    };
    let text = std::fs::read_to_string(file).map_err(|e| refused(e.to_string()))?;
    let providers: Providers = toml::from_str(&text).map_err(|e| refused(e.message().to_owned()))?;
    Entrance::with_providers(platform, providers, network()).map_err(|e| refused(e.to_string()))
}

fn network() -> Fetch {
    Arc::new(|request| Box::pin(send(request)))
}

async fn send(request: HttpRequest) -> Result<HttpResponse, FetchError> {
    let (parts, body) = request.into_parts();
    let headers = parts.headers.iter().map(|(n, v)| (n.as_str().to_owned(), v.as_bytes().to_vec())).collect();
    let sent = Sent { method: parts.method.to_string(), url: parts.uri.to_string(), headers, body };
    let received = exchange(sent, MAX_ANSWER_BYTES).await.map_err(|e| FetchError(engine::sentence(&e)))?;
    let mut response = http::Response::builder().status(received.status);
    for (name, value) in received.headers {
        response = response.header(name, value);
    }
    response.body(received.body).map_err(|e| FetchError(e.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documented_file_can_be_read() {
        let page = include_str!("../../../../docs/configuration.md");
        let section = page.split("\n## Identity").nth(1).expect("a section of its own");
        let example =
            section.split("```").nth(1).and_then(|block| block.strip_prefix("toml")).expect("an example");
        let read: Providers = toml::from_str(example).unwrap_or_else(|e| panic!("{e}"));
        assert_eq!((read.providers.len(), read.issuers.len()), (1, 2));
        let members = example.lines().filter_map(|line| Some(line.split_once(" = ")?.0));
        let unsaid: Vec<_> = members.filter(|name| !section.contains(&format!("{name}`"))).collect();
        assert_eq!(unsaid, [""; 0], "described in words");
    }
}
