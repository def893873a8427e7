//! The audits of GraphQL over HTTP that `graphql-http` has, against this server. Needs Node.js; the package is installed
//! beside the test as its lock file says (`npm ci --prefix crates/api/tests/graphql-audit`).

#![expect(clippy::disallowed_methods, reason = "the audits are JavaScript")]

use std::path::Path;
use std::process::{Command, Stdio};

use auth::Role;
use domain::TenantId;

use crate::websocket_world::World;

#[tokio::test(flavor = "multi_thread")]
async fn every_must_and_every_should_of_the_specification_holds() {
    let place = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/graphql-audit");
    if !place.join("node_modules/graphql-http").exists() {
        eprintln!("skipped: run `npm ci --prefix crates/api/tests/graphql-audit` first");
        return;
    }
    let world = World::new().await;
    let token = world.token(TenantId::LOCAL, Role::Owner).await;
    let url = format!("http://{}/graphql", world.address);
    let mut command = Command::new("node");
    command.arg(place.join("audit.mjs")).args([&url, token.expose()]).stdin(Stdio::null());
    let output =
        tokio::task::spawn_blocking(move || command.output()).await.expect("it ran").expect("node is there");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
}
