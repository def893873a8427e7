//! The git directory that commands see: real enough to commit in, and never read back.

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::lchown;
use std::path::{Path, PathBuf};

use crate::checkout::{Owner, make_owned_dir};
use crate::objects::Oid;
use crate::repository::Author;

/// The branch that HEAD is on inside.
const BRANCH: &str = "refs/heads/aamas-work";

/// What goes into it.
pub(crate) struct Parts<'a> {
    /// The base commit.
    pub(crate) head: Oid,
    /// An index that matches the base's checkout.
    pub(crate) index: &'a Path,
    /// Who commits.
    pub(crate) author: &'a Author,
    /// Ignore rules beside those in the tree.
    pub(crate) excludes: &'a [u8],
    /// Where existing objects are seen.
    pub(crate) alternates: &'a str,
    /// Where history ends, if it is cut.
    pub(crate) shallow: &'a Path,
}

/// Makes the directory; HEAD comes last, because its presence says that the rest is there.
pub(crate) fn make(dir: &Path, parts: &Parts<'_>, owner: Owner) -> io::Result<()> {
    let directories = [
        "",
        "hooks",
        "info",
        "logs",
        "objects",
        "objects/info",
        "objects/pack",
        "refs",
        "refs/heads",
        "refs/tags",
    ];
    for sub in directories {
        make_owned_dir(&dir.join(sub), owner)?;
    }
    let write = |name: &str, content: &[u8]| give(&dir.join(name), content, owner);
    write("config", config(parts.author).as_bytes())?;
    write("info/exclude", parts.excludes)?;
    write("objects/info/alternates", format!("{}\n", parts.alternates).as_bytes())?;
    write(BRANCH, format!("{}\n", parts.head).as_bytes())?;
    if parts.shallow.exists() {
        write("shallow", &fs::read(parts.shallow)?)?;
    }
    copy(parts.index, &dir.join("index"), owner)?;
    write("HEAD", format!("ref: {BRANCH}\n").as_bytes())
}

/// No remotes, no credentials, nothing that runs. Times and sizes are all that an entry of the index is compared by:
/// inode numbers and change times differ under overlayfs.
fn config(author: &Author) -> String {
    format!(
        "[core]\n\trepositoryformatversion = 0\n\tfilemode = true\n\tbare = false\n\tlogallrefupdates = true\n\
         \tcheckStat = minimal\n\ttrustctime = false\n\tfsync = none\n[gc]\n\tauto = 0\n[maintenance]\n\tauto = false\n\
         [user]\n\tname = {}\n\temail = {}\n[commit]\n\tgpgSign = false\n",
        quoted(&author.name),
        quoted(&author.email)
    )
}

fn quoted(value: &str) -> String {
    format!("\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', " "))
}

fn give(path: &PathBuf, content: &[u8], owner: Owner) -> io::Result<()> {
    let mut file = fs::File::create(path)?;
    file.write_all(content)?;
    owned(path, owner)
}

fn copy(from: &Path, to: &PathBuf, owner: Owner) -> io::Result<()> {
    fs::copy(from, to)?;
    owned(to, owner)
}

fn owned(path: &Path, owner: Owner) -> io::Result<()> {
    owner.map_or(Ok(()), |(uid, gid)| lchown(path, Some(uid), Some(gid)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_with_quotes_stay_one_value() {
        assert_eq!(quoted("a \"b\" \\ c"), r#""a \"b\" \\ c""#);
    }
}
