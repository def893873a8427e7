//! What a query may ask, judged before anything of it runs: length, tokens, nesting, aliases, and how large it becomes
//! once its fragments are put in.

use std::collections::HashMap;

use async_graphql::parser::types::{
    ExecutableDocument, FragmentDefinition, OperationType, Selection, SelectionSet,
};
use async_graphql::{Name, Positioned};

/// The longest query, in bytes.
pub const MAX_QUERY: usize = 64 << 10;
/// Tokens of a query.
pub const MAX_TOKENS: usize = 4_000;
/// Brackets within brackets: the parser goes one call deeper for each.
const MAX_NESTING: usize = 64;
/// Aliases of a query.
pub const MAX_ALIASES: usize = 30;
/// Fields of a query once its fragments are put in. The validation walks over each of them.
const MAX_FIELDS: usize = 5_000;
/// Fields within fields.
pub const MAX_DEPTH: usize = 12;
/// The same for a development server: its clients ask for the schema, deeply.
pub const MAX_DEPTH_IN_DEV: usize = 24;
/// What a query may cost: one for each field, lists times what they are asked for.
pub const MAX_COMPLEXITY: usize = 5_000;

/// A query that is refused: a word for programs, and a sentence.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct TooMuch {
    /// The word.
    pub code: &'static str,
    /// The sentence.
    pub message: String,
}

fn too_much(code: &'static str, message: String) -> TooMuch {
    TooMuch { code, message }
}

/// Refuses texts that are long for the parser already.
///
/// # Errors
/// [`TooMuch`].
pub fn check_text(query: &str) -> Result<(), TooMuch> {
    if query.len() > MAX_QUERY {
        return Err(too_much("query_too_long", format!("a query has at most {MAX_QUERY} bytes")));
    }
    let (mut tokens, mut nesting) = (0, 0_usize);
    let mut rest = query.as_bytes();
    while let Some((first, behind)) = rest.split_first() {
        let length = match first {
            b' ' | b'\t' | b'\n' | b'\r' | b',' => {
                rest = behind;
                continue;
            }
            b'#' => {
                rest = &rest[rest.iter().position(|c| matches!(c, b'\n' | b'\r')).unwrap_or(rest.len())..];
                continue;
            }
            b'"' => string(rest),
            b'{' | b'[' | b'(' => {
                nesting += 1;
                1
            }
            b'}' | b']' | b')' => {
                nesting = nesting.saturating_sub(1);
                1
            }
            b'.' => rest.iter().take_while(|c| **c == b'.').count().min(3),
            c if is_word(*c) => rest.iter().take_while(|c| is_word(**c)).count(),
            _ => 1,
        };
        rest = &rest[length..];
        tokens += 1;
        if tokens > MAX_TOKENS {
            return Err(too_much("too_many_tokens", format!("a query has at most {MAX_TOKENS} tokens")));
        }
        if nesting > MAX_NESTING {
            let words = format!("brackets are nested more than {MAX_NESTING} deep");
            return Err(too_much("query_too_deep", words));
        }
    }
    Ok(())
}

fn is_word(c: u8) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, b'_' | b'-' | b'+') || !c.is_ascii()
}

/// How long the string is that begins here.
fn string(text: &[u8]) -> usize {
    if text.starts_with(b"\"\"\"") {
        let mut at = 3;
        while at < text.len() {
            if text[at..].starts_with(b"\\\"\"\"") {
                at += 4;
            } else if text[at..].starts_with(b"\"\"\"") {
                return at + 3;
            } else {
                at += 1;
            }
        }
        return text.len();
    }
    let mut at = 1;
    while at < text.len() {
        match text[at] {
            b'\\' => at += 2,
            b'"' => return at + 1,
            b'\n' => return at,
            _ => at += 1,
        }
    }
    text.len()
}

/// Whether a document asks for the schema itself, wherever in it.
#[must_use]
pub fn asks_for_the_schema(document: &ExecutableDocument) -> bool {
    let operations = document.operations.iter().map(|(_, operation)| &operation.node.selection_set.node);
    let fragments = document.fragments.values().map(|fragment| &fragment.node.selection_set.node);
    operations.chain(fragments).any(names_the_schema)
}

fn names_the_schema(set: &SelectionSet) -> bool {
    set.items.iter().any(|selection| match &selection.node {
        Selection::Field(field) => {
            field.node.name.node.as_str() == "__schema" || names_the_schema(&field.node.selection_set.node)
        }
        Selection::InlineFragment(fragment) => names_the_schema(&fragment.node.selection_set.node),
        Selection::FragmentSpread(_) => false,
    })
}

/// Refuses documents that become large or go in circles.
///
/// # Errors
/// [`TooMuch`].
pub fn check_document(document: &ExecutableDocument) -> Result<(), TooMuch> {
    let mut sizes = HashMap::new();
    let (mut aliases, mut fields) = (0, 0_usize);
    for fragment in document.fragments.values() {
        count_aliases(&fragment.node.selection_set.node, &mut aliases);
    }
    for (_, operation) in document.operations.iter() {
        count_aliases(&operation.node.selection_set.node, &mut aliases);
        let set = &operation.node.selection_set.node;
        fields = fields.saturating_add(size(set, &document.fragments, &mut sizes)?);
    }
    if aliases > MAX_ALIASES {
        return Err(too_much("too_many_aliases", format!("a query has at most {MAX_ALIASES} aliases")));
    }
    if fields > MAX_FIELDS {
        let words = format!("a query has at most {MAX_FIELDS} fields with its fragments put in");
        return Err(too_much("query_too_complex", words));
    }
    Ok(())
}

fn count_aliases(set: &SelectionSet, aliases: &mut usize) {
    for selection in &set.items {
        match &selection.node {
            Selection::Field(field) => {
                *aliases += usize::from(field.node.alias.is_some());
                count_aliases(&field.node.selection_set.node, aliases);
            }
            Selection::InlineFragment(inline) => count_aliases(&inline.node.selection_set.node, aliases),
            Selection::FragmentSpread(_) => {}
        }
    }
}

type Fragments = HashMap<Name, Positioned<FragmentDefinition>>;

/// Fields of a selection with its fragments put in. `sizes` has those of fragments; none while one is being measured.
fn size<'d>(
    set: &'d SelectionSet,
    fragments: &'d Fragments,
    sizes: &mut HashMap<&'d str, Option<usize>>,
) -> Result<usize, TooMuch> {
    let mut total = 0_usize;
    for selection in &set.items {
        let more = match &selection.node {
            Selection::Field(field) => 1 + size(&field.node.selection_set.node, fragments, sizes)?,
            Selection::InlineFragment(inline) => 1 + size(&inline.node.selection_set.node, fragments, sizes)?,
            Selection::FragmentSpread(spread) => {
                let name = spread.node.fragment_name.node.as_str();
                match (sizes.get(name), fragments.get(name)) {
                    (Some(Some(known)), _) => *known,
                    (Some(None), _) => {
                        let words = format!("the fragment {name} contains itself");
                        return Err(too_much("fragment_cycle", words));
                    }
                    (None, Some(fragment)) => {
                        sizes.insert(name, None);
                        let known = size(&fragment.node.selection_set.node, fragments, sizes)?;
                        sizes.insert(name, Some(known));
                        known
                    }
                    // The validation says that there is none.
                    (None, None) => 0,
                }
            }
        };
        total = total.saturating_add(more);
    }
    Ok(total)
}

/// What an operation does; none if there is no such operation.
#[must_use]
pub fn kind_of(document: &ExecutableDocument, name: Option<&str>) -> Option<OperationType> {
    let mut all = document.operations.iter();
    match name {
        Some(name) => all.find(|(own, _)| own.is_some_and(|own| own.as_str() == name)),
        None => all.next().filter(|_| all.next().is_none()),
    }
    .map(|(_, operation)| operation.node.ty)
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use async_graphql::parser::parse_query;

    use super::*;

    fn code(query: &str) -> &'static str {
        if let Err(refused) = check_text(query) {
            return refused.code;
        }
        let document = parse_query(query).expect("it is a query");
        check_document(&document).err().map_or("taken", |refused| refused.code)
    }

    #[test]
    fn queries_are_refused_by_what_they_would_cost() {
        let repeat = |text: &str, n: usize| text.repeat(n);
        let bomb = |n: usize| {
            let mut text = String::from("{ ...f0 }");
            for at in 0..n {
                text += &format!(" fragment f{at} on Query {{ ...f{0} ...f{0} }}", at + 1);
            }
            text + &format!(" fragment f{n} on Query {{ a }}")
        };
        let cases = [
            ("{ a }".to_owned(), "taken"),
            (format!("{{ {} }}", repeat("a ", 3_997)), "taken"),
            (format!("{{ {} }}", repeat("a ", 3_999)), "too_many_tokens"),
            (format!("{{ a }} #{}", repeat("x", 60_000)), "taken"),
            (format!("{{ a }} #{}", repeat("x", 70_000)), "query_too_long"),
            (format!("{{ a(b: {}{}) }}", repeat("[", 63), repeat("]", 63)), "query_too_deep"),
            (format!("{{ a(b: \"{}\") }}", repeat("[", 500)), "taken"),
            (format!("{{ a(b: \"\"\"{}\\\"\"\"\"\"\") }}", repeat("[ ", 9_000)), "taken"),
            ((0..30).map(|n| format!("a{n}: a ")).collect::<String>(), "taken"),
            ((0..31).map(|n| format!("a{n}: a ")).collect::<String>(), "too_many_aliases"),
            (bomb(9), "taken"),
            (bomb(40), "query_too_complex"),
            (
                "{ ...a } fragment a on Query { ...b } fragment b on Query { c { ...a } }".into(),
                "fragment_cycle",
            ),
        ];
        for (query, want) in cases {
            let query = if query.starts_with('{') { query } else { format!("{{ {query} }}") };
            let begun = Instant::now();
            assert_eq!(code(&query), want, "{}", &query[..query.len().min(80)]);
            assert!(begun.elapsed().as_secs() < 5, "{want}");
        }
    }

    #[test]
    fn operations_are_known_by_their_name() {
        let document = parse_query("query a { a } mutation b { b }").expect("a document");
        assert_eq!(kind_of(&document, Some("b")), Some(OperationType::Mutation));
        assert_eq!(kind_of(&document, Some("c")), None);
        assert_eq!(kind_of(&document, None), None);
        assert_eq!(kind_of(&parse_query("{ a }").expect("one"), None), Some(OperationType::Query));
    }
}
