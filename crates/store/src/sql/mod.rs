//! Every SQL text of the project, one file for each aggregate, the same text for every database.
//!
//! `$1` is the tenant in each of them. What is written under a lease carries the check of its fence in the
//! same statement.

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
