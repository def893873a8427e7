//! Other texts: words of the tests, white space, case, and slips in patterns and formats.

use tree_sitter::Node;

use super::literals::literals_nearby;
use super::place::Place;
use crate::EditKind::Constant;
use crate::edit::Sink;
use crate::source::children;

pub(super) fn edits(place: &Place<'_>, node: Node<'_>, sink: &mut Sink<'_>) {
    let own = place.text(node);
    if own.starts_with("\"\"\"")
        || own.starts_with("'''")
        || node.parent().is_some_and(|p| p.kind() == "concatenated_string")
    {
        return;
    }
    let parts = children(node);
    let (Some(first), Some(last)) = (parts.first(), parts.last()) else { return };
    let (from, to) = (first.end_byte(), last.start_byte());
    if from > to {
        return;
    }
    let inner = &place.file.text[from..to];
    let plain = parts.len() <= 3 && !own.starts_with(['f', 'F']);
    let escapes = inner.contains('\\');
    for (got, wanted) in place.hints.text_differences() {
        if got.is_empty() {
            sink.replace(Constant, 0.4, from..to, format!("{inner}{wanted}"));
            sink.replace(Constant, 0.4, from..to, format!("{wanted}{inner}"));
        } else if inner.contains(got) && !escapes {
            sink.replace(Constant, 0.9, from..to, inner.replacen(got, wanted, 1));
            sink.replace(Constant, 0.6, from..to, inner.replace(got, wanted));
        }
    }
    if inner.is_empty() {
        sink.replace(Constant, 0.5, from..to, " ");
    } else {
        sink.replace(Constant, 0.4, from..to, "");
        sink.replace(Constant, 0.3, from..to, format!("{inner} "));
        sink.replace(Constant, 0.3, from..to, format!(" {inner}"));
        if !escapes {
            sink.replace(Constant, 0.4, from..to, inner.trim().to_owned());
        }
        if plain && !escapes && inner.chars().any(char::is_alphabetic) {
            sink.replace(Constant, 0.3, from..to, inner.to_lowercase());
            sink.replace(Constant, 0.3, from..to, inner.to_uppercase());
        }
        if plain {
            pattern(inner, from, to, sink);
        }
    }
    if inner.chars().count() == 1 {
        for other in [
            " ", ",", ".", "-", "_", "/", ":", ";", "|", "\\n", "0", "1", "+", "#", "@", "a", "z", "A", "Z",
            "r", "w",
        ] {
            sink.replace(Constant, 0.2, from..to, other);
        }
    }
    sink.special = true;
    for (at, other) in place.hints.texts.iter().take(16).enumerate() {
        if plain && *other != inner && !other.contains(['\\', '"', '\'', '\n']) {
            sink.replace(Constant, 0.3 / (1.0 + 0.12 * at as f64), from..to, other.clone());
        }
    }
    sink.special = false;
    for other in literals_nearby(place, &["string"], 12) {
        if other != own && !other.starts_with(['f', 'F']) {
            sink.replace(Constant, 0.3, node.byte_range(), other);
        }
    }
    for name in place.names.near.iter().take(6).filter(|n| Some(*n) != place.names.receiver.as_ref()) {
        sink.replace(crate::EditKind::Variable, 0.08, node.byte_range(), name.clone());
    }
}

/// Small slips in regular expressions and format strings.
fn pattern(inner: &str, from: usize, to: usize, sink: &mut Sink<'_>) {
    const SLIPS: &[(&str, &str)] = &[
        ("+", "*"),
        ("*", "+"),
        ("+", ""),
        ("*", ""),
        ("?", ""),
        ("^", ""),
        ("$", ""),
        ("\\d", "\\w"),
        ("\\w", "\\d"),
        ("\\s", "\\S"),
        ("\\S", "\\s"),
        ("\\D", "\\d"),
        ("\\W", "\\w"),
        ("\\w", "\\W"),
        ("\\d", "\\D"),
        ("0-9", "1-9"),
        ("1-9", "0-9"),
        ("a-z", "a-zA-Z"),
        ("A-Z", "a-z"),
        ("a-z", "A-Z"),
        ("[^", "["),
        ("[", "[^"),
        ("\\b", ""),
        ("%d", "%s"),
        ("%s", "%d"),
        ("%m", "%M"),
        ("%M", "%m"),
        ("%y", "%Y"),
        ("%Y", "%y"),
        ("%H", "%I"),
        ("%I", "%H"),
        (".2f", ".1f"),
        (".1f", ".2f"),
        (".2f", ".3f"),
        (".", "\\."),
        ("\\.", "."),
        ("{", "{:"),
        ("<", ">"),
        (">", "<"),
        ("^", "<"),
        ("+", "?"),
        ("*", "?"),
        (")", ")?"),
        ("]", "]+"),
        ("]", "]*"),
        ("\\d", "\\d+"),
        ("02", "2"),
        ("0", "1"),
        ("1", "2"),
        ("2", "1"),
        ("1", "0"),
        ("2", "3"),
        ("3", "2"),
        ("_", "-"),
        ("-", "_"),
        (", ", ","),
        (",", ", "),
        (" ", ""),
        ("  ", " "),
        ("+", "+?"),
        ("*", "*?"),
        ("(?:", "("),
        ("(", "(?:"),
        ("(?=", "(?!"),
        ("(?!", "(?="),
        ("\\A", ""),
        ("\\Z", ""),
        ("|", ""),
        ("\\n", ""),
        ("\\t", " "),
    ];
    for (slip, right) in SLIPS {
        for (at, _) in inner.match_indices(slip).take(6) {
            let escaped = at > 0 && inner.as_bytes()[at - 1] == b'\\';
            if escaped {
                continue;
            }
            sink.replace(Constant, 0.2, from + at..from + at + slip.len(), *right);
        }
    }
    if inner.starts_with('^') || inner.ends_with('$') || inner.contains(['\\', '[', '(']) {
        sink.replace(Constant, 0.3, from..from, "^");
        sink.replace(Constant, 0.3, to..to, "$");
    }
}
