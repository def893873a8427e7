//! `/graphql` and what belongs to it.

use app::authenticate::{Carrier, caller_of};
use app::sso;
use axum::Router;
use axum::extract::{FromRequestParts as _, Request, State};
use axum::http::header::{CONTENT_TYPE, UPGRADE};
use axum::response::Response;
use axum::routing::get;

use super::PROTOCOL;
use super::http::{EXPLORER_SCRIPT, EXPLORER_STYLE};
use super::socket::Authenticate;
use crate::caller::{Who, authenticated, origin_of};
use crate::problem::ApiResult;
use crate::state::ApiState;
use crate::ws::routes::upgrade_of;
use crate::ws::{bounded, same_site};

/// The routes of the graph; `dev` adds what the page for queries by hand needs.
pub(crate) fn routes(dev: bool) -> Router<ApiState> {
    let mut router =
        Router::new().route("/graphql", get(look).post(answer)).route("/graphql/ws", get(subscribe));
    if dev {
        let script = [(CONTENT_TYPE, "text/javascript; charset=utf-8")];
        let style = [(CONTENT_TYPE, "text/css; charset=utf-8")];
        router = router
            .route("/graphql/explorer.js", get(async move || (script, EXPLORER_SCRIPT)))
            .route("/graphql/explorer.css", get(async move || (style, EXPLORER_STYLE)));
    }
    router
}

async fn answer(State(state): State<ApiState>, who: Who, request: Request) -> Response {
    state.graphql().answer(who.caller, who.origin, request).await
}

/// A query of a `GET`, or the upgrade to a socket.
async fn look(State(state): State<ApiState>, request: Request) -> ApiResult<Response> {
    if request.headers().contains_key(UPGRADE) {
        return subscribe(State(state), request).await;
    }
    let (mut parts, body) = request.into_parts();
    let who = Who::from_request_parts(&mut parts, &state).await?;
    Ok(answer(State(state), who, Request::from_parts(parts, body)).await)
}

async fn subscribe(State(state): State<ApiState>, request: Request) -> ApiResult<Response> {
    let (mut parts, _) = request.into_parts();
    same_site(&parts.headers, &state.config().allowed_origins)?;
    // Whoever can't say it in the upgrade says it in the first message.
    let caller = authenticated(&mut parts, &state).await.ok();
    let origin = origin_of(&parts);
    let upgrade = upgrade_of(&mut parts, &state).await?;
    let place = state.sockets().place()?;
    let graphql = state.graphql().clone();
    let authenticate = by_token(state);
    Ok(bounded(upgrade).protocols([PROTOCOL]).on_upgrade(move |socket| async move {
        graphql.serve_socket(socket, caller, origin, authenticate).await;
        drop(place);
    }))
}

/// The caller behind a ticket, an API token, or a token of a configured issuer.
fn by_token(state: ApiState) -> Authenticate {
    Box::new(move |token| {
        let state = state.clone();
        Box::pin(async move {
            let token = token?;
            if !token.starts_with("aamas_") {
                return sso::service_of(state.entrance(), &token).await.ok();
            }
            match caller_of(state.platform(), Carrier::Address, &token).await {
                Ok(caller) => Some(caller),
                Err(_) => caller_of(state.platform(), Carrier::Header, &token).await.ok(),
            }
        })
    })
}
