//! Schemas of JSON as types of Rust.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::naming::{pascal, snake};

/// A type, as it is written at its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Type {
    /// Any JSON.
    Value,
    /// `bool`, `String`, a number, `()`.
    Plain(&'static str),
    /// Of a body that is no JSON.
    Bytes,
    /// A list.
    List(Box<Type>),
    /// A map from names.
    Map(Box<Type>),
    /// One that may be missing or null.
    Option(Box<Type>),
    /// One that is defined.
    Named(String),
}

impl Type {
    /// The same, which may be missing; once.
    pub fn optional(self) -> Self {
        match self {
            already @ Self::Option(_) => already,
            other => Self::Option(Box::new(other)),
        }
    }

    /// The defined type that stands in it without a list or a map between.
    pub fn direct(&self) -> Option<&str> {
        match self {
            Self::Named(name) => Some(name),
            Self::Option(inner) => inner.direct(),
            _ => None,
        }
    }

    /// All defined types in it.
    pub fn names(&self) -> Option<&str> {
        match self {
            Self::Named(name) => Some(name),
            Self::Option(inner) | Self::List(inner) | Self::Map(inner) => inner.names(),
            _ => None,
        }
    }
}

/// A definition.
#[derive(Clone, Debug, PartialEq)]
pub struct Definition {
    /// What the document says of it.
    pub about: String,
    /// What it is.
    pub shape: Shape,
    /// Whether it is sent: then what is not given is left out.
    pub sent: bool,
}

/// What a definition is.
#[derive(Clone, Debug, PartialEq)]
pub enum Shape {
    /// Members.
    Struct(Vec<Field>),
    /// Words: how they are written, and how they are called. One that has a single word takes no other.
    Words(Vec<(String, String)>),
    /// One of several, by what fits first; `Other` at last.
    OneOf(Vec<(String, Type)>),
    /// Another name of a type.
    Alias(Type),
}

/// A member.
#[derive(Clone, Debug, PartialEq)]
pub struct Field {
    /// In Rust.
    pub name: String,
    /// On the wire.
    pub wire: String,
    /// What the document says of it.
    pub about: String,
    /// Its type.
    pub kind: Type,
    /// Whether its own members stand beside the others.
    pub flat: bool,
    /// Whether it has to lie elsewhere, as it may hold what it is in.
    pub boxed: bool,
}

/// All schemas, while they are being read.
pub struct Schemas<'d> {
    components: Map<String, Value>,
    definitions: BTreeMap<String, Definition>,
    document: &'d Value,
}

impl<'d> Schemas<'d> {
    /// Reads the components of a document.
    pub fn of(document: &'d Value) -> Result<Self, String> {
        let components = document["components"]["schemas"].as_object().cloned().unwrap_or_default();
        let mut all = Self { components, definitions: BTreeMap::new(), document };
        for (name, schema) in all.components.clone() {
            let rust = pascal(&name);
            if all.definitions.contains_key(&rust) {
                return Err(format!("{name}: another schema is called {rust}, too"));
            }
            let kind = all.named(&rust, &schema).map_err(|e| format!("{name}: {e}"))?;
            if kind != Type::Named(rust.clone()) {
                let about = about(&schema);
                all.definitions.insert(rust, Definition { about, shape: Shape::Alias(kind), sent: false });
            }
        }
        Ok(all)
    }

    /// The type of a schema; what has to be defined for it is called `hint`.
    pub fn kind(&mut self, schema: &Value, hint: &str) -> Result<Type, String> {
        if let Some(known) = self.same_component(schema) {
            return Ok(Type::Named(pascal(&known)));
        }
        // A component keeps its name, whatever stands in another one.
        let taken = self.components.keys().any(|name| pascal(name) == hint);
        if taken { self.named(&format!("{hint}Inline"), schema) } else { self.named(hint, schema) }
    }

    /// A component that says the same: lists have their items written out instead of referred to.
    fn same_component(&self, schema: &Value) -> Option<String> {
        schema.get("properties")?;
        self.components.iter().find(|(_, known)| *known == schema).map(|(name, _)| name.clone())
    }

    fn named(&mut self, name: &str, schema: &Value) -> Result<Type, String> {
        let Some(object) = schema.as_object() else {
            return if schema == &Value::Bool(true) {
                Ok(Type::Value)
            } else {
                Err(format!("not a schema: {schema}"))
            };
        };
        if let Some(reference) = object.get("$ref").and_then(Value::as_str) {
            let target = reference.strip_prefix("#/components/schemas/");
            let target = target.filter(|name| self.components.contains_key(*name));
            return Ok(Type::Named(pascal(target.ok_or_else(|| format!("nothing is at {reference}"))?)));
        }
        if let Some(parts) = object.get("allOf").and_then(Value::as_array) {
            return self.all_of(name, schema, parts);
        }
        let list = |word: &str| object.get(word).and_then(Value::as_array);
        if let Some(parts) = list("oneOf").or(list("anyOf")) {
            return self.one_of(name, schema, parts);
        }
        if let Some(word) = object.get("const").filter(|word| !word.is_null()) {
            return self.words(name, schema, std::slice::from_ref(word));
        }
        if let Some(words) = object.get("enum").and_then(Value::as_array) {
            return self.words(name, schema, words);
        }
        let (kinds, nullable) = kinds(object)?;
        let kind = match kinds.as_slice() {
            ["string"] => Type::Plain("String"),
            ["boolean"] => Type::Plain("bool"),
            ["number"] => Type::Plain("f64"),
            ["integer"] => Type::Plain(integer(object)),
            ["array"] => self.array(name, object)?,
            ["object"] => self.object(name, schema, object)?,
            [] if object.contains_key("properties") => self.object(name, schema, object)?,
            // Nothing said, or several kinds at once.
            _ => Type::Value,
        };
        Ok(if nullable { kind.optional() } else { kind })
    }

    fn array(&mut self, name: &str, object: &Map<String, Value>) -> Result<Type, String> {
        let items = match object.get("items") {
            Some(items) if !object.contains_key("prefixItems") => self.kind(items, &format!("{name}Item"))?,
            _ => Type::Value,
        };
        Ok(Type::List(Box::new(items)))
    }

    fn object(&mut self, name: &str, schema: &Value, object: &Map<String, Value>) -> Result<Type, String> {
        let more = match object.get("additionalProperties") {
            None | Some(Value::Bool(false)) => None,
            Some(Value::Bool(true)) => Some(Type::Value),
            Some(schema) => Some(self.kind(schema, &format!("{name}Value"))?),
        };
        match (object.contains_key("properties"), more) {
            (false, None) => Ok(Type::Value),
            (false, Some(kind)) => Ok(Type::Map(Box::new(kind))),
            (true, None) => {
                let fields = self.fields(name, object)?;
                self.define(name, schema, Shape::Struct(fields))
            }
            (true, Some(kind)) => {
                let mut fields = self.fields(name, object)?;
                let kind = Type::Map(Box::new(kind));
                fields.push(flat("additional_members", kind, "Members that have no place of their own."));
                self.define(name, schema, Shape::Struct(fields))
            }
        }
    }

    fn fields(&mut self, name: &str, object: &Map<String, Value>) -> Result<Vec<Field>, String> {
        let required: BTreeSet<&str> = object
            .get("required")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect();
        let mut fields: Vec<Field> = Vec::new();
        for (wire, schema) in object.get("properties").and_then(Value::as_object).into_iter().flatten() {
            let hint = format!("{name}{}", pascal(wire));
            let kind = self.kind(schema, &hint).map_err(|e| format!("{wire}: {e}"))?;
            let kind = if required.contains(wire.as_str()) { kind } else { kind.optional() };
            let field = Field {
                name: snake(wire),
                wire: wire.clone(),
                about: about(schema),
                kind,
                flat: false,
                boxed: false,
            };
            if fields.iter().any(|other| other.name == field.name) {
                return Err(format!("two members are called {}", field.name));
            }
            fields.push(field);
        }
        Ok(fields)
    }

    /// Members of all parts together. A part that is referred to stays what it is, its members beside the others.
    fn all_of(&mut self, name: &str, schema: &Value, parts: &[Value]) -> Result<Type, String> {
        if let [only] = parts
            && schema.get("properties").is_none()
        {
            return self.kind(only, name);
        }
        let mut fields: Vec<Field> = Vec::new();
        let own = schema.get("properties").is_some().then_some(schema);
        for (place, part) in parts.iter().chain(own).enumerate() {
            if part.get("properties").is_some() {
                fields.extend(self.fields(name, part.as_object().unwrap_or(&Map::new()))?);
                continue;
            }
            match self.kind(part, &format!("{name}Part{place}"))? {
                // A part that only describes.
                Type::Value => {}
                kind @ (Type::Named(_) | Type::Map(_)) => {
                    let called = kind.names().map_or_else(|| format!("part_{place}"), snake);
                    fields.push(flat(&called, kind, "Members that it shares with others of its kind."));
                }
                other => return Err(format!("{other:?} in allOf")),
            }
        }
        let plain: BTreeSet<_> = fields.iter().filter(|f| !f.flat).map(|f| f.name.clone()).collect();
        for field in fields.iter_mut().filter(|field| plain.contains(&field.name)) {
            if field.flat {
                field.name.push_str("_members");
            }
        }
        self.define(name, schema, Shape::Struct(fields))
    }

    /// One of several, null among them.
    fn one_of(&mut self, name: &str, schema: &Value, parts: &[Value]) -> Result<Type, String> {
        let (nulls, rest): (Vec<_>, Vec<_>) = parts.iter().partition(|part| part["type"] == "null");
        let kind = match rest.as_slice() {
            [] => Type::Value,
            [only] => self.kind(only, name)?,
            several => {
                let mut variants: Vec<(String, Type)> = Vec::new();
                for (place, part) in several.iter().enumerate() {
                    let title = part["title"].as_str().map(pascal);
                    let called = title.unwrap_or_else(|| format!("Variant{}", place + 1));
                    let kind = self.kind(part, &format!("{name}{called}"))?;
                    // Of several that only their conditions tell apart, one is enough.
                    if variants.iter().any(|(_, other)| *other == kind) {
                        continue;
                    }
                    let named = if part["title"].is_string() { called } else { variant_name(&kind, &called) };
                    let taken = named == "Other" || variants.iter().any(|(other, _)| *other == named);
                    variants.push((if taken { format!("{named}{}", place + 1) } else { named }, kind));
                }
                match variants.as_slice() {
                    [(_, only)] => only.clone(),
                    _ => self.define(name, schema, Shape::OneOf(variants))?,
                }
            }
        };
        Ok(if nulls.is_empty() { kind } else { kind.optional() })
    }

    fn words(&mut self, name: &str, schema: &Value, words: &[Value]) -> Result<Type, String> {
        let mut all: Vec<(String, String)> = Vec::new();
        for word in words.iter().filter(|word| !word.is_null()) {
            // Numbers and the like that are one of a few: the type alone.
            let Some(text) = word.as_str() else { return Ok(Type::Value) };
            let called = pascal(text);
            let taken = called == "Other" || all.iter().any(|(_, other)| *other == called);
            all.push((text.to_owned(), if taken { format!("{called}{}", all.len() + 1) } else { called }));
        }
        let kind = self.define(name, schema, Shape::Words(all))?;
        Ok(if words.iter().any(Value::is_null) { kind.optional() } else { kind })
    }

    fn define(&mut self, name: &str, schema: &Value, shape: Shape) -> Result<Type, String> {
        let definition = Definition { about: about(schema), shape, sent: false };
        match self.definitions.get(name) {
            Some(known) if *known != definition => Err(format!("{name} would be two different types")),
            _ => {
                self.definitions.insert(name.to_owned(), definition);
                Ok(Type::Named(name.to_owned()))
            }
        }
    }

    /// Marks a type, and all that it is made of, as one that is sent.
    pub fn is_sent(&mut self, kind: &Type) {
        let Some(name) = kind.names() else { return };
        let Some(definition) = self.definitions.get_mut(name) else { return };
        if std::mem::replace(&mut definition.sent, true) {
            return;
        }
        for inner in parts_of(&definition.shape.clone()) {
            self.is_sent(inner);
        }
    }

    /// What all operations share.
    pub fn document(&self) -> &'d Value {
        self.document
    }

    /// The definitions, with those in boxes that would hold themselves.
    pub fn finish(self) -> BTreeMap<String, Definition> {
        let edges: BTreeMap<String, Vec<String>> = self
            .definitions
            .iter()
            .map(|(name, d)| {
                let to = parts_of(&d.shape).filter_map(|kind| kind.direct().map(str::to_owned));
                (name.clone(), to.collect())
            })
            .collect();
        let mut all = self.definitions;
        for (name, definition) in &mut all {
            if let Shape::Struct(fields) = &mut definition.shape {
                for field in fields {
                    field.boxed = field.kind.direct().is_some_and(|to| reaches(&edges, to, name));
                }
            }
        }
        all
    }
}

fn reaches(edges: &BTreeMap<String, Vec<String>>, from: &str, to: &str) -> bool {
    let (mut seen, mut open) = (BTreeSet::new(), vec![from]);
    while let Some(name) = open.pop() {
        if name == to {
            return true;
        }
        if seen.insert(name) {
            open.extend(edges.get(name).into_iter().flatten().map(String::as_str));
        }
    }
    false
}

/// The types that a definition is made of.
pub fn parts_of(shape: &Shape) -> impl Iterator<Item = &Type> {
    let (fields, variants, alias) = match shape {
        Shape::Struct(fields) => (fields.as_slice(), [].as_slice(), None),
        Shape::OneOf(variants) => ([].as_slice(), variants.as_slice(), None),
        Shape::Alias(kind) => ([].as_slice(), [].as_slice(), Some(kind)),
        Shape::Words(_) => ([].as_slice(), [].as_slice(), None),
    };
    fields.iter().map(|f| &f.kind).chain(variants.iter().map(|(_, kind)| kind)).chain(alias)
}

fn flat(name: &str, kind: Type, about: &str) -> Field {
    Field {
        name: name.to_owned(),
        wire: String::new(),
        about: about.to_owned(),
        kind,
        flat: true,
        boxed: false,
    }
}

/// What a variant of a union is called: after its type.
fn variant_name(kind: &Type, otherwise: &str) -> String {
    match kind {
        Type::Named(name) => name.clone(),
        Type::Plain("String") => "Text".to_owned(),
        Type::Plain("bool") => "Bool".to_owned(),
        Type::Plain(_) => "Number".to_owned(),
        Type::List(_) => "List".to_owned(),
        Type::Map(_) => "Map".to_owned(),
        _ => otherwise.to_owned(),
    }
}

/// The kinds that a schema names, and whether null is among them.
fn kinds(object: &Map<String, Value>) -> Result<(Vec<&str>, bool), String> {
    let all: Vec<&str> = match object.get("type") {
        // A word of the schema that is null says nothing.
        None | Some(Value::Null) => Vec::new(),
        Some(Value::String(one)) => vec![one],
        Some(Value::Array(several)) => several.iter().filter_map(Value::as_str).collect(),
        Some(other) => return Err(format!("type {other}")),
    };
    let nullable = all.contains(&"null") || object.get("nullable") == Some(&Value::Bool(true));
    Ok((all.into_iter().filter(|kind| *kind != "null").collect(), nullable))
}

fn integer(object: &Map<String, Value>) -> &'static str {
    let unsigned = object.get("minimum").and_then(Value::as_f64).is_some_and(|least| least >= 0.0);
    match (object.get("format").and_then(Value::as_str), unsigned) {
        (Some("int32" | "uint32"), true) => "u32",
        (Some("int32"), false) => "i32",
        (Some("uint64" | "uint32"), false) | (_, true) => "u64",
        (_, false) => "i64",
    }
}

/// What a schema says of itself.
pub fn about(schema: &Value) -> String {
    schema["description"].as_str().unwrap_or_default().trim().to_owned()
}
