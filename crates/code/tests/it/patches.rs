//! Patches do what diffs say.

use std::path::Path;

use code::patch::{Change, parse};
use proptest::prelude::*;
use similar::TextDiff;

fn text() -> impl Strategy<Value = String> {
    let line = prop::sample::select(vec![
        "a\n",
        "b\n",
        "c\n",
        "\n",
        "a\r\n",
        "\r\n",
        "-- x\n",
        "++ y\n",
        "@@ -1 +1 @@\n",
        "é\n",
        " \n",
        "\\ z\n",
    ]);
    (prop::collection::vec(line, 0..30), prop::sample::select(vec!["", "end"]))
        .prop_map(|(lines, end)| lines.concat() + end)
}

fn diff(old: &str, new: &str, context: usize) -> Vec<u8> {
    let (old, new): (Vec<&str>, Vec<&str>) =
        (old.split_inclusive('\n').collect(), new.split_inclusive('\n').collect());
    let diff = TextDiff::configure().newline_terminated(true).diff_slices(&old, &new);
    diff.unified_diff().context_radius(context).header("a/f", "b/f").to_string().into_bytes()
}

fn apply(source: &[u8], patch: &[u8]) -> Vec<u8> {
    let changes = parse(patch).expect("a patch").plan(|_: &Path| Ok(Some(source.to_vec()))).expect("fits");
    match changes.into_iter().next() {
        Some(Change::Write { source, path, .. }) if path == Path::new("f") => source,
        other => panic!("not a change of f: {other:?}"),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(1500) })]

    #[test]
    fn applying_a_diff_gives_the_new_text(old in text(), new in text(), context in 0usize..4) {
        prop_assume!(old != new);
        let patch = diff(&old, &new, context);
        prop_assert_eq!(apply(old.as_bytes(), &patch), new.as_bytes(), "{}", String::from_utf8_lossy(&patch));
    }

    #[test]
    fn any_bytes_are_read_without_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = parse(&bytes);
    }

    #[test]
    fn any_mix_of_patch_lines_is_read_and_planned_without_panic(
        parts in prop::collection::vec(prop::sample::select(vec![
            "--- a/f\n", "+++ b/f\n", "@@ -1,2 +1,2 @@\n", "@@\n", "@@ -0,0 +1 @@\n", " a\n", "-a\n", "+b\n", "\n",
            "\\ No newline at end of file\n", "diff --git a/f b/g\n", "rename from f\n", "rename to g\n",
            "new file mode 100644\n", "deleted file mode 100644\n", "--- /dev/null\n", "+++ /dev/null\n",
            "@@ -99999999999999999999 +1 @@\n", "@@ -18446744073709551615,1 +1 @@\n", "--- \"a/\\\n", "+", "-",
        ]), 0..14),
        source in "[a-b\n]{0,12}",
    ) {
        if let Ok(patch) = parse(parts.concat().as_bytes()) {
            let _ = patch.plan(|_| Ok(Some(source.clone().into_bytes())));
            let _ = patch.plan(|_| Ok(None));
        }
    }
}
