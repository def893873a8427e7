//! The dashboard's files, from within the binary.

use axum::extract::Request;
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use rust_embed::RustEmbed;

use crate::problem::Problem;

/// What `make web` built; a page that says so where it was not.
#[derive(RustEmbed)]
#[folder = "dashboard/"]
struct Files;

/// What the dashboard's pages may load: themselves.
const POLICY: &str = "default-src 'self'; connect-src 'self' ws: wss:; img-src 'self' data:; style-src 'self' \
                      'unsafe-inline'; script-src 'self' 'unsafe-inline'; object-src 'none'; base-uri 'none'; \
                      form-action 'self'; frame-ancestors 'none'";

/// Paths that are never pages of the dashboard.
const DOORS: [&str; 6] = ["/api/", "/graphql", "/ws/", "/webhooks/", "/mcp", "/.well-known/"];

/// A file of the dashboard; its first page for every path that is none, because routes are the page's own.
pub(crate) async fn serve(request: Request) -> Response {
    let path = request.uri().path();
    if DOORS.iter().any(|door| path.starts_with(door)) {
        return Problem::not_found().into_response();
    }
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", "pages are only read")
            .into_response();
    }
    let name = path.trim_start_matches('/');
    let (name, found) = match Files::get(name) {
        Some(file) if !name.is_empty() => (name, file),
        // A file that is not there is not a page; no page has a dot in its name.
        _ if name.starts_with("_app/") || name.contains('.') => return Problem::not_found().into_response(),
        _ => match Files::get("index.html") {
            Some(file) => ("index.html", file),
            None => return Problem::not_found().into_response(),
        },
    };
    let tag: String = found.metadata.sha256_hash().iter().take(16).map(|b| format!("{b:02x}")).collect();
    let tag = format!("\"{tag}\"");
    let same = request.headers().get(header::IF_NONE_MATCH).is_some_and(|v| v.as_bytes() == tag.as_bytes());
    let mut response =
        if same { StatusCode::NOT_MODIFIED.into_response() } else { found.data.into_owned().into_response() };
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind_of(name)));
    // Names below `immutable` have the hash of their content in them.
    let kept = if name.contains("/immutable/") { "public, max-age=31536000, immutable" } else { "no-cache" };
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(kept));
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        headers.insert(header::ETAG, tag);
    }
    response
}

fn kind_of(name: &str) -> &'static str {
    match name.rsplit_once('.').map_or("", |(_, end)| end) {
        "html" => "text/html; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "json" | "map" => "application/json",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "ico" => "image/x-icon",
        "woff2" => "font/woff2",
        "webmanifest" => "application/manifest+json",
        "txt" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}
