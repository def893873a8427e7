//! What the nodes of each grammar define.

use tree_sitter::Node;

use super::SymbolKind::{self, *};
use crate::language::Language;

/// What a node means.
#[derive(Default)]
pub(super) struct Role<'tree> {
    /// The names that it defines.
    pub(super) names: Vec<Name<'tree>>,
    /// The scope that it opens.
    pub(super) scope: Option<Scope>,
}

/// A name that is defined.
pub(super) struct Name<'tree> {
    pub(super) node: Node<'tree>,
    pub(super) kind: SymbolKind,
    /// Where the node itself names its container, as a Go receiver does.
    pub(super) container: Option<String>,
}

/// What other definitions may stand in.
pub(super) enum Scope {
    Type(String),
    Module(String),
    Function(Option<String>),
}

impl<'tree> Role<'tree> {
    fn define(kind: SymbolKind, node: Option<Node<'tree>>) -> Self {
        Self {
            names: node.map(|node| Name { node, kind, container: None }).into_iter().collect(),
            scope: None,
        }
    }

    fn open(mut self, source: &[u8], scope: fn(String) -> Scope) -> Self {
        self.scope = self.names.first().and_then(|name| text(name.node, source)).map(scope);
        self
    }

    /// Opens a function's scope, which hides its variables even when the function has no name.
    fn function(kind: SymbolKind, node: Option<Node<'tree>>, source: &[u8]) -> Self {
        let scope = Some(Scope::Function(node.and_then(|node| text(node, source))));
        Self { scope, ..Self::define(kind, node) }
    }
}

/// The innermost scope that has a name.
pub(super) fn container<'a>(scopes: impl DoubleEndedIterator<Item = &'a Scope>) -> Option<String> {
    scopes.rev().find_map(|scope| match scope {
        Scope::Type(name) | Scope::Module(name) => Some(name.clone()),
        Scope::Function(name) => name.clone(),
    })
}

/// What a node defines, and the scope that it opens.
pub(super) fn role<'tree>(
    language: Language,
    node: Node<'tree>,
    source: &[u8],
    scope: Option<&Scope>,
) -> Role<'tree> {
    match language {
        Language::Python => python(node, source, scope),
        Language::JavaScript | Language::TypeScript | Language::Tsx => javascript(node, source, scope),
        Language::Rust => rust(node, source, scope),
        Language::Go => go(node, source, scope),
        Language::Java => java(node, source),
    }
}

fn python<'tree>(node: Node<'tree>, source: &[u8], scope: Option<&Scope>) -> Role<'tree> {
    let name = || node.child_by_field_name("name");
    match node.kind() {
        "class_definition" => Role::define(Class, name()).open(source, Scope::Type),
        "function_definition" => Role::function(function_or_method(scope), name(), source),
        "lambda" => Role::function(Function, None, source),
        "type_alias_statement" => Role::define(Type, node.child_by_field_name("left")),
        "assignment" if !in_function(scope) => {
            let left = node.child_by_field_name("left").filter(|left| left.kind() == "identifier");
            let constant = left.and_then(|left| text(left, source)).is_some_and(|name| is_upper(&name));
            Role::define(if constant { Constant } else { Variable }, left)
        }
        _ => Role::default(),
    }
}

fn javascript<'tree>(node: Node<'tree>, source: &[u8], scope: Option<&Scope>) -> Role<'tree> {
    let name = || node.child_by_field_name("name");
    match node.kind() {
        "function_declaration" | "generator_function_declaration" | "function_signature" => {
            Role::function(Function, name(), source)
        }
        "class_declaration" | "abstract_class_declaration" | "class" => {
            Role::define(Class, name()).open(source, Scope::Type)
        }
        "method_definition" | "method_signature" | "abstract_method_signature" => {
            Role::function(Method, name(), source)
        }
        "interface_declaration" => Role::define(Interface, name()).open(source, Scope::Type),
        "type_alias_declaration" => Role::define(Type, name()),
        "enum_declaration" => Role::define(Enum, name()).open(source, Scope::Type),
        "internal_module" | "module" => Role::define(Module, name()).open(source, Scope::Module),
        "public_field_definition" | "field_definition" => {
            let name = name().or_else(|| node.child_by_field_name("property"));
            let kind = if is_function(node.child_by_field_name("value")) { Method } else { Variable };
            Role::define(kind, name)
        }
        "variable_declarator" => declarator(node, name(), scope),
        "assignment_expression" => assigned_member(node, source),
        "arrow_function" | "function_expression" | "generator_function" => {
            Role::function(Function, None, source)
        }
        _ => Role::default(),
    }
}

fn declarator<'tree>(node: Node<'tree>, name: Option<Node<'tree>>, scope: Option<&Scope>) -> Role<'tree> {
    let name = name.filter(|name| name.kind() == "identifier");
    let is_const =
        node.parent().and_then(|parent| parent.child(0)).is_some_and(|word| word.kind() == "const");
    match node.child_by_field_name("value") {
        value if is_function(value) => Role::define(Function, name),
        Some(value) if value.kind() == "class" => Role::define(Class, name),
        _ if in_function(scope) => Role::default(),
        _ => Role::define(if is_const { Constant } else { Variable }, name),
    }
}

/// `exports.name = function …` and `Type.prototype.name = function …`.
fn assigned_member<'tree>(node: Node<'tree>, source: &[u8]) -> Role<'tree> {
    let left = node.child_by_field_name("left").filter(|left| left.kind() == "member_expression");
    let (Some(left), true) = (left, is_function(node.child_by_field_name("right"))) else {
        return Role::default();
    };
    let object =
        left.child_by_field_name("object").and_then(|object| text(object, source)).unwrap_or_default();
    let exported = object == "exports" || object == "module.exports";
    let mut role =
        Role::define(if exported { Function } else { Method }, left.child_by_field_name("property"));
    let plain = |object: &str| object.chars().all(|c| c.is_alphanumeric() || matches!(c, '.' | '_' | '$'));
    if let Some(name) = role.names.first_mut().filter(|_| !exported && plain(&object)) {
        name.container = Some(object.trim_end_matches(".prototype").to_owned());
    }
    role
}

fn rust<'tree>(node: Node<'tree>, source: &[u8], scope: Option<&Scope>) -> Role<'tree> {
    let name = || node.child_by_field_name("name");
    match node.kind() {
        "function_item" | "function_signature_item" => {
            Role::function(function_or_method(scope), name(), source)
        }
        "macro_definition" => Role::define(Function, name()),
        "struct_item" | "union_item" => Role::define(Struct, name()),
        "enum_item" => Role::define(Enum, name()),
        "trait_item" => Role::define(Trait, name()).open(source, Scope::Type),
        "type_item" | "associated_type" => Role::define(Type, name()),
        "const_item" if !in_function(scope) => Role::define(Constant, name()),
        "static_item" if !in_function(scope) => Role::define(Variable, name()),
        "mod_item" => Role::define(Module, name()).open(source, Scope::Module),
        "closure_expression" => Role::function(Function, None, source),
        "impl_item" => {
            let name = node.child_by_field_name("type").and_then(|of| text(base_type(of), source));
            Role { scope: name.map(Scope::Type), ..Role::default() }
        }
        _ => Role::default(),
    }
}

fn go<'tree>(node: Node<'tree>, source: &[u8], scope: Option<&Scope>) -> Role<'tree> {
    let name = || node.child_by_field_name("name");
    match node.kind() {
        "function_declaration" => Role::function(Function, name(), source),
        "method_declaration" => {
            let mut role = Role::function(Method, name(), source);
            if let Some(name) = role.names.first_mut() {
                name.container = receiver(node, source);
            }
            role
        }
        "method_elem" => Role::define(Method, name()),
        "func_literal" => Role::function(Function, None, source),
        "type_alias" => Role::define(Type, name()),
        "type_spec" => {
            let kind = match node.child_by_field_name("type").map(|of| of.kind()) {
                Some("struct_type") => Struct,
                Some("interface_type") => Interface,
                _ => Type,
            };
            Role::define(kind, name()).open(source, Scope::Type)
        }
        "const_spec" | "var_spec" if !in_function(scope) => {
            let kind = if node.kind() == "const_spec" { Constant } else { Variable };
            let mut cursor = node.walk();
            let names = node.children_by_field_name("name", &mut cursor);
            let names = names.filter(|name| name.kind() == "identifier");
            Role { names: names.map(|node| Name { node, kind, container: None }).collect(), scope: None }
        }
        _ => Role::default(),
    }
}

fn java<'tree>(node: Node<'tree>, source: &[u8]) -> Role<'tree> {
    let name = || node.child_by_field_name("name");
    match node.kind() {
        "class_declaration" | "record_declaration" => Role::define(Class, name()).open(source, Scope::Type),
        "interface_declaration" | "annotation_type_declaration" => {
            Role::define(Interface, name()).open(source, Scope::Type)
        }
        "enum_declaration" => Role::define(Enum, name()).open(source, Scope::Type),
        "enum_constant" => Role::define(Constant, name()),
        "method_declaration" | "constructor_declaration" | "compact_constructor_declaration" => {
            Role::function(Method, name(), source)
        }
        "lambda_expression" => Role::function(Function, None, source),
        "field_declaration" | "constant_declaration" => {
            let words =
                node.child(0).filter(|first| first.kind() == "modifiers").and_then(|w| text(w, source));
            let constant = node.kind() == "constant_declaration"
                || words.is_some_and(|words| words.contains("static") && words.contains("final"));
            let kind = if constant { Constant } else { Variable };
            let mut cursor = node.walk();
            let declared = node.children_by_field_name("declarator", &mut cursor);
            let names = declared.filter_map(|one| one.child_by_field_name("name"));
            Role { names: names.map(|node| Name { node, kind, container: None }).collect(), scope: None }
        }
        _ => Role::default(),
    }
}

fn function_or_method(scope: Option<&Scope>) -> SymbolKind {
    if matches!(scope, Some(Scope::Type(_))) { Method } else { Function }
}

fn in_function(scope: Option<&Scope>) -> bool {
    matches!(scope, Some(Scope::Function(_)))
}

fn is_function(node: Option<Node>) -> bool {
    node.is_some_and(|node| {
        matches!(node.kind(), "arrow_function" | "function_expression" | "generator_function")
    })
}

fn is_upper(name: &str) -> bool {
    name.chars().any(char::is_uppercase) && !name.chars().any(char::is_lowercase)
}

/// `Foo` of `Foo<T>`, `path::Foo` and `&Foo`.
fn base_type(node: Node) -> Node {
    let inner = match node.kind() {
        "generic_type" | "reference_type" => node.child_by_field_name("type"),
        "scoped_type_identifier" => node.child_by_field_name("name"),
        _ => None,
    };
    inner.map_or(node, |inner| if inner.kind() == node.kind() { inner } else { base_type(inner) })
}

fn receiver(node: Node, source: &[u8]) -> Option<String> {
    let text = text(node.child_by_field_name("receiver")?, source)?;
    let of = text.trim_matches(['(', ')']).rsplit([' ', '*']).next()?.to_owned();
    Some(of.split('[').next().unwrap_or(&of).to_owned())
}

fn text(node: Node, source: &[u8]) -> Option<String> {
    node.utf8_text(source).ok().map(str::to_owned)
}
