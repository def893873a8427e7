//! `/tokens`.

use app::list::Paging;
use app::tokens::{self, NewToken, Token};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use domain::CredentialId;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{PageOf, shown_once};
use crate::caller::Who;
use crate::etag;
use crate::extract::{Body, Id, Search};
use crate::problem::{ApiResult, Problem};
use crate::state::ApiState;

pub(super) fn router() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new().routes(routes!(list, create)).routes(routes!(revoke))
}

/// A token with its secret.
#[derive(Serialize, ToSchema)]
struct TokenWithSecret {
    #[serde(flatten)]
    about: Token,
    /// The secret: shown once.
    token: String,
}

/// Pages of tokens, newest first.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct TokenPages {
    /// At most so many items.
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<u32>,
    /// `next_cursor` of the page before.
    #[param(inline, value_type = Option<app::shapes::CredentialId>)]
    cursor: Option<String>,
}

impl From<TokenPages> for Paging {
    fn from(query: TokenPages) -> Self {
        Self { limit: query.limit, cursor: query.cursor, sort: None }
    }
}

/// Lists tokens, without their secrets: all of the organization, or one's own.
#[utoipa::path(get, path = "/tokens", operation_id = "list_tokens", tag = "tokens", params(TokenPages),
    responses((status = 200, body = PageOf<Token>), Problem))]
async fn list(
    State(state): State<ApiState>,
    who: Who,
    Search(page): Search<TokenPages>,
    headers: HeaderMap,
) -> ApiResult<Response> {
    let found = tokens::list(state.platform(), &who.caller, &who.origin, page.into()).await?;
    Ok(etag::listed(&headers, &PageOf::from(found)))
}

/// Makes a token.
#[utoipa::path(post, path = "/tokens", operation_id = "create_token", tag = "tokens", request_body = NewToken,
    responses((status = 201, body = TokenWithSecret), Problem))]
async fn create(State(state): State<ApiState>, who: Who, Body(new): Body<NewToken>) -> ApiResult<Response> {
    let (about, secret) = tokens::create(state.platform(), &who.caller, &who.origin, new).await?;
    let location = format!("/api/v1/tokens/{}", about.id);
    let shown = TokenWithSecret { about, token: secret.expose().to_owned() };
    Ok(shown_once(etag::created(&location, 1, &shown)))
}

/// Ends a token.
#[utoipa::path(delete, path = "/tokens/{token_id}", operation_id = "revoke_token", tag = "tokens",
    params(("token_id" = inline(app::shapes::CredentialId), Path)), responses((status = 204), Problem))]
async fn revoke(State(state): State<ApiState>, who: Who, Id(id): Id<CredentialId>) -> ApiResult<Response> {
    tokens::revoke(state.platform(), &who.caller, &who.origin, id).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}
