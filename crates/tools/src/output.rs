//! What a model reads of a command's output.

use sandbox::{Captured, End, Output};

use crate::page;
use crate::result::ToolResult;

/// How much of a command's output a model reads at once, in bytes. A stream of more than half of it may be shown in
/// part: whoever renders it stores its [`Captured::text`] whole, so that the rest can be read as an [`OutputRef`].
pub const OUTPUT_BOUND: usize = 16 * 1024;

/// How a path begins that means stored output.
const PREFIX: &str = "@output/";
/// What overlayfs answers when a directory of its lower layer is renamed.
const EXDEV: &str = "Invalid cross-device link";

/// Output that was stored: `@output/<call-id>.stdout` and `@output/<call-id>.stderr`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutputRef {
    /// The call that made it.
    pub call_id: String,
    /// Which of its streams.
    pub stream: sandbox::Stream,
}

impl OutputRef {
    /// Reads a path; `None` if it means a file. Only letters, digits, `-`, `_`, `.` and `:` can be in an id.
    #[must_use]
    pub fn parse(path: &str) -> Option<Self> {
        let (call_id, stream) = path.strip_prefix(PREFIX)?.rsplit_once('.')?;
        let stream = match stream {
            "stdout" => sandbox::Stream::Stdout,
            "stderr" => sandbox::Stream::Stderr,
            _ => return None,
        };
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_.:".contains(c);
        (!call_id.is_empty() && call_id.chars().all(plain))
            .then(|| Self { call_id: call_id.to_owned(), stream })
    }
}

/// Renders a command's outcome: a line on how it ended, its output, its errors, each cut in the middle so that all of
/// it has about `bound` bytes. Control characters and terminal escapes are taken out. A non-zero exit code is a result,
/// a limit that was hit is an error.
#[must_use]
pub fn render_output(output: &Output, call_id: &str, bound: usize) -> ToolResult {
    let (stdout, stderr) = (plain(output.stdout.text().as_bytes()), plain(output.stderr.text().as_bytes()));
    let half = bound / 2;
    let (for_out, for_err) = if stdout.len() + stderr.len() <= bound {
        (stdout.len(), stderr.len())
    } else {
        (bound.saturating_sub(stderr.len()).max(half), bound.saturating_sub(stdout.len()).max(half))
    };
    let mut text = ending(output.end);
    let shown = part(&stdout, for_out, "stdout", call_id, stored(&output.stdout, bound));
    push_block(&mut text, &shown);
    if !stderr.trim().is_empty() {
        text.push_str("\n--- stderr");
        push_block(&mut text, &part(&stderr, for_err, "stderr", call_id, stored(&output.stderr, bound)));
    }
    if stdout.contains(EXDEV) || stderr.contains(EXDEV) {
        text.push_str("\nhint: directories that were here at the start can't be renamed; copy, then delete: cp -a OLD NEW && rm -r OLD");
    }
    ToolResult { text, is_error: !matches!(output.end, End::Exited(_) | End::Signaled(_)) }
}

/// A page of stored output, in the form of `read_file`: a header line and lines.
#[must_use]
pub fn page_text(label: &str, bytes: &[u8], offset: Option<u64>, limit: Option<u64>) -> ToolResult {
    let text = plain(bytes);
    match page::read(text.as_bytes(), offset, limit) {
        Ok(page) => match header(label, &page) {
            Ok(header) => ToolResult::done(format!("{header}\n{}", page.text)),
            Err(refusal) => ToolResult::failed(refusal),
        },
        Err(error) => ToolResult::failed(format!("cannot read {label}: {error}")),
    }
}

/// The line above a page; a refusal when there is no such page.
pub(crate) fn header(label: &str, page: &page::Page) -> Result<String, String> {
    if page.total == Some(0) {
        return Ok(format!("{label} is empty"));
    }
    if page.last < page.first {
        let total = page.total.unwrap_or(0);
        return Err(format!("{label} has {total} lines; offset {} is past its end", page.first));
    }
    let mut header = match page.total {
        Some(total) if page.first == 1 && page.last == total => format!("{label} {total} lines"),
        Some(total) => format!("{label} lines {}-{} of {total}", page.first, page.last),
        None => format!("{label} lines {}-{} of many", page.first, page.last),
    };
    if page.more {
        header.push_str(&format!("; more: offset={}", page.last + 1));
    }
    if page.has_crlf {
        header.push_str("; CRLF line ends");
    }
    if page.lacks_final_line_feed {
        header.push_str("; no final newline");
    }
    if page.is_lossy {
        header.push_str("; not UTF-8, other bytes shown as \u{fffd}");
    }
    if let Some(line) = page.cut_line {
        header.push_str(&format!(
            "; long lines cut, for the rest run_command: sed -n {line}p FILE | cut -b 4001-8000"
        ));
    }
    Ok(header)
}

/// Text without terminal escapes and control characters; what a carriage return would overwrite is left out. The number
/// of lines stays.
pub(crate) fn plain(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let mut out = String::with_capacity(text.len());
    let mut line_begin = 0;
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '\n' => {
                out.push('\n');
                line_begin = out.len();
            }
            '\t' => out.push('\t'),
            '\r' => {
                while characters.next_if_eq(&'\r').is_some() {}
                if !matches!(characters.peek(), None | Some('\n')) {
                    out.truncate(line_begin);
                }
            }
            '\u{8}' if out.len() > line_begin => drop(out.pop()),
            '\u{1b}' => skip_escape(&mut characters),
            character if character.is_control() => {}
            character => out.push(character),
        }
    }
    out
}

/// Skips an escape sequence, ESC itself being read: CSI, the string sequences (OSC, DCS, …) and the short ones. A line
/// feed ends any of them, so that a broken one can't swallow the output.
fn skip_escape(characters: &mut std::iter::Peekable<std::str::Chars>) {
    match characters.next_if(|c| *c != '\n') {
        Some('[') => while characters.next_if(|c| matches!(c, ' '..='?')).is_some() {},
        Some(']' | 'P' | 'X' | '^' | '_') => {
            while let Some(character) = characters.next_if(|c| *c != '\n') {
                match character {
                    '\u{7}' => return,
                    '\u{1b}' => break,
                    _ => {}
                }
            }
        }
        Some(' '..='/') => while characters.next_if(|c| matches!(c, ' '..='/')).is_some() {},
        _ => return,
    }
    characters.next_if(|c| matches!(c, '@'..='~' | '0'..='9'));
}

fn ending(end: End) -> String {
    match end {
        End::Exited(code) => format!("exit {code}"),
        End::Signaled(signal) => format!("ended by signal {signal}{}", signal_name(signal)),
        End::TimedOut => "timed out and was killed; raise timeout_s, or do less at once".to_owned(),
        End::OutOfMemory => "killed at the memory limit".to_owned(),
        End::OutputLimit => "killed for writing too much output; send it to a file or filter it".to_owned(),
        End::DiskLimit => "killed for filling the disk allowance".to_owned(),
        End::Canceled => "canceled".to_owned(),
    }
}

fn signal_name(signal: i32) -> &'static str {
    match signal {
        2 => " (SIGINT)",
        4 => " (SIGILL)",
        6 => " (SIGABRT)",
        8 => " (SIGFPE)",
        9 => " (SIGKILL)",
        11 => " (SIGSEGV)",
        13 => " (SIGPIPE)",
        15 => " (SIGTERM)",
        31 => " (SIGSYS: a call that the sandbox refuses)",
        _ => "",
    }
}

/// Whether a stream is stored, by the rule of [`OUTPUT_BOUND`].
fn stored(stream: &Captured, bound: usize) -> bool {
    stream.total_bytes > (bound / 2) as u64
}

fn push_block(text: &mut String, block: &str) {
    let block = block.trim_end();
    if !block.is_empty() {
        text.push('\n');
        text.push_str(block);
    }
}

/// A third of the room for the beginning and the rest for the end, at line borders where there are some.
fn part(text: &str, room: usize, stream: &str, call_id: &str, stored: bool) -> String {
    if text.len() <= room {
        return text.to_owned();
    }
    let head = &text[..text.floor_char_boundary(room / 3)];
    let head = head.rfind('\n').map_or(head, |at| &head[..=at]);
    let from = text.ceil_char_boundary(text.len() - (room - room / 3));
    let tail = text[from..].split_once('\n').map_or(&text[from..], |(_, whole)| whole);
    let tail = if tail.is_empty() { &text[from..] } else { tail };
    let missing = text.len() - head.len() - tail.len();
    let (gap, rest) = if head.is_empty() || head.ends_with('\n') { ("", "") } else { ("\n", "\n") };
    let next = head.matches('\n').count() + 1;
    let how =
        if stored { format!(": read_file {PREFIX}{call_id}.{stream} offset={next}") } else { String::new() };
    format!(
        "{head}{gap}[… {missing} bytes left out{how} …]{rest}{}{tail}",
        if rest.is_empty() { "\n" } else { "" }
    )
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn output(end: End, stdout: &str, stderr: &str) -> Output {
        let captured =
            |text: &str| Captured { head: text.into(), tail: vec![], total_bytes: text.len() as u64 };
        Output {
            end,
            stdout: captured(stdout),
            stderr: captured(stderr),
            wall: Duration::ZERO,
            cpu: Duration::ZERO,
        }
    }

    fn text(end: End, stdout: &str, stderr: &str) -> String {
        render_output(&output(end, stdout, stderr), "c1", OUTPUT_BOUND).text
    }

    #[test]
    fn a_result_begins_with_how_it_ended() {
        assert_eq!(text(End::Exited(0), "", ""), "exit 0");
        assert_eq!(text(End::Exited(1), "a\nb\n\n", "bad\n"), "exit 1\na\nb\n--- stderr\nbad");
        assert_eq!(text(End::Signaled(11), "", ""), "ended by signal 11 (SIGSEGV)");
        let timed_out = render_output(&output(End::TimedOut, "so far", ""), "c1", OUTPUT_BOUND);
        assert_eq!(timed_out.text, "timed out and was killed; raise timeout_s, or do less at once\nso far");
        assert!(timed_out.is_error && !render_output(&output(End::Exited(9), "", ""), "c", 99).is_error);
    }

    #[test]
    fn long_output_keeps_both_ends_and_says_how_to_read_on() {
        let lines: String = (1..=5000).map(|n| format!("line {n}\n")).collect();
        let got = text(End::Exited(0), &lines, "oops\n");
        assert!(got.len() < OUTPUT_BOUND + 200, "{}", got.len());
        assert!(got.starts_with("exit 0\nline 1\n") && got.contains("\nline 5000\n--- stderr\noops"));
        let marker = got.lines().find(|line| line.starts_with("[…")).expect("a marker");
        let next: u64 = marker
            .split("offset=")
            .nth(1)
            .and_then(|n| n.split(' ').next())
            .expect("an offset")
            .parse()
            .expect("a number");
        assert!(
            got.contains(&format!("line {}\n[…", next - 1)) && marker.contains("read_file @output/c1.stdout")
        );
        let page = page_text("@output/c1.stdout", lines.as_bytes(), Some(next), Some(2));
        assert_eq!(
            page.text,
            format!(
                "@output/c1.stdout lines {next}-{} of 5000; more: offset={}\nline {next}\nline {}\n",
                next + 1,
                next + 2,
                next + 1
            )
        );

        let both = text(End::Exited(1), &lines, &lines);
        assert!(both.len() < OUTPUT_BOUND + 300 && both.contains("@output/c1.stderr"));
        let one_line = text(End::Exited(0), &"é".repeat(20_000), "");
        assert!(one_line.len() < OUTPUT_BOUND + 200 && one_line.contains("offset=1 …]"));
    }

    #[test]
    fn terminal_escapes_and_control_characters_go() {
        for (raw, want) in [
            ("\x1b[1;31mred\x1b[0m", "red"),
            ("\x1b]8;;http://x\x07link\x1b]8;;\x1b\\ end", "link end"),
            ("10%\r50%\r100%\ndone\r\n", "100%\ndone\n"),
            ("ab\x08c\x07\x00", "ac"),
            ("\x1b(Bplain\x1b=", "plain"),
            ("open \x1b]0;never closed\nnext", "open \nnext"),
            ("\u{9b}31mx", "31mx"),
            ("\x1b", ""),
            ("\x1b[", ""),
            ("tab\there", "tab\there"),
        ] {
            assert_eq!(plain(raw.as_bytes()), want, "{raw:?}");
        }
    }

    #[test]
    fn a_rename_across_layers_gets_a_hint() {
        let got = text(End::Exited(1), "", "mv: cannot move 'a' to 'b': Invalid cross-device link\n");
        assert!(got.lines().last().is_some_and(|line| line.starts_with("hint: ")));
    }

    #[test]
    fn references_are_told_from_paths() {
        let of = |path| OutputRef::parse(path).map(|of| (of.call_id, of.stream));
        assert_eq!(of("@output/call_1.stdout"), Some(("call_1".into(), sandbox::Stream::Stdout)));
        assert_eq!(of("@output/a.b:2.stderr"), Some(("a.b:2".into(), sandbox::Stream::Stderr)));
        for path in
            ["output/a.stdout", "@output/a", "@output/.stdout", "@output/../x.stdout", "@output/a/b.stdout"]
        {
            assert_eq!(of(path), None, "{path}");
        }
    }
}
