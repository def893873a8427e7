//! The thorough check of a store (`aamas store check`): too slow for each start.

use std::fs::File;
use std::io;

use domain::TenantId;
use sha2::{Digest as _, Sha256};

use crate::database::Database;
use crate::error::StoreError;
use crate::objects::{ObjectHash, place_of};
use crate::sql::artifacts as sql;
use crate::store::Store;
use crate::tenant::values;

/// Findings listed; one is enough to act on.
const MAX_FINDINGS: usize = 100;

/// Objects looked up at a time.
const PAGE: u32 = 256;

/// What a check found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CheckReport {
    /// Objects whose content was read and hashed.
    pub objects: u64,
    /// What is wrong, a sentence each; empty if all is well.
    pub findings: Vec<String>,
}

impl Store {
    /// Reads the whole database, and every object of `tenant`, and compares what it finds with what should
    /// be. Of PostgreSQL, which checks its own pages when it reads them, only the catalogue is looked at. Blocks.
    ///
    /// # Errors
    /// Failures of the check itself; what it finds is in the report.
    pub fn check(&self, tenant: TenantId) -> Result<CheckReport, StoreError> {
        let mut report = CheckReport::default();
        self.check_database(&mut report)?;
        self.check_objects(tenant, &mut report)?;
        report.findings.truncate(MAX_FINDINGS);
        Ok(report)
    }

    fn check_database(&self, report: &mut CheckReport) -> Result<(), StoreError> {
        let database = match self.database() {
            Database::Sqlite { path, .. } => path,
            Database::Postgres(postgres) => {
                report.findings.extend(postgres.check()?);
                return Ok(());
            }
        };
        let conn = crate::connection::open_reader(database)?;
        let failed = |e| crate::sqlite_tx::classify(&conn, database, "check the database", &e);
        let mut statement = conn.prepare("PRAGMA integrity_check(100)").map_err(failed)?;
        let mut rows = statement.raw_query();
        while let Some(row) = rows.next().map_err(failed)? {
            let said: String = row.get(0).map_err(failed)?;
            if said != "ok" {
                report.findings.push(format!("{}: {said}", database.display()));
            }
        }
        let mut statement = conn.prepare("PRAGMA foreign_key_check").map_err(failed)?;
        let mut rows = statement.raw_query();
        while let Some(row) = rows.next().map_err(failed)? {
            let table: String = row.get(0).map_err(failed)?;
            report.findings.push(format!("{}: a row of {table} belongs to nothing", database.display()));
            if report.findings.len() >= MAX_FINDINGS {
                break;
            }
        }
        Ok(())
    }

    fn check_objects(&self, tenant: TenantId, report: &mut CheckReport) -> Result<(), StoreError> {
        let mut after = Vec::new();
        loop {
            let page: Vec<(ObjectHash, u64)> = self.read_blocking(tenant, |tx| {
                tx.query(sql::ALL_OBJECTS, values![after.as_slice(), PAGE], |row| {
                    Ok((row.take()?, row.take()?))
                })
            })?;
            let Some((last, _)) = page.last() else { return Ok(()) };
            after = last.to_bytes().to_vec();
            for (hash, size) in page {
                report.objects += 1;
                report.findings.extend(self.check_object(tenant, hash, size));
            }
        }
    }

    fn check_object(&self, tenant: TenantId, hash: ObjectHash, size: u64) -> Option<String> {
        let path = place_of(&self.objects_of(tenant), hash);
        let mut hasher = Sha256::new();
        let read = File::open(&path).and_then(|mut file| io::copy(&mut file, &mut HashWriter(&mut hasher)));
        match read {
            Ok(read) if read != size => Some(format!("{}: {read} bytes instead of {size}", path.display())),
            Ok(_) if ObjectHash::from_bytes(hasher.finalize().into()) != hash => {
                Some(format!("{}: its content is not what its name says", path.display()))
            }
            Ok(_) => None,
            Err(e) => Some(format!("{}: {e}", path.display())),
        }
    }
}

struct HashWriter<'a>(&'a mut Sha256);

impl io::Write for HashWriter<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
