//! Every SQL text of the project, one file for each aggregate, the same text for every database.
//!
//! `$1` is the tenant in each of them. What is written under a lease carries the check of its fence in the
//! same statement.
//!
//! # One text for both databases
//!
//! A test prepares each statement on SQLite and on PostgreSQL; what it can't see is in this list.
//!
//! **Types.** There are four: whole numbers (`INTEGER` in SQLite's migrations, `BIGINT` in PostgreSQL's), texts (`TEXT`,
//! `TEXT COLLATE "C"`: both order by bytes), bytes and ids (`BLOB`, `BYTEA`), and truth values, which only come out of a
//! statement (`EXISTS (…)`, `a IS NOT NULL`; read as `bool`). A truth value that is stored is a number, 0 or 1, and is
//! compared with one (`revoked = 0`, never `NOT revoked`). No `REAL`, no `BOOLEAN`, no JSON types, no dates.
//!
//! **Parameters.** PostgreSQL gives a parameter the type of what it stands beside, and no value is converted: a
//! parameter that is a column in `INSERT`, or is compared or added to one, needs nothing. One that stands alone does:
//! `SELECT CAST($2 AS BIGINT)`, `CAST($3 AS TEXT) IS NULL`, `COALESCE(CAST($4 AS BYTEA), a)`; in SQLite write `BIGINT`,
//! `TEXT`, and for bytes compare with a column instead, because SQLite makes a number of a `BYTEA`. A parameter that is
//! used twice must have the same type both times. All numbers from `$1` to the last must occur: SQLite does not mind a
//! gap, PostgreSQL does. `NULL` goes where its column is nullable; "is this one or any" is two statements, not
//! `$2 IS NULL OR a = $2`, or the index is lost.
//!
//! **What comes out.** `COUNT(*)`, `MAX`, `MIN` and `COALESCE(MAX(n), 0) + 1` are numbers in both. `SUM` of numbers is
//! a decimal in PostgreSQL: `CAST(SUM(n) AS BIGINT)`, and `COALESCE(…, 0)` around it, because the sum of nothing is
//! `NULL`. No `AVG`, no division of numbers: they round differently.
//!
//! **Allowed.** `COALESCE`, `CASE`, `CAST`, `substr`, `length` (characters of a text, bytes of a blob), `lower` (only of
//! ASCII: SQLite leaves other letters), `||`, `LIKE … ESCAPE '!'` on lower-cased text only (SQLite's ignores case),
//! `EXISTS`, `IN (SELECT …)`, `JOIN`, `LEFT JOIN`, `WITH`, `UNION ALL`, window functions, `INSERT … SELECT`,
//! `ON CONFLICT (columns) DO NOTHING | DO UPDATE SET a = excluded.a`, `RETURNING` of columns, `LIMIT $n OFFSET $m`, partial
//! indexes. In `DO UPDATE` the old row's columns carry the table's name (`leases.fence + 1`). An `INSERT … SELECT` with
//! `ON CONFLICT` needs a `WHERE`. Every column of a `SELECT` with `GROUP BY` is grouped or aggregated. Names of
//! columns are no reserved words of either (`user`, `order`, `end`, `limit`, `offset`, `window`, `grant`, `group`). A
//! subquery in `FROM` has an alias. `NULL` orders differently: say `NULLS FIRST` or `NULLS LAST` when it can occur. Two
//! rows of equal rank come in any order: end `ORDER BY` with a key.
//!
//! **Not allowed.** `INSERT OR REPLACE`, `REPLACE`, `IFNULL`, `IIF`, `GLOB`, `rowid`, `datetime`, `json_…`, `::type`,
//! `ILIKE`, `ANY`, arrays, `now()`, `random()`, `"text in double quotes"`, `UPDATE … FROM`, `DELETE … LIMIT`,
//! `SELECT … FOR UPDATE` (a tenant's writes come one after the other anyway).
//!
//! **Refusals.** A statement that the database refuses (a key that is there already, a missing row it should belong
//! to) undoes the whole closure, even if the closure handles the error: PostgreSQL gives up the transaction, and SQLite
//! follows. What may be there already is written with `ON CONFLICT … DO NOTHING` and a look at how many rows changed.
//! PostgreSQL refuses a text with a NUL character ([`StoreError::NulInText`](crate::StoreError::NulInText)); such text
//! is stored as bytes, or as JSON, which escapes it. A text or bytes in a key or an index have at most 2,700 bytes.
//!
//! # A new table
//!
//! `migrations/sqlite/N_….sql` and `migrations/postgres/N_….sql` have the same number, the same tables and the same
//! columns in the same order (a test compares them). The tenant comes first in the primary key, in each unique index and
//! in each foreign key. PostgreSQL's migration ends with `SELECT aamas_protect('table');` for each new table: without it
//! no store opens. A table whose rows are only added gets
//! `CREATE TRIGGER … BEFORE UPDATE OR DELETE OR TRUNCATE ON table FOR EACH STATEMENT EXECUTE FUNCTION aamas_append_only();` and
//! `REVOKE UPDATE, DELETE ON table FROM aamas_app;`. A migration that changes rows of all tenants on PostgreSQL
//! surrounds the change with `ALTER TABLE table NO FORCE ROW LEVEL SECURITY;` and `… FORCE ROW LEVEL SECURITY;`.

pub(crate) mod agents;
pub(crate) mod artifacts;
pub(crate) mod audit;
pub(crate) mod budgets;
pub(crate) mod cache;
pub(crate) mod code_artifacts;
pub(crate) mod credentials;
pub(crate) mod facts;
pub(crate) mod inbox;
pub(crate) mod journal;
pub(crate) mod leases;
pub(crate) mod operations;
pub(crate) mod organizations;
pub(crate) mod outbox;
pub(crate) mod people;
pub(crate) mod policies;
pub(crate) mod projects;
pub(crate) mod pull_requests;
pub(crate) mod runs;
pub(crate) mod steps;
pub(crate) mod tasks;

/// Declares statements, and the list of them that the tests prepare.
macro_rules! statements {
    ($($name:ident: $doing:literal = $text:literal;)+) => {
        $(pub(crate) const $name: $crate::tx::Sql = $crate::tx::Sql { doing: $doing, text: $text };)+

        #[cfg(test)]
        pub(crate) const ALL: &[$crate::tx::Sql] = &[$($name),+];
    };
}
pub(crate) use statements;

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::tx::Sql;

    fn all() -> impl Iterator<Item = Sql> {
        [
            agents::ALL,
            artifacts::ALL,
            audit::ALL,
            budgets::ALL,
            cache::ALL,
            code_artifacts::ALL,
            credentials::ALL,
            facts::ALL,
            inbox::ALL,
            journal::ALL,
            leases::ALL,
            operations::ALL,
            organizations::ALL,
            outbox::ALL,
            people::ALL,
            policies::ALL,
            projects::ALL,
            pull_requests::ALL,
            runs::ALL,
            steps::ALL,
            tasks::ALL,
        ]
        .concat()
        .into_iter()
    }

    #[test]
    fn every_statement_prepares_on_a_migrated_database() {
        let conn = rusqlite::Connection::open_in_memory().expect("memory is there");
        crate::migrate::run_all(&conn, Path::new("memory")).expect("the migrations run");
        let refused: Vec<_> =
            all().filter_map(|sql| conn.prepare(sql.text).err().map(|e| (sql.text, e.to_string()))).collect();
        assert_eq!(refused, []);
    }

    /// With parameters and columns of types that the port has.
    #[test]
    fn every_statement_prepares_on_postgres() {
        let (database, _scratch) = crate::postgres::migrated_scratch();
        let connection = database.connect().expect("the server is there");
        let refused: Vec<_> = all()
            .map(|sql| (sql.text, connection.unfit(sql).unwrap_or_else(|e| vec![format!("{e:?}")])))
            .filter(|(_, unfit)| !unfit.is_empty())
            .collect();
        assert_eq!(refused, []);
    }

    /// By name, type, place in the key, and whether they may be empty.
    #[test]
    fn the_tables_of_sqlite_are_those_on_postgres() {
        let conn = rusqlite::Connection::open_in_memory().expect("memory is there");
        crate::migrate::run_all(&conn, Path::new("memory")).expect("the migrations run");
        let mut statement = conn
            .prepare(
                "SELECT t.name || '.' || c.name || ' ' || c.type || iif(c.\"notnull\", ' not null', '') ||
                        iif(c.pk, ' key ' || c.pk, '')
                 FROM sqlite_schema t, pragma_table_info(t.name) c
                 WHERE t.type = 'table' ORDER BY t.name, c.cid",
            )
            .expect("a plain statement");
        let rows = statement.query_map([], |row| row.get::<_, String>(0)).expect("a plain statement");
        let mut sqlite: Vec<_> = rows.map(|row| row.expect("a text")).collect();
        let (database, _scratch) = crate::postgres::migrated_scratch();
        let connection = database.connect().expect("the server is there");
        let rows = connection.ask(
            "list the columns",
            "SELECT c.relname || '.' || a.attname || ' ' ||
                    CASE WHEN a.atttypid = 'bigint'::regtype THEN 'INTEGER'
                         WHEN a.atttypid = 'bytea'::regtype THEN 'BLOB'
                         WHEN a.atttypid = 'text'::regtype AND a.attcollation = '\"C\"'::regcollation THEN 'TEXT'
                         ELSE format_type(a.atttypid, a.atttypmod) END ||
                    CASE WHEN a.attnotnull THEN ' not null' ELSE '' END ||
                    COALESCE(' key ' || array_position(i.indkey::int2[], a.attnum) + 1, '')
             FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0
                  LEFT JOIN pg_index i ON i.indrelid = c.oid AND i.indisprimary
             WHERE c.relkind = 'r' AND c.relnamespace = current_schema()::regnamespace AND c.relname <> 'aamas_schema'",
        );
        let mut postgres: Vec<_> = rows.expect("a plain statement").into_iter().flatten().flatten().collect();
        sqlite.sort();
        postgres.sort();
        assert_eq!(postgres, sqlite);
    }

    #[test]
    fn every_statement_names_its_tenant() {
        let without: Vec<_> = all()
            .map(|sql| sql.text)
            .filter(|text| {
                let inserts = text.starts_with("INSERT")
                    && (text.contains("VALUES ($1,") || text.contains("SELECT $1,"));
                !(inserts || text.contains("tenant_id = $1"))
            })
            .collect();
        assert_eq!(without, [""; 0]);
    }

    /// Each table that a statement reads or writes is bound to the tenant: as many conditions as tables.
    #[test]
    fn every_table_of_a_statement_is_bound_to_the_tenant() {
        let unbound: Vec<_> = all()
            .map(|sql| sql.text)
            .filter(|text| {
                let tables = ["FROM ", "JOIN ", "UPDATE ", "INTO "]
                    .map(|word| text.matches(word).count())
                    .iter()
                    .sum();
                let updates_on_conflict = text.matches("DO UPDATE ").count();
                let bound = [
                    "tenant_id = $1",
                    "VALUES ($1,",
                    "SELECT $1,",
                    "tenant_id = r.tenant_id",
                    "tenant_id = d.tenant_id",
                    "tenant_id = p.tenant_id",
                ]
                .map(|word| text.matches(word).count())
                .iter()
                .sum::<usize>();
                bound + updates_on_conflict < tables
            })
            .collect();
        assert_eq!(unbound, [""; 0]);
    }
}
