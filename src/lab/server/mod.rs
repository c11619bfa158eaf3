//! `wirelab lab`: serves the page on loopback, and answers its calls with this machine's cores.
//!
//! A call is answered by lines of JSON: what to expect, then progress, then the answer or an error. A run ends when its
//! page no longer reads, or after the longest time that its bounds allow.

mod child;
mod guard;
mod work;

use std::{io, net::SocketAddr, sync::Arc};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::{DefaultBodyLimit, Path, State},
    http::{StatusCode, header},
    middleware,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use data_encoding::HEXLOWER;
use ring::rand::{SecureRandom, SystemRandom};
use serde_json::json;
use tokio::{net::TcpListener, sync::Semaphore};

use super::{Call, site};

/// The largest call: one that renders a result has it inside.
const MAX_CALL_BYTES: usize = 32 << 20;
/// Calls that are answered at a time. Others wait.
const AT_ONCE: usize = 4;

/// The lab's server, before it serves.
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
    token: String,
}

/// What handlers share.
struct Shared {
    places: Arc<Semaphore>,
    address: SocketAddr,
}

impl Server {
    /// Binds to a port of loopback; 0 is any free one.
    ///
    /// Returns an error if the port is taken, or if the system has no randomness for the token.
    pub async fn bind(port: u16) -> io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", port)).await?;
        let mut token = [0; 16];
        SystemRandom::new().fill(&mut token).map_err(|_| io::Error::other("no randomness"))?;
        Ok(Self { address: listener.local_addr()?, listener, token: HEXLOWER.encode(&token) })
    }

    /// The address of the page.
    pub fn url(&self) -> String {
        format!("http://{}/{}/", self.address, self.token)
    }

    /// Serves the page until the future is dropped.
    ///
    /// Returns an error if the listener fails.
    pub async fn serve(self) -> io::Result<()> {
        let places = Arc::new(Semaphore::new(AT_ONCE));
        let shared = Arc::new(Shared { places, address: self.address });
        let page = Router::new()
            .route("/", get(index))
            .route("/{name}", get(file))
            .route("/call", post(call))
            .layer(DefaultBodyLimit::max(MAX_CALL_BYTES));
        let all = Router::new()
            .nest(&format!("/{}", self.token), page.clone())
            .route(&format!("/{}/", self.token), get(index))
            .layer(middleware::from_fn_with_state(Arc::clone(&shared), guard::check))
            .with_state(shared);
        axum::serve(self.listener, all).await
    }
}

async fn index() -> Response {
    ([(header::CONTENT_TYPE, "text/html; charset=utf-8")], site::served_index()).into_response()
}

async fn file(Path(name): Path<String>) -> Response {
    match site::served_file(&name) {
        Some(file) => ([(header::CONTENT_TYPE, file.kind)], file.bytes).into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

async fn call(State(shared): State<Arc<Shared>>, body: Bytes) -> Response {
    let call = match Call::read(&body) {
        Ok(call) => call,
        Err(error) => return (StatusCode::BAD_REQUEST, error.to_string()).into_response(),
    };
    let kind = [(header::CONTENT_TYPE, "application/x-ndjson")];
    match work::answer(call, Arc::clone(&shared.places)) {
        Ok(lines) => (kind, Body::from_stream(lines)).into_response(),
        // A mistake of the user, such as a value that is too large. The page shows it, so the status is 200.
        Err(error) => (kind, format!("{}\n", json!({ "error": error.to_string() }))).into_response(),
    }
}
