//! The span of a request, where it is traced.
//!
//! Named `POST /v1/jobs/{id}`: a path stands in it as it is written in [`PATHS`](super::routes::PATHS), a method that
//! HTTP does not know as `_OTHER`.

use super::metrics::Route;
use super::problem::Code;
use crate::traces::{Span, Traces};
use hyper::body::Incoming;
use hyper::header::HeaderName;
use hyper::{Method, Request, StatusCode};
use std::net::SocketAddr;

/// The header that names a caller's span.
const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// Begins them, on one worker.
pub(super) struct Spans {
    pub traces: Option<Traces>,
    /// Where the server listens.
    pub address: SocketAddr,
    /// It speaks TLS.
    pub is_tls: bool,
}

/// That of one request.
pub(super) struct RequestSpan {
    pub span: Span,
    method: &'static str,
}

impl Spans {
    /// That of a request which begins now. Cost: where nothing is traced one branch.
    #[inline]
    pub fn begin(&self, request: &Request<Incoming>) -> Option<RequestSpan> {
        self.traces.as_ref().and_then(|traces| self.of(traces, request))
    }

    fn of(&self, traces: &Traces, request: &Request<Incoming>) -> Option<RequestSpan> {
        let mut parents = request.headers().get_all(TRACEPARENT).iter();
        // Of several none is known to be the caller's.
        let parent = parents.next().filter(|_| parents.next().is_none());
        let method = method(request.method());
        let span = traces.request(method, parent.map(|parent| parent.as_bytes()))?;
        span.set("http.request.method", method);
        span.set("url.scheme", if self.is_tls { "https" } else { "http" });
        span.set("server.address", self.address.ip().to_string());
        span.set("server.port", i64::from(self.address.port()));
        Some(RequestSpan { span, method })
    }
}

impl RequestSpan {
    /// The answer is there.
    pub fn end(self, route: Route, status: StatusCode, refused: Option<Code>) {
        let RequestSpan { span, method } = self;
        if route != Route::OTHER {
            span.rename(format!("{method} {}", route.pattern()));
            span.set("http.route", route.pattern());
        }
        span.set("http.response.status_code", i64::from(status.as_u16()));
        if let Some(code) = refused {
            span.set("xincha.problem", code.name());
        }
        if status.is_server_error() {
            span.fail(refused.map_or("_OTHER", Code::name));
        }
        span.end();
    }
}

/// As it is written in HTTP, or that it is not: whoever asks may write anything there.
fn method(method: &Method) -> &'static str {
    let known = ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"];
    known.into_iter().find(|known| method == known).unwrap_or("_OTHER")
}
