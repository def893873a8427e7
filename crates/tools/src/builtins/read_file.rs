//! `read_file`.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

use crate::arguments::ReadFile;
use crate::output::header;
use crate::page;
use crate::paths::{Access, Workspace, show};

/// How much is read from the file at once: enough to see whether it is binary, without a second read.
const BUFFER_BYTES: usize = 64 * 1024;

pub(super) fn run(root: &Path, arguments: &ReadFile) -> Result<String, String> {
    let workspace = Workspace::open(root)?;
    let path = workspace.path(&arguments.path, Access::Read)?;
    if path.as_os_str().is_empty() {
        return Err("the path is the workspace itself; use list_files".to_owned());
    }
    let file = workspace.files().open_read(&path).map_err(|error| workspace.refusal(&path, &error))?;
    let shown = show(&path);
    text(file, &shown, arguments).map_err(|error| format!("cannot read {shown}: {error}"))?
}

fn text(file: File, shown: &str, arguments: &ReadFile) -> std::io::Result<Result<String, String>> {
    let size_bytes = file.metadata()?.len();
    let mut reader = BufReader::with_capacity(BUFFER_BYTES, file);
    let start = reader.fill_buf()?;
    if code::tree::is_binary(start) {
        return Ok(Ok(format!("{shown} is binary: {}, {size_bytes} bytes", kind(start))));
    }
    let page = page::read(reader, arguments.offset, arguments.limit)?;
    Ok(header(shown, &page).map(|header| format!("{header}\n{}", page.text)))
}

/// What a binary file is, by its first bytes.
fn kind(start: &[u8]) -> &'static str {
    const KINDS: &[(&[u8], &str)] = &[
        (b"\x89PNG", "PNG image"),
        (b"\xff\xd8\xff", "JPEG image"),
        (b"GIF8", "GIF image"),
        (b"RIFF", "RIFF media"),
        (b"%PDF", "PDF"),
        (b"PK\x03\x04", "ZIP archive"),
        (b"\x1f\x8b", "gzip data"),
        (b"BZh", "bzip2 data"),
        (b"\xfd7zXZ", "xz data"),
        (b"\x28\xb5\x2f\xfd", "zstd data"),
        (b"\x7fELF", "ELF object"),
        (b"\0asm", "WebAssembly"),
        (b"SQLite format 3", "SQLite database"),
        (b"\xff\xfe", "UTF-16 text"),
        (b"\xfe\xff", "UTF-16 text"),
        (b"\xca\xfe\xba\xbe", "Java class"),
        (b"wOF", "font"),
    ];
    KINDS.iter().find(|(magic, _)| start.starts_with(magic)).map_or("unknown kind", |(_, name)| name)
}
