//! Where the rows of a data directory are: the note that a server leaves there if they lie in another database.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use store::Store;

use crate::cli::DATABASE_VARIABLE;
use crate::refusal::Refusal;

/// The database that the rows of a data directory lie in, if a server noted one.
pub fn noted(data_dir: &Path) -> Result<Option<String>, Refusal> {
    let path = place(data_dir);
    match std::fs::read_to_string(&path) {
        Ok(text) => Ok(Some(text.lines().next().unwrap_or_default().trim().to_owned())),
        // What is wrong with the directory itself, the store says.
        Err(e) if matches!(e.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => Ok(None),
        Err(e) => Err(unusable("read", &path, &e)),
    }
}

/// Notes where the rows of a server lie, without the password, if they lie in another database.
pub fn note(data_dir: &Path, store: &Store) -> Result<(), Refusal> {
    let Some(address) = store.address() else { return Ok(()) };
    if noted(data_dir)?.as_deref() == Some(address) {
        return Ok(());
    }
    let (path, new) = (place(data_dir), data_dir.join("database.txt.new"));
    let text = format!(
        "{address}\n\nThe rows of this data directory lie in that database: `aamas serve` noted it. Commands on this \
         directory want its\naddress in {DATABASE_VARIABLE}. Without this file they work on aamas.db.\n"
    );
    // Whole or not at all: half an address would be taken for another one.
    let written = std::fs::write(&new, text).and_then(|()| std::fs::rename(&new, &path));
    written.map_err(|e| unusable("write", &path, &e))
}

/// Why nothing is done without the address of the rows: it would be done in a second place, which no server reads.
pub fn elsewhere(data_dir: &Path, address: &str) -> Refusal {
    let dir = data_dir.display();
    let hint = format!(
        "set {DATABASE_VARIABLE} to that address with its password, or ask the server with --server URL and AAMAS_TOKEN; \
         remove {} if it is no longer so",
        place(data_dir).display()
    );
    Refusal::usage(
        "rows_elsewhere",
        format!("the rows of {dir} lie in {address}, not in the directory"),
        hint,
    )
}

fn place(data_dir: &Path) -> PathBuf {
    data_dir.join("database.txt")
}

fn unusable(doing: &str, path: &Path, error: &std::io::Error) -> Refusal {
    let message = format!("cannot {doing} {}: {error}", path.display());
    Refusal::internal("data_dir_unwritable", message, "make the data directory readable and writable")
}
