//! Objects: contents in files named by their SHA-256, flushed to the disk before any row speaks of them.
//!
//! `objects/TENANT/ab/cdef…`: a tenant's objects are its own, even if another has the same, so that they can
//! be counted and deleted.

use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use domain::TenantId;
use sha2::{Digest as _, Sha256};

use crate::directory::{create_private_dir, sync_dir};
use crate::error::StoreError;
use crate::sql::artifacts as sql;
use crate::store::Store;
use crate::tenant::values;
use crate::tx::{Column, Raw, Value};

/// The SHA-256 of a content.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectHash([u8; 32]);

impl ObjectHash {
    /// The hash of these bytes.
    #[must_use]
    pub fn of(content: &[u8]) -> Self {
        Self(Sha256::digest(content).into())
    }

    /// The hash with these bytes.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Its bytes.
    #[must_use]
    pub fn to_bytes(self) -> [u8; 32] {
        self.0
    }
}

impl fmt::Display for ObjectHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// Not 64 hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a content address has 64 hexadecimal digits")]
pub struct InvalidHash;

impl std::str::FromStr for ObjectHash {
    type Err = InvalidHash;

    fn from_str(text: &str) -> Result<Self, InvalidHash> {
        let mut bytes = [0; 32];
        if text.len() != 2 * bytes.len() || !text.is_ascii() {
            return Err(InvalidHash);
        }
        for (byte, digits) in bytes.iter_mut().zip(text.as_bytes().chunks(2)) {
            let digits = std::str::from_utf8(digits).map_err(|_| InvalidHash)?;
            *byte = u8::from_str_radix(digits, 16).map_err(|_| InvalidHash)?;
        }
        Ok(Self(bytes))
    }
}

impl fmt::Debug for ObjectHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl From<&ObjectHash> for Value<'_> {
    fn from(hash: &ObjectHash) -> Self {
        Self::Blob(hash.0.to_vec().into())
    }
}

impl Column for ObjectHash {
    fn read(raw: Raw<'_>) -> Option<Self> {
        Column::read(raw).map(Self)
    }
}

/// A content that is on the disk for good, of which no row speaks yet. Only [`Store::put_object`] makes one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoredObject {
    pub(crate) tenant: TenantId,
    pub(crate) hash: ObjectHash,
    pub(crate) size: u64,
}

impl StoredObject {
    /// Its hash.
    #[must_use]
    pub fn hash(&self) -> ObjectHash {
        self.hash
    }

    /// Its size.
    #[must_use]
    pub fn size_bytes(&self) -> u64 {
        self.size
    }
}

/// Pieces in which contents are copied.
const PIECE: usize = 64 << 10;

impl Store {
    /// Puts a content on the disk, flushed, for an artifact that is then added with
    /// [`TenantTx::add_artifact`](crate::TenantTx::add_artifact). Blocks.
    ///
    /// # Errors
    /// [`StoreError::QuotaExceeded`], [`StoreError::DiskFull`], [`StoreError::Io`].
    pub fn put_object(&self, tenant: TenantId, content: impl Read) -> Result<StoredObject, StoreError> {
        let dir = self.objects_of(tenant);
        create_private_dir(&dir)?;
        let part = Part::create(&dir)?;
        let (hash, size) = self.fill(tenant, &part, content)?;
        let failed = |e| StoreError::io(format!("store the object {hash}"), e);
        part.file.sync_all().map_err(failed)?;
        let place = place_of(&dir, hash);
        let parent = place.parent().unwrap_or(&dir);
        create_private_dir(parent)?;
        crate::fault_result!("store.object.rename").map_err(|e| failed(e.into()))?;
        fs::rename(&part.path, &place).map_err(failed)?;
        // The upper ones too: another process may have created them just now and not flushed them yet.
        for dir in [parent, &dir, &self.places().objects, &self.places().dir] {
            sync_dir(dir).map_err(failed)?;
        }
        Ok(StoredObject { tenant, hash, size })
    }

    /// At most `limit` bytes of an object from `offset` on; fewer at its end. Blocks.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when the tenant has no artifact with this content; [`StoreError::Corrupt`]
    /// when the row is there but the file is not.
    pub fn read_object(
        &self,
        tenant: TenantId,
        hash: ObjectHash,
        offset: u64,
        limit: usize,
    ) -> Result<Vec<u8>, StoreError> {
        let size = self.read_blocking(tenant, |tx| {
            tx.query_one(sql::OBJECT_SIZE, values![&hash], |row| row.take::<u64>())
        })?;
        let size = size.ok_or_else(|| StoreError::NotFound { what: "object", id: hash.to_string() })?;
        let path = place_of(&self.objects_of(tenant), hash);
        let failed = |e: io::Error| match e.kind() {
            io::ErrorKind::NotFound => {
                StoreError::Corrupt { path: path.clone(), detail: "the object's file is missing".to_owned() }
            }
            _ => StoreError::io(format!("read the object {hash}"), e),
        };
        let mut file = File::open(&path).map_err(failed)?;
        file.seek(SeekFrom::Start(offset)).map_err(failed)?;
        let wanted = size.saturating_sub(offset).min(limit as u64);
        let mut content = Vec::with_capacity(usize::try_from(wanted).unwrap_or(0));
        file.take(wanted).read_to_end(&mut content).map_err(failed)?;
        if content.len() as u64 != wanted {
            return Err(StoreError::Corrupt { path, detail: "the object's file is too short".to_owned() });
        }
        Ok(content)
    }

    /// Copies `content` into the part file, no further than the quota allows.
    fn fill(
        &self,
        tenant: TenantId,
        part: &Part,
        mut content: impl Read,
    ) -> Result<(ObjectHash, u64), StoreError> {
        let failed = |e| StoreError::io(format!("write to {}", part.path.display()), e);
        let stored = self.read_blocking(tenant, |tx| tx.stored_bytes())?;
        let quota_bytes = self.quota_bytes();
        let mut file = &part.file;
        let (mut hasher, mut size, mut piece) = (Sha256::new(), 0u64, vec![0; PIECE]);
        loop {
            let read = match content.read(&mut piece) {
                Ok(0) => return Ok((ObjectHash(hasher.finalize().into()), size)),
                Ok(read) => read,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
                Err(e) => return Err(StoreError::io("read the content of an artifact", e)),
            };
            size += read as u64;
            // A content that is there already counts nothing, but then it can't be larger than what is
            // stored.
            if size > stored && size.saturating_add(stored) > quota_bytes {
                return Err(StoreError::QuotaExceeded { wanted_bytes: size, quota_bytes });
            }
            hasher.update(&piece[..read]);
            file.write_all(&piece[..read]).map_err(failed)?;
        }
    }

    pub(crate) fn objects_of(&self, tenant: TenantId) -> PathBuf {
        self.places().objects.join(tenant.to_string())
    }
}

/// Where the content of `hash` lies below a tenant's directory.
pub(crate) fn place_of(dir: &Path, hash: ObjectHash) -> PathBuf {
    let name = hash.to_string();
    dir.join(&name[..2]).join(&name[2..])
}

/// A file that is being written; removed unless it was renamed.
struct Part {
    path: PathBuf,
    file: File,
}

impl Part {
    fn create(dir: &Path) -> Result<Self, StoreError> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        loop {
            let number = NEXT.fetch_add(1, Ordering::Relaxed);
            let path = dir.join(format!("part-{}-{number}", std::process::id()));
            match OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path) {
                Ok(file) => return Ok(Self { path, file }),
                // Left behind by a process that died and had the same id.
                Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {}
                Err(e) => return Err(StoreError::unwritable(path, e)),
            }
        }
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        // After the rename there is nothing of this name.
        let _ = fs::remove_file(&self.path);
    }
}
