//! `aamas token …`.

use std::process::ExitCode;
use std::time::Duration;

use app::{Platform, Settings};

use super::{block_on, host, print_json};
use crate::cli::{Global, Token};
use crate::refusal::Refusal;
use crate::rim;
use crate::say::{err, out};

/// A day.
const DAY: Duration = Duration::from_secs(24 * 3600);

pub fn token(global: &Global, command: Token) -> Result<ExitCode, Refusal> {
    let Token::Create { role, name, expires_in_days, organization, database } = command;
    let engine = host::engine_on(global, database.as_deref())?;
    let platform = Platform::new(&engine.desk, rim::random::<32>, Settings::default());
    let (tenant, issued) = block_on(async {
        let first = app::authenticate::first_organization(&platform).await?;
        let tenant = match organization {
            None => first,
            Some(id) => app::authenticate::known_organization(&platform, id).await?,
        };
        let life = DAY * expires_in_days;
        let issued = app::authenticate::token_by_hand(&platform, tenant, name, role, life).await?;
        Ok::<_, app::AppError>((tenant, issued))
    })??;
    if global.json {
        print_json(&serde_json::json!({
            "token_id": issued.id,
            "token": issued.secret.expose(),
            "organization_id": tenant,
            "expires_at": issued.expires_at,
        }))?;
    } else {
        err!("{} for {tenant}, role {role}; it is shown this once:", issued.id);
        out!("{}", issued.secret.expose());
    }
    Ok(ExitCode::SUCCESS)
}
