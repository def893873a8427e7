use std::fs;

use super::*;

fn check(language: Language, source: &str, want: &[&str]) {
    let show = |s: &Symbol| {
        let name = s.container.as_ref().map_or(s.name.clone(), |container| format!("{container}.{}", s.name));
        format!("{}-{} {} {name}", s.start_line, s.end_line, s.kind.as_str())
    };
    let have = definitions(language, source.as_bytes());
    assert_eq!(have.iter().map(show).collect::<Vec<_>>(), want);
    let filtered = |s: &&Symbol| !Filter::new(&s.name).may_define(language, source.as_bytes());
    assert_eq!(have.iter().find(filtered), None, "a definition that the filter misses");
}

#[test]
fn python() {
    let source = "LIMIT = 3\nname: str = 'x'\n@deco\nclass A(B):\n    field = 1\n    async def go(self):\n        local = 2\n        def inner(): pass\n\ndef top():\n    return lambda: 1\na.b = 3\n";
    check(
        Language::Python,
        source,
        &[
            "1-1 constant LIMIT",
            "2-2 variable name",
            "4-8 class A",
            "5-5 variable A.field",
            "6-8 method A.go",
            "8-8 function go.inner",
            "10-11 function top",
        ],
    );
}

#[test]
fn javascript() {
    let source = "const A = 1;\nlet b = 2;\nexport const f = (x) => {\n  const local = 1;\n  const helper = () => 2;\n};\nclass C {\n  field = 1;\n  run = () => 2;\n  go() {}\n}\nfunction* gen() {}\nmodule.exports.out = function () {};\napp.prototype.use = function use() {};\n";
    check(
        Language::JavaScript,
        source,
        &[
            "1-1 constant A",
            "2-2 variable b",
            "3-6 function f",
            "5-5 function helper",
            "7-11 class C",
            "8-8 variable C.field",
            "9-9 method C.run",
            "10-10 method C.go",
            "12-12 function gen",
            "13-13 function out",
            "14-14 method app.use",
        ],
    );
}

#[test]
fn typescript() {
    let source = "interface I { go(x: number): void }\ntype T = string;\nenum E { A }\nnamespace N { export function f() {} }\nabstract class C<T> {\n  private x = 1;\n  abstract go(): void;\n}\ndeclare function d(): void;\n";
    let want = [
        "1-1 interface I",
        "1-1 method I.go",
        "2-2 type T",
        "3-3 enum E",
        "4-4 module N",
        "4-4 function N.f",
        "5-8 class C",
        "6-6 variable C.x",
        "7-7 method C.go",
        "9-9 function d",
    ];
    check(Language::TypeScript, source, &want);
    check(Language::Tsx, source, &want);
    check(Language::Tsx, "export const App = () => <div a={1}>x</div>;\n", &["1-1 function App"]);
}

#[test]
fn rust() {
    let source = "pub struct S<T>(T);\nimpl<T> fmt::Debug for S<T> {\n    const N: u8 = 1;\n    fn go(&self) { const L: u8 = 2; fn inner() {} }\n}\ntrait Tr { type Out; fn f(); }\nenum E { A }\nmod m { static X: u8 = 0; }\ntype Y = u8;\nmacro_rules! mac { () => {} }\nunion U { a: u8 }\n";
    check(
        Language::Rust,
        source,
        &[
            "1-1 struct S",
            "3-3 constant S.N",
            "4-4 method S.go",
            "4-4 function go.inner",
            "6-6 trait Tr",
            "6-6 type Tr.Out",
            "6-6 method Tr.f",
            "7-7 enum E",
            "8-8 module m",
            "8-8 variable m.X",
            "9-9 type Y",
            "10-10 function mac",
            "11-11 struct U",
        ],
    );
}

#[test]
fn go() {
    let source = "package p\n\nconst A, B = 1, 2\n\nvar x int\n\ntype S struct{}\n\ntype I interface{ Do() }\n\ntype Al = S\n\nfunc (s *S) Run() { var y int; _ = y }\n\nfunc Top() {}\n";
    check(
        Language::Go,
        source,
        &[
            "3-3 constant A",
            "3-3 constant B",
            "5-5 variable x",
            "7-7 struct S",
            "9-9 interface I",
            "9-9 method I.Do",
            "11-11 type Al",
            "13-13 method S.Run",
            "15-15 function Top",
        ],
    );
}

#[test]
fn java() {
    let source = "package p;\n@Ann\npublic class A {\n  static final int N = 1;\n  private int x, y;\n  A() {}\n  @Override\n  public void go() { int local = 1; }\n  enum E { ONE }\n  interface I { int K = 1; void f(); }\n  record R(int a) {}\n}\n";
    check(
        Language::Java,
        source,
        &[
            "2-12 class A",
            "4-4 constant A.N",
            "5-5 variable A.x",
            "5-5 variable A.y",
            "6-6 method A.A",
            "7-8 method A.go",
            "9-9 enum A.E",
            "9-9 constant E.ONE",
            "10-10 interface A.I",
            "10-10 constant I.K",
            "10-10 method I.f",
            "11-11 class A.R",
        ],
    );
}

#[test]
fn a_name_leads_to_its_definitions() {
    let dir = tempfile::tempdir().expect("temporary directory");
    fs::write(
        dir.path().join("a.py"),
        "class A:\n    def go(self, x):\n        pass\n\ndef go():\n    pass\n",
    )
    .expect("file");
    fs::write(dir.path().join("b.rs"), "fn main() { go(); }\n").expect("file");
    fs::write(dir.path().join("c.txt"), "go\n").expect("file");
    let find = |name, kind, limit| find_symbol(&Tree::plain(dir.path()), name, kind, limit);
    let lines = |found: &[Located]| found.iter().map(|l| l.symbol.start_line).collect::<Vec<_>>();

    let found = find("go", None, 9);
    assert_eq!((lines(&found.symbols), found.mentions, found.more), (vec![2, 5], 2, false));
    assert_eq!(found.symbols[0].symbol.signature, "def go(self, x):");
    assert_eq!(lines(&find("A.go", None, 9).symbols), [2]);
    assert_eq!(lines(&find("A::go", None, 9).symbols), [2]);
    assert_eq!(lines(&find("go", Some(SymbolKind::Function), 9).symbols), [5]);
    let found = find("go", Some(SymbolKind::Struct), 9);
    assert_eq!((lines(&found.symbols), lines(&found.others)), (vec![], vec![2, 5]));
    let found = find("go", None, 1);
    assert_eq!((lines(&found.symbols), found.more), (vec![2], true));
    assert_eq!(find("", None, 1).symbols, []);
}

#[test]
fn the_filter_leaves_out_mere_mentions() {
    for (language, source) in [
        (Language::Python, "x.go(1)\nif go == 2: pass\n"),
        (Language::Rust, "fn main() { go(); let x = go; }\n"),
        (Language::Go, "func main() { x.go() }\n"),
    ] {
        let filter = Filter::new("go");
        assert_eq!(
            (filter.mentions(source.as_bytes()), filter.may_define(language, source.as_bytes())),
            (true, false),
            "{source}"
        );
    }
}

#[test]
fn hostile_sources_are_survived() {
    let deep = "(".repeat(50_000);
    for language in [Language::Python, Language::JavaScript, Language::Rust, Language::Go, Language::Java] {
        assert_eq!(definitions(language, deep.as_bytes()), []);
        assert_eq!(definitions(language, &[0xff; 1000]), []);
    }
}
