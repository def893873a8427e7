//! An export says what the rows say, and is verified alone.

use governance::{ExportError, FindingKind as K, MAX_LINE_BYTES, Report, verify_export};
use serde_json::Value;

use crate::fixture::{Log, TENANT, key, short};

fn verify(file: &[u8], outside: &[&str]) -> Report {
    verify_export(file, &[key(1).public()], outside).expect("an export")
}

#[test]
fn an_export_is_json_lines_that_anybody_can_read() {
    let log = Log::new(TENANT, 2, "true", &[2]);
    let file = String::from_utf8(log.export()).expect("text");
    let lines: Vec<Value> = file.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let kinds: Vec<&Value> = lines.iter().map(|line| &line["type"]).collect();
    assert_eq!(kinds, ["header", "checkpoint", "entry", "entry", "end"]);
    assert_eq!(lines[0]["format"], "aamas-audit/1");
    assert_eq!(lines[1]["note"], log.note(2));
    assert_eq!((&lines[3]["seq"], &lines[3]["payload"]["detail"]["n"]), (&2.into(), &2.into()));
    assert!(lines[2].get("columns").is_none());
    assert!(file.contains(&format!("\"payload\":{}", log.entries[1].payload)));
}

#[test]
fn the_file_alone_gives_the_report_of_the_rows() {
    let trusted = [key(1).public()];
    let outside = Log::usual().note(20);
    let damages: [fn(&mut Log); 9] = [
        |_| {},
        |log| log.entries[3].payload = "not JSON \u{0}\n".into(),
        |log| log.entries[3].payload = format!("{} ", log.entries[3].payload),
        |log| log.entries[3].payload = "\"{}\"".into(),
        |log| log.entries[3].action = "other".into(),
        |log| log.entries[3].hash = vec![1, 2, 3],
        |log| log.head = None,
        |log| log.checkpoints[1].note.insert(4, '\n'),
        |log| (log.entries[3].seq, log.head) = (i64::MIN, None),
    ];
    for (i, damage) in damages.iter().enumerate() {
        let mut log = Log::usual();
        damage(&mut log);
        let report = log.verify(&trusted, &[&outside]);
        assert_eq!(verify(&log.export(), &[&outside]), report, "case {i}");
        assert_eq!(report.is_whole(), i == 0, "case {i}");
    }
    let empty = Log::new(TENANT, 0, "true", &[]);
    assert!(verify(&empty.export(), &[]).is_whole());
}

#[test]
fn what_is_no_export_is_refused() {
    for file in
        ["", "\n", "{}\n", "{\"type\":\"header\"}\n", "{\"type\":\"header\",\"format\":\"aamas-audit/2\"}\n"]
    {
        let refused = verify_export(file.as_bytes(), &[], &[]);
        assert!(matches!(refused, Err(ExportError::NotAnExport)), "{file:?}: {refused:?}");
    }
}

#[test]
fn a_file_that_was_cut_or_continued_is_found() {
    let (log, file) = (Log::usual(), Log::usual().export());
    let outside = log.note(20);
    let lines: Vec<&[u8]> = file.split_inclusive(|byte| *byte == b'\n').collect();
    let unreadable = (K::Unreadable, Some(21), None);
    let without_end = verify(&lines[..lines.len() - 1].concat(), &[&outside]);
    assert_eq!(short(&without_end.findings), [unreadable, (K::Head, None, None)]);
    let half = verify(&file[..file.len() - 1], &[]);
    assert_eq!(short(&half.findings), [unreadable, (K::Head, None, None)]);
    let longer = verify(&[&file, &b"\n"[..]].concat(), &[]);
    assert_eq!(short(&longer.findings), [unreadable]);
    let huge = [lines[0], &vec![b'x'; MAX_LINE_BYTES + 9], b"\n", lines[5]].concat();
    assert_eq!(short(&verify(&huge, &[]).findings), [(K::Unreadable, None, None)]);
    let odd = [lines[0], b"{\"type\":\"other\"}\n{\"type\":\"entry\",\"seq\":1}\n\xff\n", lines[25]].concat();
    let report = verify(&odd, &[]);
    assert_eq!(short(&report.findings)[..3], [(K::Unreadable, None, None); 3], "{report:#?}");
}
