//! What the model was sent.

use crate::model::Request;

/// Tokens by the usual estimate of four bytes each.
#[expect(clippy::cast_precision_loss, reason = "prompts are far below 2^52 bytes")]
pub(crate) fn tokens(bytes: usize) -> f64 {
    bytes as f64 / 4.0
}

/// How many requests did not begin with all messages of the one before, byte for byte.
pub(crate) fn changed_prefixes(requests: &[Request]) -> usize {
    let kept = |pair: &[Request]| match (messages(&pair[0].body), messages(&pair[1].body)) {
        (Some(before), Some(after)) => after.starts_with(before),
        _ => false,
    };
    requests.windows(2).filter(|pair| !kept(pair)).count()
}

/// What stands between the brackets of `"messages": […]`.
fn messages(body: &str) -> Option<&str> {
    let key = body.find("\"messages\":")?;
    let from = key + body[key..].find('[')? + 1;
    let (mut depth, mut in_string, mut escaped) = (1_u32, false, false);
    for (at, byte) in body.bytes().enumerate().skip(from) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            _ if in_string => {}
            b'[' | b'{' => depth += 1,
            b']' | b'}' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return body.get(from..at);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    fn requests(bodies: &[&str]) -> Vec<Request> {
        let now = Instant::now();
        bodies.iter().map(|body| Request { arrived: now, answered: now, body: (*body).to_owned() }).collect()
    }

    #[test]
    fn brackets_and_quotes_in_texts_do_not_end_the_messages() {
        assert_eq!(messages(r#"{"messages":[{"c":"a]\"]"}],"x":1}"#), Some(r#"{"c":"a]\"]"}"#));
    }

    #[test]
    fn a_changed_message_is_seen() {
        let same = requests(&[r#"{"messages":[1],"n":1}"#, r#"{"messages":[1,2],"n":2}"#]);
        let changed = requests(&[r#"{"messages":[1]}"#, r#"{"messages":[3,2]}"#]);
        assert_eq!((changed_prefixes(&same), changed_prefixes(&changed)), (0, 1));
    }
}
