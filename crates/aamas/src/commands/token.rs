//! `aamas token …`.

use std::process::ExitCode;
use std::time::Duration;

use app::{Platform, Settings, tokens};
use auth::Role;
use serde_json::{Value, json};

use super::{block_on, host, print_json};
use crate::cli::{Global, Token};
use crate::place::{Kind, Place, document, gather, id_of, paging, taken};
use crate::refusal::Refusal;
use crate::rim;
use crate::say::{err, out};
use crate::server::{self, local_only};
use crate::table::{self, moment, word};

/// A day.
const DAY: Duration = Duration::from_secs(24 * 3600);
/// How tokens are named.
const KIND: Kind =
    Kind { prefix: "token", what: "token", name: None, list: "aamas token list", newest_first: true };
/// Tokens that are listed.
const ALL: usize = 10_000;

pub fn token(global: &Global, command: Token) -> Result<ExitCode, Refusal> {
    match command {
        Token::Create { role, name, expires_in_days, organization } => {
            let made = match server::of(global)? {
                None => by_hand(global, role, name, expires_in_days, organization)?,
                Some(_) if organization.is_some() => {
                    return Err(local_only(
                        "`aamas token create --organization`",
                        "a token belongs to the organization of yours",
                    ));
                }
                Some(server) => block_on(async {
                    let new =
                        json!({ "name": name, "role": role.as_str(), "expires_in_days": expires_in_days });
                    let made = server.create_token(&taken(new)?).value().await?;
                    // Whose it is, the token that asked for it knows.
                    let who = server.get_session().value().await?;
                    Ok::<_, Refusal>(json!({
                        "token_id": made["id"], "token": made["token"],
                        "organization_id": who["organization"]["id"], "expires_at": made["expires_at"],
                    }))
                })??,
            };
            if global.json {
                print_json(&made)?;
            } else {
                let [id, organization] = ["token_id", "organization_id"].map(|member| word(&made, member));
                err!("{id} for {organization}, role {role}; it is shown this once:");
                out!("{}", made["token"].as_str().unwrap_or_default());
            }
            Ok(ExitCode::SUCCESS)
        }
        Token::List => block_on(async { list(global, &Place::of(global).await?).await })?,
        Token::Revoke { token } => block_on(async {
            match &Place::of(global).await? {
                Place::Here(here) => {
                    let id = id_of("token", &token)?;
                    tokens::revoke(&here.platform, &here.caller, &here.origin, id).await?;
                }
                Place::There(server) => {
                    server.revoke_token(&token).await.map_err(|e| KIND.or_missing(&token, e))?
                }
            }
            if global.json {
                print_json(&json!({ "token_id": token, "revoked": true }))?;
            } else {
                out!("{token} revoked");
            }
            Ok(ExitCode::SUCCESS)
        })?,
    }
}

/// A token for whoever has the data directory in hand.
fn by_hand(
    global: &Global,
    role: Role,
    name: String,
    days: u32,
    organization: Option<domain::TenantId>,
) -> Result<Value, Refusal> {
    let engine = host::engine(global)?;
    let platform = Platform::new(&engine.desk, rim::random::<32>, Settings::default());
    let (tenant, issued) = block_on(async {
        let first = app::authenticate::first_organization(&platform).await?;
        let tenant = match organization {
            None => first,
            Some(id) => app::authenticate::known_organization(&platform, id).await?,
        };
        let issued = app::authenticate::token_by_hand(&platform, tenant, name, role, DAY * days).await?;
        Ok::<_, app::AppError>((tenant, issued))
    })??;
    Ok(json!({
        "token_id": issued.id, "token": issued.secret.expose(), "organization_id": tenant,
        "expires_at": issued.expires_at,
    }))
}

async fn list(global: &Global, place: &Place) -> Result<ExitCode, Refusal> {
    let found = gather(ALL, async |cursor, limit| page(place, cursor, limit).await).await?;
    if global.json {
        print_json(&json!({ "tokens": found.items, "more": found.more }))?;
        return Ok(ExitCode::SUCCESS);
    }
    if found.items.is_empty() {
        out!("no tokens: `aamas token create` makes one");
        return Ok(ExitCode::SUCCESS);
    }
    let rows: Vec<_> = found
        .items
        .iter()
        .map(|t| {
            let used =
                if t["last_used_at"].is_null() { "never".to_owned() } else { moment(t, "last_used_at") };
            vec![word(t, "id"), word(t, "role"), moment(t, "expires_at"), used, word(t, "name")]
        })
        .collect();
    let columns = [("TOKEN", 32), ("ROLE", 11), ("EXPIRES", 19), ("USED", 19), ("NAME", 60)];
    table::print(&columns, &rows);
    Ok(ExitCode::SUCCESS)
}

async fn page(place: &Place, cursor: Option<String>, limit: u32) -> Result<Value, Refusal> {
    match place {
        Place::Here(here) => {
            let page = paging(cursor, limit);
            document(tokens::list(&here.platform, &here.caller, &here.origin, page).await?)
        }
        Place::There(server) => {
            let query = taken(json!({ "cursor": cursor, "limit": limit }))?;
            Ok(server.list_tokens(&query).value().await?)
        }
    }
}
