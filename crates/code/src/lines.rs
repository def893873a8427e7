//! Lines of bytes: where they begin, and how they end.

/// The lines of a source, their terminators included. An empty source has none.
pub(crate) fn lines(source: &[u8]) -> impl Iterator<Item = &[u8]> {
    source.split_inclusive(|byte| *byte == b'\n')
}

/// A line without its terminator.
pub(crate) fn bare(line: &[u8]) -> &[u8] {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    line.strip_suffix(b"\r").unwrap_or(line)
}

/// The number, from 1, of the line that holds the byte at `offset`.
pub(crate) fn line_at(source: &[u8], offset: usize) -> usize {
    1 + newlines(&source[..offset.min(source.len())])
}

/// How many line feeds there are.
pub(crate) fn newlines(source: &[u8]) -> usize {
    memchr::memchr_iter(b'\n', source).count()
}

/// Whether most lines end in CR LF.
pub(crate) fn is_crlf(source: &[u8]) -> bool {
    let crlf = source.windows(2).filter(|pair| *pair == b"\r\n").count();
    crlf * 2 > newlines(source)
}

/// Every bare LF made CR LF.
pub(crate) fn to_crlf(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len() + text.len() / 16);
    let mut before = 0;
    for &byte in text {
        if byte == b'\n' && before != b'\r' {
            out.push(b'\r');
        }
        out.push(byte);
        before = byte;
    }
    out
}

/// Every CR LF made LF.
pub(crate) fn to_lf(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    for &byte in text {
        if byte == b'\n' && out.last() == Some(&b'\r') {
            out.pop();
        }
        out.push(byte);
    }
    out
}

/// At most `most` bytes of a text as UTF-8 (invalid bytes replaced), cut between characters, with `…` where it was cut.
pub(crate) fn excerpt(bytes: &[u8], most: usize) -> String {
    if bytes.len() <= most {
        return String::from_utf8_lossy(bytes).into_owned();
    }
    let end = (0..=most).rev().find(|at| bytes[*at] & 0xC0 != 0x80).unwrap_or(0);
    String::from_utf8_lossy(&bytes[..end]).into_owned() + "…"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endings_are_told_and_changed() {
        assert!(is_crlf(b"a\r\nb\r\n") && !is_crlf(b"a\r\nb\nc\n") && !is_crlf(b"a"));
        assert_eq!(to_crlf(b"a\nb\r\nc"), b"a\r\nb\r\nc");
        assert_eq!(to_lf(b"a\nb\r\n\rc\r\r\n"), b"a\nb\n\rc\r\n");
        assert_eq!(bare(b"a\r\n"), b"a");
    }

    #[test]
    fn an_excerpt_is_cut_between_characters() {
        assert_eq!(excerpt("aé".as_bytes(), 2), "a…");
        assert_eq!(excerpt("aé".as_bytes(), 3), "aé");
        assert_eq!(excerpt(b"\x80\x80\x80", 1), "…");
    }
}
