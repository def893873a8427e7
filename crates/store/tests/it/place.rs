//! Where a store of a test lies, in words that can be passed to another process.

use std::path::{Path, PathBuf};

use store::{OpenOptions, Store, StoreError};

/// Which database a test is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Sqlite,
    Postgres,
}

impl Kind {
    /// By the module that a test stands in.
    pub(crate) fn of_module(path: &str) -> Self {
        if path.contains("::on_postgres::") { Self::Postgres } else { Self::Sqlite }
    }
}

/// A data directory, and the database if it is not in there.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    pub(crate) dir: PathBuf,
    pub(crate) url: Option<String>,
}

impl Place {
    /// A directory that holds everything.
    pub(crate) fn of(dir: &Path) -> Self {
        Self { dir: dir.to_owned(), url: None }
    }

    pub(crate) fn try_open(&self, options: OpenOptions) -> Result<Store, StoreError> {
        match &self.url {
            None => Store::open(&self.dir, options),
            Some(url) => Store::open_postgres(&self.dir, url, options),
        }
    }

    pub(crate) fn open(&self) -> Store {
        self.try_open(OpenOptions::default()).expect("it opens")
    }
}
