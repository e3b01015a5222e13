//! One request: which of the two ways it goes.

use super::check::{self, Unanswered, Worker};
use super::check_id::CheckIds;
use super::desk::Desk;
use super::jobs::Peer;
use super::metrics::Metrics;
use super::problem::{Code, Problem};
use super::searchers::{Searcher, Searchers};
use super::{request, routes};
use crate::live::{Follower, Live};
use crate::record::{Instant, limits};
use axum::Router;
use hyper::body::{Body, Bytes, Frame, Incoming, SizeHint};
use hyper::header::{ALLOW, CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderValue};
use hyper::{Method, Request, Response};
use std::cell::RefCell;
use std::future::poll_fn;
use std::net::IpAddr;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, SystemTime};
use tower::ServiceExt;

/// The path that is not routed.
pub(super) const CHECK: &str = "/v1/check";

/// What one worker answers with. Shared by its connections, on its thread alone.
pub(super) struct Service {
    own: RefCell<Own>,
    router: Router,
    searchers: Searchers,
    live: Live,
    body_timeout: Duration,
}

/// How long a check waits for the change that it asks to be seen.
const CHANGE_WAIT: Duration = Duration::from_millis(500);

/// What answering changes.
struct Own {
    follower: Follower,
    worker: Worker,
    ids: CheckIds,
    out: Vec<u8>,
}

/// Bytes that an answer's buffer keeps between requests; a larger one was of a large check.
const KEPT_BYTES: usize = 64 * 1024;

impl Service {
    pub fn new(
        desk: &Desk,
        searchers: &Searchers,
        metrics: &Metrics,
        body_timeout: Duration,
    ) -> Service {
        let own = Own {
            follower: desk.live.follow(),
            worker: Worker::default(),
            ids: CheckIds::new(),
            out: Vec::with_capacity(4096),
        };
        let router = routes::router(desk.clone(), searchers.clone(), metrics.clone(), body_timeout);
        let (live, searchers) = (desk.live.clone(), searchers.clone());
        Service { own: RefCell::new(own), router, searchers, live, body_timeout }
    }

    /// Answer a request of whoever is at that address.
    pub async fn serve(&self, peer: IpAddr, mut request: Request<Incoming>) -> Response<Answer> {
        if request.uri().path() != CHECK {
            request.extensions_mut().insert(Peer(peer));
            return self.route(request).await;
        }
        if request.method() != Method::POST {
            let mut response = problem_response(&Code::MethodNotAllowed.whole());
            response.headers_mut().insert(ALLOW, HeaderValue::from_static("POST"));
            return response;
        }
        let (head, body) = request.into_parts();
        let answered = match self.read(&head.headers, body).await {
            Ok(body) => self.check_when_reached(body).await,
            Err(problem) => Err(problem),
        };
        match answered {
            Ok(answer) => {
                let mut response = Response::new(Answer::Whole(Some(answer)));
                response
                    .headers_mut()
                    .insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
                response
            }
            Err(problem) => problem_response(&problem),
        }
    }

    /// Let go of a generation that was swapped out, without waiting for a request.
    pub fn refresh(&self) {
        self.own.borrow_mut().follower.current();
    }

    async fn route(&self, request: Request<Incoming>) -> Response<Answer> {
        match self.router.clone().oneshot(request).await {
            Ok(response) => response.map(Answer::Routed),
            Err(never) => match never {},
        }
    }

    /// The body is read whatever its type: the connection of an unread one must be closed.
    async fn read(&self, headers: &HeaderMap, body: Incoming) -> Result<Bytes, Problem> {
        let body = read_body(body, self.body_timeout).await?;
        if is_plain_json(headers) { Ok(body) } else { Err(Code::UnsupportedMediaType.whole()) }
    }

    /// Decide a check; where it asks for a change that is not seen yet, wait for that a little.
    async fn check_when_reached(&self, body: Bytes) -> Result<Bytes, Problem> {
        let mut answered = self.check(&body);
        if let Err(Unanswered::Problem(problem)) = &answered
            && problem.code == Code::ChangeNotReached
        {
            self.live.reached(request::min_change(&body), CHANGE_WAIT).await;
            answered = self.check(&body);
        }
        match answered {
            Ok(answer) => Ok(answer),
            Err(Unanswered::Problem(problem)) => Err(problem),
            Err(Unanswered::MustSearch) => self.check_aside(body).await,
        }
    }

    /// Decide a check that must search names, where that delays no other.
    async fn check_aside(&self, body: Bytes) -> Result<Bytes, Problem> {
        let (now, millis) = clock();
        let id = self.own.borrow_mut().ids.next(millis);
        let view = self.live.current().ok_or(Code::NotReady.whole())?;
        let search = move |searcher: &mut Searcher| {
            let mut out = Vec::new();
            check::answer(&view, now, id, &body, &mut searcher.worker, &mut out).map(|()| out)
        };
        match self.searchers.run(search).await? {
            Ok(answer) => Ok(answer.into()),
            Err(Unanswered::Problem(problem)) => Err(problem),
            Err(Unanswered::MustSearch) => Err(Code::Internal.whole()),
        }
    }

    /// Decide a check with the view that is current now. Nothing here waits, so the request
    /// keeps that view to its end.
    fn check(&self, body: &[u8]) -> Result<Bytes, Unanswered> {
        let (now, millis) = clock();
        let mut own = self.own.borrow_mut();
        let Own { follower, worker, ids, out } = &mut *own;
        let Some(view) = follower.current() else {
            return Err(Code::NotReady.whole().into());
        };
        let id = ids.next(millis);
        // A fault of ours must not take the connection's other requests with it. What the worker
        // holds is scratch, which a fault may leave in any state, so it is made anew.
        let answered = std::panic::catch_unwind(AssertUnwindSafe(|| {
            check::answer(view, now, id, body, worker, out)
        }));
        match answered {
            Ok(Ok(())) => {
                // One copy of some hundred bytes: cheaper than a shared buffer, which cannot be
                // reused while pipelined answers wait in it.
                let answer = Bytes::copy_from_slice(out);
                out.clear();
                out.shrink_to(KEPT_BYTES);
                Ok(answer)
            }
            Ok(Err(why)) => Err(why),
            Err(_) => {
                *worker = Worker::default();
                Err(Code::Internal.whole().into())
            }
        }
    }
}

/// The time, read once a request: as an instant and in milliseconds.
pub(super) fn clock() -> (Instant, u64) {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    (Instant(since.as_secs() as i64), since.as_millis() as u64)
}

/// No type given, or `application/json` with any parameters; not compressed.
fn is_plain_json(headers: &HeaderMap) -> bool {
    let kind = headers.get(CONTENT_TYPE).map(HeaderValue::as_bytes);
    let is_json = kind.is_none_or(|kind| {
        let essence = kind.split(|&byte| byte == b';').next().unwrap_or_default();
        essence.trim_ascii().eq_ignore_ascii_case(b"application/json")
    });
    is_json && headers.get(CONTENT_ENCODING).is_none_or(|coding| coding == "identity")
}

/// All of a body, within its bound and its time. A body in one frame is not copied, and needs no
/// timer when it is there already.
async fn read_body(mut body: Incoming, timeout: Duration) -> Result<Bytes, Problem> {
    let max = limits::BODY_BYTES_MAX;
    let too_large = || Code::BodyTooLarge.whole().beyond(max);
    if body.size_hint().lower() > max as u64 {
        return Err(too_large());
    }
    let mut whole = Whole::default();
    let ready = poll_fn(|cx| Poll::Ready(whole.poll(&mut body, cx))).await;
    let read = match ready {
        Poll::Ready(read) => read,
        Poll::Pending => {
            match tokio::time::timeout(timeout, poll_fn(|cx| whole.poll(&mut body, cx))).await {
                Ok(read) => read,
                Err(_) => return Err(Code::RequestTimeout.whole()),
            }
        }
    };
    match read {
        Read::Whole => Ok(whole.into_bytes()),
        Read::TooLarge => Err(too_large()),
        // Nobody is there to read what it was.
        Read::Broken => Err(Code::InvalidJson.whole()),
    }
}

/// How reading a body ended.
enum Read {
    Whole,
    TooLarge,
    Broken,
}

/// A body as far as it was read: the first frame, and a copy of all once there is a second.
#[derive(Default)]
struct Whole {
    first: Option<Bytes>,
    copied: Vec<u8>,
}

impl Whole {
    fn poll(&mut self, body: &mut Incoming, cx: &mut Context<'_>) -> Poll<Read> {
        loop {
            if body.is_end_stream() {
                return Poll::Ready(Read::Whole);
            }
            let frame = match Pin::new(&mut *body).poll_frame(cx) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(None) => return Poll::Ready(Read::Whole),
                Poll::Ready(Some(Err(_))) => return Poll::Ready(Read::Broken),
                Poll::Ready(Some(Ok(frame))) => frame,
            };
            // Trailers say nothing here.
            let Ok(data) = frame.into_data() else { continue };
            let length = self.first.as_ref().map_or(0, Bytes::len).max(self.copied.len());
            if length + data.len() > limits::BODY_BYTES_MAX {
                return Poll::Ready(Read::TooLarge);
            }
            match &self.first {
                None => self.first = Some(data),
                Some(first) => {
                    if self.copied.is_empty() {
                        self.copied.extend_from_slice(first);
                    }
                    self.copied.extend_from_slice(&data);
                }
            }
        }
    }

    fn into_bytes(self) -> Bytes {
        if self.copied.is_empty() {
            self.first.unwrap_or_default()
        } else {
            Bytes::from(self.copied)
        }
    }
}

/// A problem as a response.
pub(super) fn problem_response(problem: &Problem) -> Response<Answer> {
    let mut response = Response::new(Answer::Whole(Some(Bytes::from(problem.to_json()))));
    *response.status_mut() = problem.code.status();
    problem.head(response.headers_mut());
    response.extensions_mut().insert(problem.code);
    response
}

/// The body of a response: bytes that are there already, or the router's.
pub(super) enum Answer {
    Whole(Option<Bytes>),
    Routed(axum::body::Body),
}

impl Body for Answer {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        match &mut *self {
            Answer::Whole(bytes) => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
            Answer::Routed(body) => Pin::new(body).poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Answer::Whole(bytes) => bytes.is_none(),
            Answer::Routed(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Answer::Whole(bytes) => {
                SizeHint::with_exact(bytes.as_ref().map_or(0, Bytes::len) as u64)
            }
            Answer::Routed(body) => body.size_hint(),
        }
    }
}
