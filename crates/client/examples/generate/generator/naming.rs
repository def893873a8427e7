//! Names of Rust for names of the document.

/// Words that can't be a name as they are.
const KEYWORDS: &[&str] = &[
    "as", "async", "await", "become", "box", "break", "const", "continue", "crate", "do", "dyn", "else",
    "enum", "extern", "false", "final", "fn", "for", "gen", "if", "impl", "in", "let", "loop", "macro",
    "match", "mod", "move", "mut", "override", "priv", "pub", "ref", "return", "static", "struct", "super",
    "trait", "true", "try", "type", "typeof", "unsafe", "unsized", "use", "virtual", "where", "while",
    "yield",
];
/// Of them, those that are no name with `r#` either.
const NEVER: &[&str] = &["crate", "self", "super", "Self", "_"];

/// What the generated file uses, so that no type of the document can be called so.
const TAKEN: &[&str] = &[
    "Asked",
    "BTreeMap",
    "Box",
    "Bytes",
    "Call",
    "Client",
    "Deserialize",
    "Err",
    "Json",
    "None",
    "Nothing",
    "Ok",
    "Option",
    "OrLater",
    "Self",
    "Serialize",
    "Some",
    "String",
    "Value",
    "Vec",
];

/// `PageOf_Task`, `due-date` as `PageOfTask`, `DueDate`.
pub fn pascal(name: &str) -> String {
    let mut text = String::new();
    for word in words(name) {
        let mut letters = word.chars();
        text.extend(letters.next().map(|c| c.to_ascii_uppercase()));
        text.push_str(letters.as_str());
    }
    match text.as_str() {
        taken if TAKEN.contains(&taken) => format!("Api{text}"),
        "" => "Nameless".to_owned(),
        _ if text.starts_with(|c: char| c.is_ascii_digit()) => format!("N{text}"),
        _ => text,
    }
}

/// `dueDate`, `due-date` as `due_date`; a keyword gets `r#`.
pub fn snake(name: &str) -> String {
    let mut text = String::new();
    for (place, word) in words(name).enumerate() {
        if place > 0 {
            text.push('_');
        }
        let mut before_lower = false;
        for letter in word.chars() {
            if letter.is_ascii_uppercase() && before_lower {
                text.push('_');
            }
            before_lower = !letter.is_ascii_uppercase();
            text.push(letter.to_ascii_lowercase());
        }
    }
    if text.starts_with(|c: char| c.is_ascii_digit()) || text.is_empty() {
        text.insert(0, 'n');
    }
    match text.as_str() {
        word if NEVER.contains(&word) => format!("{word}_"),
        word if KEYWORDS.contains(&word) => format!("r#{word}"),
        _ => text,
    }
}

fn words(name: &str) -> impl Iterator<Item = &str> {
    name.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty())
}
