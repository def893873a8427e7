//! Files too big for a blob: chunks beside the mirror, and a short pointer blob in the tree.
//!
//! A chunk is named by its SHA-256, so a big file of which one part changes is stored once plus that part. The pointer's
//! text lists size and chunks; that a blob *is* a pointer is known from a marker under its object id, which only this code
//! writes, never from the text, which anyone may write into a file.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::SandboxError;
use crate::durable::{make_dirs, scratch_file, sync_dir, write_file};
use crate::objects::Oid;

/// From this size on, in bytes, a file is kept in chunks.
pub const LARGE_FILE_BYTES: u64 = 50 << 20;
/// Size of a chunk in bytes.
const CHUNK_BYTES: usize = 8 << 20;

/// The chunk store of one repository.
#[derive(Clone, Debug)]
pub(crate) struct LargeFiles {
    dir: PathBuf,
}

/// A large file's parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pointer {
    pub(crate) size: u64,
    chunks: Vec<String>,
}

impl LargeFiles {
    pub(crate) fn new(mirror_dir: &Path) -> Self {
        Self { dir: mirror_dir.join("large") }
    }

    /// Stores a file's content and hands back the text of its pointer; durable when it returns.
    pub(crate) fn store(&self, file: &mut File) -> Result<Vec<u8>, SandboxError> {
        self.store_chunks(file).map_err(|e| SandboxError::host("store a large file", e))
    }

    /// Marks a blob as a pointer.
    pub(crate) fn mark(&self, pointer: Oid) -> Result<(), SandboxError> {
        let marking = |e| SandboxError::host("mark a large file", e);
        let dir = self.dir.join("pointers");
        make_dirs(&dir).and_then(|()| write_file(&dir.join(pointer.to_string()), b"")).map_err(marking)
    }

    /// Whether there are any: without, no blob needs to be looked up.
    pub(crate) fn is_empty(&self) -> bool {
        !self.dir.exists()
    }

    /// Whether a blob is a pointer.
    pub(crate) fn is_pointer(&self, blob: Oid) -> bool {
        !self.is_empty() && self.dir.join("pointers").join(blob.to_string()).exists()
    }

    /// A pointer's text, read.
    pub(crate) fn parse(text: &[u8]) -> Option<Pointer> {
        let text = std::str::from_utf8(text).ok()?;
        let mut lines = text.lines();
        lines.next().filter(|l| *l == HEAD)?;
        let size = lines.next()?.strip_prefix("size ")?.parse().ok()?;
        let chunk = |line: &str| {
            line.strip_prefix("chunk ")
                .filter(|c| c.len() == 64 && c.bytes().all(|b| b.is_ascii_hexdigit()))
                .map(str::to_owned)
        };
        Some(Pointer { size, chunks: lines.map(chunk).collect::<Option<_>>()? })
    }

    /// Writes the content that a pointer stands for.
    pub(crate) fn write_to(&self, pointer: &Pointer, out: &mut impl Write) -> Result<(), SandboxError> {
        let mut written = 0;
        for chunk in &pointer.chunks {
            written += File::open(self.chunk_path(chunk))
                .and_then(|mut f| io::copy(&mut f, out))
                .map_err(|e| SandboxError::host(format!("read chunk {chunk} of a large file"), e))?;
        }
        if written == pointer.size {
            return Ok(());
        }
        Err(SandboxError::host("read a large file", io::Error::other("its chunks don't add up to its size")))
    }

    fn store_chunks(&self, file: &mut File) -> io::Result<Vec<u8>> {
        let (mut buffer, mut total, mut lines) = (vec![0; CHUNK_BYTES], 0, String::new());
        loop {
            let n = read_full(file, &mut buffer)?;
            if n == 0 {
                break;
            }
            total += n as u64;
            let name: String = Sha256::digest(&buffer[..n]).iter().map(|b| format!("{b:02x}")).collect();
            self.store_chunk(&name, &buffer[..n])?;
            lines.push_str(&format!("chunk {name}\n"));
        }
        Ok(format!("{HEAD}\nsize {total}\n{lines}").into_bytes())
    }

    fn store_chunk(&self, name: &str, data: &[u8]) -> io::Result<()> {
        let path = self.chunk_path(name);
        if path.exists() {
            return Ok(());
        }
        let dir = path.parent().expect("a chunk lies in a directory");
        make_dirs(dir)?;
        let (scratch, mut file) = scratch_file(dir, ".tmp_")?;
        let stored =
            file.write_all(data).and_then(|()| file.sync_all()).and_then(|()| fs::rename(&scratch, &path));
        if stored.is_err() {
            let _ = fs::remove_file(&scratch);
        }
        stored.and_then(|()| sync_dir(dir))
    }

    fn chunk_path(&self, name: &str) -> PathBuf {
        self.dir.join("chunks").join(&name[..2]).join(name)
    }
}

const HEAD: &str = "aamas large file, version 1";

fn read_full(file: &mut File, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match file.read(&mut buffer[filled..])? {
            0 => break,
            n => filled += n,
        }
    }
    Ok(filled)
}
