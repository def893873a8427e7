//! Every candidate is Python: the project's own interpreter takes each of them.

use std::collections::BTreeSet;

use sandbox::{Command, Exec};
use testkit::bare::BareDir;

use super::{Hints, candidates};
use crate::edit::apply;
use crate::localize::localize;
use crate::source::SourceFile;
use crate::survey::{Survey, Test, TestOutcome};

/// Reads texts from standard input and prints those that don't parse.
const PARSE: &str = "\
import ast, difflib, json, sys, warnings
warnings.simplefilter('ignore')
before, texts = json.load(sys.stdin)
for text in texts:
    try:
        ast.parse(text)
    except SyntaxError as error:
        lines = difflib.unified_diff(before.splitlines(), text.splitlines(), lineterm='', n=0)
        print(error, [l for l in lines if not l.startswith(('---', '+++', '@@'))])
";

/// The candidates for a module of which a failing test runs every line.
fn texts(module: &str) -> Vec<String> {
    let files = [SourceFile::parse("module.py", module)];
    let lines: BTreeSet<u32> = (1..=module.lines().count() as u32).collect();
    let test = Test {
        outcome: TestOutcome::Failed,
        lines: Some([("module.py".to_owned(), lines)].into()),
        kind: "AssertionError".into(),
        message: "'a_b' != 'a-b'".into(),
        ..Test::default()
    };
    let survey = Survey { tests: vec![test], ..Survey::default() };
    let hints = Hints::gather(&survey, &[0], &[]);
    let found = candidates(&files, &localize(&survey, &[0], &files), &hints, 6000);
    found.iter().map(|c| apply(module, &c.replacements)).collect()
}

const ODD: &str = r##"
import re
from os import path as p

TABLE = {"a": 1, 'b': (2, -3), **{}}
PATTERN = re.compile(r"^(\d+)\s*[a-z]$", re.I)


class Base(object):
    kind: str = "base"

    def __init__(self, *items, sep=", ", **more):
        self.items, self.sep = list(items), sep
        self.more = more or {}

    @property
    def size(self): return len(self.items)

    def show(self, deep=False, seen=[]):
        """Text."""
        for number, item in enumerate(self.items, 1):
            if not deep and number > 3 or item is None: continue
            elif isinstance(item, (list, tuple)):
                yield f"{item[0]!r:>{number}} {self.more['a']}"
            else:
                yield from (x for x in item if x)
        else:
            print("end\n", 'it\'s', sep='')

    async def fetch(self, url, *, limit=10):
        async with self.open(url) as stream:
            data = [row async for row in stream if row]
        try:
            return await data[-1:0:-1]
        except (KeyError, ValueError) as error:
            raise RuntimeError("bad \\ \x41") from error
        finally:
            del data[0]


def outer(a, b=1, /, c=None):
    total = a if b else c
    total += 1; b = 2
    def inner(x, y=lambda z: z + 1):
        nonlocal total
        total = y(x) ** -2 // 3 % 4
        return x, total
    with open(p.join(a, "x")) as f, open(b) as g:
        while (line := f.readline()) and 0 < b <= 10 != c:
            if line[1:].startswith("#") is not False \
                    and b:
                assert line, "no line"
            g.write(line * 2)
    return inner(*a, **{"y": b})[0] if a and not (b or c) else -a
"##;

#[tokio::test]
async fn every_candidate_parses() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/cases");
    let exec = BareDir::new(&folder, &[]);
    let mut modules = vec![("odd".to_owned(), ODD.to_owned())];
    for entry in std::fs::read_dir(&folder).expect("the cases are there") {
        let path = entry.expect("an entry").path();
        let text = std::fs::read_to_string(&path).expect("readable");
        let module = text.split("# --- tests").next().unwrap_or(&text).to_owned();
        if !path.ends_with("syntax_error.py") {
            modules.push((path.display().to_string(), module));
        }
    }
    let (mut count, mut bad) = (0, String::new());
    for (name, module) in modules {
        let texts = texts(&module);
        count += texts.len();
        let input = serde_json::to_vec(&(&module, &texts)).expect("texts are JSON");
        let output =
            exec.exec(Command::argv(["python3", "-c", PARSE]).stdin(input)).await.expect("python3 runs");
        bad.extend(output.stdout.text().lines().map(|l| format!("{name}: {l}\n")));
    }
    assert!(count > 5000, "{count} candidates");
    assert!(bad.is_empty(), "of {count} candidates:\n{bad}");
}
