//! The installation's signing key: made on first use, readable by its owner alone, its public half beside it.

use std::fs::{DirBuilder, File, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use evidence::{PublicKey, SigningKey};

use crate::{Engine, EngineError};

/// Directory of keys below the data directory.
const DIR: &str = "keys";
const PRIVATE: &str = "signing.key";
const PUBLIC: &str = "signing.pub";
/// Files that this process wrote beside their place.
static FILES: AtomicU64 = AtomicU64::new(0);

/// Where the public key of an installation lies: 64 hexadecimal digits and a line feed.
#[must_use]
pub fn public_key_path(data_dir: &Path) -> PathBuf {
    data_dir.join(DIR).join(PUBLIC)
}

impl Engine {
    /// The installation's private key, PKCS #8, made if there is none: for what else is signed in its name.
    ///
    /// # Errors
    /// The key's file can't be made, read or protected.
    pub fn signing_document(&self) -> Result<Vec<u8>, EngineError> {
        signing_key(self)?;
        let path = self.data_dir.join(DIR).join(PRIVATE);
        let doing = || format!("read the signing key {}", path.display());
        std::fs::read(&path).map_err(|source| EngineError::Host { doing: doing(), source })
    }
}

/// The installation's key, made if there is none. Processes that make one at once end up with the same.
pub(crate) fn signing_key(engine: &Engine) -> Result<SigningKey, EngineError> {
    let dir = engine.data_dir.join(DIR);
    let failed = |what: &str, at: &Path, source| EngineError::Host {
        doing: format!("{what} the signing key {}", at.display()),
        source,
    };
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(&dir)
        .map_err(|e| failed("make room for", &dir, e))?;
    std::fs::set_permissions(&dir, Permissions::from_mode(0o700)).map_err(|e| failed("protect", &dir, e))?;
    let path = dir.join(PRIVATE);
    if !path.exists() {
        make(engine, &path).map_err(|e| failed("make", &path, e))?;
    }
    let document = std::fs::read(&path).map_err(|e| failed("read", &path, e))?;
    std::fs::set_permissions(&path, Permissions::from_mode(0o600))
        .map_err(|e| failed("protect", &path, e))?;
    let key = SigningKey::from_pkcs8(&document).map_err(|_| EngineError::SigningKey(path))?;
    let public = dir.join(PUBLIC);
    publish(&public, key.public()).map_err(|e| failed("write the public half of", &public, e))?;
    Ok(key)
}

fn make(engine: &Engine, path: &Path) -> io::Result<()> {
    let mut seed = [0; 32];
    seed.chunks_mut(8).for_each(|part| part.copy_from_slice(&(engine.random_u64)().to_le_bytes()));
    let document = SigningKey::generate(&seed).and_then(|key| key.to_pkcs8()).map_err(io::Error::other)?;
    let scratch = scratch(path);
    let written = write_new(&scratch, &document, 0o600)
        // Unlike a rename this does not take the place of a key that another process has just put there.
        .and_then(|()| match std::fs::hard_link(&scratch, path) {
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            other => other,
        });
    let _ = std::fs::remove_file(&scratch);
    written?;
    path.parent().map_or(Ok(()), |dir| File::open(dir)?.sync_all())
}

fn publish(path: &Path, key: PublicKey) -> io::Result<()> {
    let text = format!("{key}\n");
    if std::fs::read_to_string(path).is_ok_and(|there| there == text) {
        return Ok(());
    }
    replace(path, text.as_bytes())
}

/// Writes a file that everybody may read, in one piece; durable when it returns.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let scratch = scratch(path);
    write_new(&scratch, bytes, 0o644).and_then(|()| std::fs::rename(&scratch, path))?;
    path.parent().map_or(Ok(()), |dir| File::open(dir)?.sync_all())
}

/// A name beside `path` that nobody else uses: neither another process, nor another run of this one.
fn scratch(path: &Path) -> PathBuf {
    let number = FILES.fetch_add(1, Ordering::Relaxed);
    path.with_extension(format!("{}-{number}.new", std::process::id()))
}

fn write_new(path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    // What a process of the same number left behind when it was killed.
    let _ = std::fs::remove_file(path);
    let mut file = File::options().write(true).create_new(true).mode(mode).open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}
