//! Row-level security by itself: what the application's role can reach when no statement of the store is in between; and
//! databases that would not hold it.

use domain::TenantId;
use store::{AuditCheckpointRow, OpenOptions, Page, StoreError};

use crate::on_postgres::audit;
use crate::on_postgres::fixture::{Fixture, TENANT, at, entry, id, task};
use crate::server::Direct;

/// A store with a row of each of two tenants in some tables, and a connection around it in the application's role.
fn two_tenants() -> (Fixture, TenantId, Direct) {
    let f = Fixture::new();
    let other: TenantId = id();
    let (run, fence) = f.held_run();
    f.write(move |tx| tx.append(run, fence, &[entry("mine")])).expect("the lease holds");
    for tenant in [TENANT, other] {
        f.store
            .write_blocking(tenant, move |tx| {
                tx.insert_task(&task())?;
                tx.cache_put("key", b"value", at(1))
            })
            .expect("new rows");
    }
    let direct = direct(&f);
    direct.run("SET ROLE aamas_app").expect("it is there");
    (f, other, direct)
}

fn direct(f: &Fixture) -> Direct {
    Direct::to(f.place().url.as_deref().expect("it is on PostgreSQL"))
}

fn hex(tenant: TenantId) -> String {
    tenant.to_bytes().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Runs `text` in a transaction of its own with this tenant set.
fn as_tenant(direct: &Direct, tenant: &str, text: &str) -> Result<Vec<String>, String> {
    let result = direct.run(&format!("BEGIN; SET LOCAL aamas.tenant_id = '{tenant}'; {text}; COMMIT"));
    if result.is_err() {
        direct.run("ROLLBACK").expect("it is undone");
    }
    result
}

/// The SQLSTATE of a refusal.
fn state(result: Result<Vec<String>, String>) -> String {
    let refusal = result.expect_err("refused");
    refusal.split(' ').next().unwrap_or_default().to_owned()
}

#[test]
fn on_postgres_a_plain_look_shows_the_rows_of_the_present_tenant() {
    let (_f, other, direct) = two_tenants();
    let count = |tenant, from: &str| {
        as_tenant(&direct, tenant, &format!("SELECT count(*), count(DISTINCT tenant_id) FROM {from}"))
    };
    let (mine, theirs) = (hex(TENANT), hex(other));
    let seen =
        [count(&mine, "tasks"), count(&theirs, "tasks"), count(&theirs, "journal"), count(&theirs, "cache")];
    assert_eq!(seen, ["2|1", "1|1", "0|0", "1|1"].map(|row| Ok(vec![row.to_owned()])));
    let ids = as_tenant(&direct, &theirs, "SELECT DISTINCT encode(tenant_id, 'hex') FROM tasks");
    assert_eq!(ids, Ok(vec![theirs]));
}

#[test]
fn on_postgres_a_look_without_a_tenant_is_an_error() {
    let (_f, other, direct) = two_tenants();
    assert_eq!(state(direct.run("SELECT * FROM tasks")), "AA001", "never set");
    as_tenant(&direct, &hex(other), "SELECT 1 FROM tasks").expect("a tenant is set");
    assert_eq!(direct.run("SHOW aamas.tenant_id"), Ok(vec![String::new()]), "empty, not unset");
    assert_eq!(state(direct.run("SELECT * FROM tasks")), "AA001", "set, and gone with its transaction");
    for tenant in ["", "0", "''", &hex(other)[..31]] {
        let tenant = tenant.replace('\'', "''");
        assert_eq!(state(as_tenant(&direct, &tenant, "SELECT * FROM tasks")), "AA001", "{tenant:?}");
    }
    assert_eq!(state(direct.run("INSERT INTO cache VALUES ('\\x00', 'k', '', 0)")), "AA001");
    assert_eq!(state(direct.run("DELETE FROM cache")), "AA001");
}

#[test]
fn on_postgres_no_table_shows_a_row_of_another_tenant() {
    let (_f, other, direct) = two_tenants();
    let tables = direct
        .run("SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace");
    let mut tables = tables.expect("a plain statement");
    tables.retain(|table| table != "aamas_schema");
    assert!(tables.len() >= 34, "{tables:?}");
    for table in tables {
        let seen = as_tenant(
            &direct,
            &hex(other),
            &format!("SELECT DISTINCT encode(tenant_id, 'hex') FROM {table}"),
        );
        let seen = seen.expect("a tenant is set");
        assert!(seen.iter().all(|tenant| *tenant == hex(other)), "{table}: {seen:?}");
    }
}

#[test]
fn on_postgres_a_tenant_writes_no_row_of_another() {
    let (f, other, direct) = two_tenants();
    let (mine, theirs) = (hex(TENANT), hex(other));
    let forged = [
        format!("INSERT INTO cache VALUES ('\\x{mine}', 'forged', '', 0)"),
        format!("UPDATE cache SET tenant_id = '\\x{mine}'"),
        format!(
            "INSERT INTO cache VALUES ('\\x{mine}', 'key', '', 0) ON CONFLICT (tenant_id, key) DO UPDATE SET value = ''"
        ),
    ];
    for text in forged {
        assert_eq!(state(as_tenant(&direct, &theirs, &text)), "42501", "{text}");
    }
    for text in ["UPDATE cache SET value = 'x' RETURNING 1", "DELETE FROM cache RETURNING 1"] {
        let changed = as_tenant(&direct, &theirs, text);
        assert_eq!(changed, Ok(vec!["1".to_owned()]), "its own one only: {text}");
    }
    assert_eq!(f.read(|tx| tx.cache_get("key")).expect("a look").map(|c| c.value), Some(b"value".to_vec()));
}

#[test]
fn on_postgres_the_application_cannot_lift_its_limits() {
    let (_f, _, direct) = two_tenants();
    let attempts = [
        "ALTER TABLE tasks DISABLE ROW LEVEL SECURITY",
        "ALTER TABLE tasks NO FORCE ROW LEVEL SECURITY",
        "DROP POLICY of_one_tenant ON tasks",
        "CREATE POLICY mine ON tasks USING (true)",
        "DROP TRIGGER journal_is_append_only ON journal",
        "CREATE OR REPLACE FUNCTION aamas_tenant() RETURNS BYTEA LANGUAGE sql AS 'SELECT NULL'",
        "SELECT aamas_protect('tasks')",
        "SELECT * FROM aamas_schema",
        "UPDATE aamas_schema SET version = 9",
        "TRUNCATE tasks",
        "CREATE TABLE mine (a BIGINT)",
        "SET LOCAL session_replication_role = replica",
        "SELECT pg_read_file('/etc/passwd')",
    ];
    let states: Vec<_> = attempts.map(|text| (text, state(as_tenant(&direct, &hex(TENANT), text)))).into();
    assert!(states.iter().all(|(_, state)| state == "42501"), "{states:?}");
}

#[test]
fn on_postgres_the_journal_is_append_only_for_the_application_and_for_the_owner() {
    let (f, _, app) = two_tenants();
    let owner = direct(&f);
    for text in ["UPDATE journal SET body = ''", "DELETE FROM journal", "TRUNCATE journal CASCADE"] {
        let refusals = [&app, &owner].map(|who| state(as_tenant(who, &hex(TENANT), text)));
        assert_eq!(refusals, ["42501", "AA002"], "{text}");
    }
    let run = f.read(|tx| tx.runs(0, 1)).expect("a look").remove(0).id;
    assert_eq!(f.read(|tx| tx.entries(run, 1, 9)).expect("a look")[0].body, b"mine");
}

#[test]
fn on_postgres_the_audit_is_append_only_for_the_application_and_for_the_owner() {
    let f = audit::filled(2);
    let row = AuditCheckpointRow { size: 2, note: "note".to_owned() };
    f.write(move |tx| tx.insert_audit_checkpoint(&row)).expect("the first");
    let (app, owner) = (direct(&f), direct(&f));
    app.run("SET ROLE aamas_app").expect("it is there");
    let by_right = ["42501", "AA002"];
    let by_trigger = ["AA002", "AA002"];
    for (text, want) in [
        ("UPDATE audit_entries SET action = 'x'", by_right),
        ("DELETE FROM audit_entries WHERE seq = 2", by_right),
        ("TRUNCATE audit_entries", by_right),
        ("UPDATE audit_checkpoints SET note = 'x'", by_right),
        ("DELETE FROM audit_checkpoints", by_right),
        ("TRUNCATE audit_checkpoints", by_right),
        ("DELETE FROM audit_head", by_right),
        ("TRUNCATE audit_head", by_right),
        ("UPDATE audit_head SET frontier = ''", by_trigger),
        ("UPDATE audit_head SET seq = 1", by_trigger),
        ("UPDATE audit_head SET seq = 4", by_trigger),
        ("UPDATE audit_head SET tenant_id = '\\x00', seq = 3", by_trigger),
    ] {
        let refusals = [&app, &owner].map(|who| state(as_tenant(who, &hex(TENANT), text)));
        assert_eq!(refusals, want, "{text}");
    }
    let kept = f.read(|tx| Ok((tx.audit_entry(2)?, tx.audit_head()?.map(|head| head.seq)))).expect("a look");
    assert_eq!(kept, (Some(audit::entry(2)), Some(2)));
}

/// What somebody may do to a database by hand, and a part of what the store says to it.
const PLANTED: [(&str, &str); 13] = [
    ("CREATE TABLE notes (tenant_id BYTEA, text TEXT)", "notes has rows of tenants"),
    ("CREATE TABLE plain (a BIGINT); GRANT SELECT ON plain TO aamas_app", "plain has rows of tenants"),
    ("CREATE TABLE plain (a BIGINT); GRANT SELECT (a) ON plain TO PUBLIC", "plain has rows of tenants"),
    ("CREATE SCHEMA other; CREATE TABLE other.notes (tenant_id BYTEA)", "other.notes has rows of tenants"),
    ("ALTER TABLE tasks DISABLE ROW LEVEL SECURITY", "tasks has rows of tenants"),
    ("ALTER TABLE tasks NO FORCE ROW LEVEL SECURITY", "tasks has rows of tenants"),
    ("CREATE POLICY more ON tasks USING (true)", "tasks has another policy"),
    (
        "ALTER POLICY of_one_tenant ON tasks USING (tenant_id = (SELECT aamas_tenant()) OR true)",
        "tasks has another policy",
    ),
    (
        "CREATE VIEW everything AS SELECT * FROM tasks; GRANT SELECT ON everything TO aamas_app",
        "everything is a view",
    ),
    ("CREATE MATERIALIZED VIEW everything AS SELECT * FROM tasks", "everything is a copy"),
    (
        "CREATE FUNCTION peek() RETURNS BIGINT LANGUAGE sql SECURITY DEFINER AS 'SELECT count(*) FROM tasks'",
        "peek() runs with the rights of its owner",
    ),
    ("ALTER TABLE tasks OWNER TO aamas_app", "tasks is owned by the role aamas_app"),
    (
        "CREATE OR REPLACE FUNCTION aamas_tenant() RETURNS BYTEA LANGUAGE sql STABLE AS 'SELECT ''\\x00''::bytea'",
        "a transaction without a tenant is not refused",
    ),
];

#[test]
fn on_postgres_a_database_that_does_not_keep_tenants_apart_is_not_served() {
    for (planted, said) in PLANTED {
        let f = Fixture::new();
        direct(&f).run(planted).expect("the owner may");
        let refused = f.place().try_open(OpenOptions::default());
        let Err(StoreError::Unprotected { detail, .. }) = &refused else { panic!("{planted}: {refused:?}") };
        assert!(detail.contains(said), "{planted}: {detail}");
    }
}

#[test]
fn on_postgres_what_shows_nothing_of_others_is_no_hindrance() {
    let f = Fixture::new();
    let harmless = [
        "CREATE TABLE backstage (a BIGINT)",
        "CREATE VIEW mine WITH (security_invoker = true) AS SELECT * FROM tasks; GRANT SELECT ON mine TO aamas_app",
        "CREATE TABLE notes (tenant_id BYTEA, text TEXT); SELECT aamas_protect('notes')",
    ];
    for text in harmless {
        direct(&f).run(text).expect("the owner may");
        assert_eq!(f.again().check(TENANT).expect("a check").findings, [""; 0], "{text}");
    }
}

/// A user who is no superuser: it owns its database, and an administrator gave it the role.
#[test]
fn on_postgres_an_ordinary_owner_needs_the_role_and_nothing_more() {
    let f = Fixture::new();
    let url = f.place().url.clone().expect("it is on PostgreSQL");
    let user = format!("aamas_owner_{}", std::process::id());
    let admin = Direct::to(&url);
    let drop_user = format!("DROP OWNED BY {user}; DROP ROLE {user}");
    let _ = admin.run(&drop_user);
    admin
        .run(&format!("CREATE ROLE {user} LOGIN; CREATE SCHEMA {user} AUTHORIZATION {user}"))
        .expect("it may");
    let place =
        crate::place::Place { url: Some(url.replace("aamas@", &format!("{user}@"))), ..f.place().clone() };
    let refused = place.try_open(OpenOptions::default());
    assert!(matches!(refused, Err(StoreError::RoleMissing { role: "aamas_app", .. })), "{refused:?}");
    assert!(
        refused
            .expect_err("refused")
            .hint()
            .is_some_and(|hint| hint.contains("CREATE ROLE aamas_app NOLOGIN"))
    );
    admin.run(&format!("GRANT aamas_app TO {user}")).expect("it may");
    // Its tables lie in its own schema, which comes first in its search path, beside those of the fixture in `public`.
    let store = place.open();
    store.write_blocking(TENANT, |tx| tx.insert_task(&task())).expect("a new task");
    assert_eq!(store.read_blocking(TENANT, |tx| tx.tasks(None, Page::newest(9))).expect("a look").len(), 1);
    assert_eq!(f.read(|tx| tx.tasks(None, Page::newest(9))).expect("a look"), []);
    drop(store);
    admin.run(&drop_user).expect("it may");
}
