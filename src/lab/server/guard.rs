//! Who may use the server: its own page.
//!
//! Other pages in the same browser can send requests to loopback. They do not know the token in the address, their
//! requests carry their own origin, and a name that they point to 127.0.0.1 is not the host that is expected.

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, Method, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};

use super::Shared;

/// What the page may load: itself, and nothing from elsewhere.
const POLICY: &str = "default-src 'none'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; \
                      connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Refuses requests that are not from the page, and sets headers that keep the page to itself.
pub(super) async fn check(State(shared): State<Arc<Shared>>, request: Request, next: Next) -> Response {
    let port = shared.address.port();
    let mut response = match refusal(request.method(), request.headers(), port) {
        Some(why) => (StatusCode::FORBIDDEN, why).into_response(),
        None => next.run(request).await,
    };
    for (name, value) in [
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-store"),
    ] {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

/// Why a request is refused, if it is.
fn refusal(method: &Method, headers: &HeaderMap, port: u16) -> Option<&'static str> {
    let of = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    let Some(host) = of(header::HOST).filter(|host| is_own(host, port)) else {
        return Some("this server is for its own page only: wrong Host");
    };
    let origin = of(header::ORIGIN);
    let is_same = |origin: &str| origin.strip_prefix("http://") == Some(host);
    match (method, origin) {
        (&Method::GET | &Method::HEAD, None) => None,
        (_, Some(origin)) if is_same(origin) => None,
        _ => Some("this server is for its own page only: wrong Origin"),
    }
}

fn is_own(host: &str, port: u16) -> bool {
    ["127.0.0.1", "localhost"].iter().any(|name| host == format!("{name}:{port}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_requests_of_the_own_page_pass() {
        let refused = |method: Method, host: &str, origin: Option<&str>| {
            let mut headers = HeaderMap::new();
            headers.insert(header::HOST, host.parse().unwrap());
            origin.map(|origin| headers.insert(header::ORIGIN, origin.parse().unwrap()));
            refusal(&method, &headers, 4000).is_some()
        };
        assert!(!refused(Method::GET, "127.0.0.1:4000", None));
        assert!(!refused(Method::POST, "127.0.0.1:4000", Some("http://127.0.0.1:4000")));
        assert!(!refused(Method::POST, "localhost:4000", Some("http://localhost:4000")));
        for (method, host, origin) in [
            (Method::GET, "evil.example:4000", None),
            (Method::GET, "127.0.0.1:4001", None),
            (Method::GET, "127.0.0.1:4000", Some("http://evil.example")),
            (Method::POST, "127.0.0.1:4000", None),
            (Method::POST, "127.0.0.1:4000", Some("null")),
            (Method::POST, "127.0.0.1:4000", Some("http://localhost:4000")),
            (Method::POST, "127.0.0.1:4000", Some("https://127.0.0.1:4000")),
        ] {
            assert!(refused(method.clone(), host, origin), "{method} {host} {origin:?}");
        }
    }
}
