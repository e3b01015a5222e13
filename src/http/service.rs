//! One request: which of the two ways it goes.

use super::check::{self, Unanswered, Worker};
use super::check_id::CheckIds;
use super::gate::{self, Admitted, Gate, Peer};
use super::metrics::Route;
use super::problem::{Code, Problem};
use super::round::{ASIDE, Round};
use super::routes::Asked;
use super::searchers::{Searcher, Searchers};
use super::times::Times;
use super::who::Who;
use super::witness::{self, Witness};
use super::{host, request, routes};
use crate::audit::{Act, Log, ReceiptNo, Record};
use crate::clock;
use crate::live::{Follower, Live};
use crate::record::{self, limits};
use crate::traces;
use axum::Router;
use hyper::body::{Body, Bytes, Frame, Incoming, SizeHint};
use hyper::header::{ALLOW, CONTENT_ENCODING, CONTENT_TYPE, EXPECT, HeaderMap, HeaderValue};
use hyper::http::request::Parts;
use hyper::{Method, Request, Response};
use std::cell::RefCell;
use std::future::poll_fn;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};
use tower::ServiceExt;

/// The path that is not routed.
pub(super) const CHECK: &str = "/v1/check";

/// What one worker answers with. Shared by its connections, on its thread alone.
pub(super) struct Service {
    gate: Gate,
    own: RefCell<Own>,
    router: Router,
    searchers: Searchers,
    live: Live,
    times: Times,
    audit: Option<Log>,
    lane: usize,
    pub round: Round,
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
    /// That of the first thread.
    pub const FIRST_LANE: usize = 1;

    /// That of the thread that writes to the lane.
    pub fn new(asked: Asked, round: Round) -> Service {
        let desk = &asked.desk;
        let own = Own {
            follower: desk.live.follow(),
            worker: Worker::default(),
            ids: CheckIds::new(),
            out: Vec::with_capacity(4096),
        };
        Service {
            gate: Gate::new(&desk.clients, desk.refusals.clone()),
            own: RefCell::new(own),
            searchers: asked.searchers.clone(),
            live: desk.live.clone(),
            times: asked.times.clone(),
            audit: desk.audit.clone(),
            lane: asked.lane,
            round,
            router: routes::router(asked),
        }
    }

    /// Answer a request of whoever is at the other end, taken up at this moment.
    pub async fn serve(
        &self,
        peer: &Peer,
        request: Request<Incoming>,
        begun: Instant,
    ) -> Response<Answer> {
        let (head, body) = request.into_parts();
        if let Some(route) = self.put_off(&head, begun) {
            discard(&head, body).await;
            let mut response = problem_response(&Code::Overloaded.whole());
            response.extensions_mut().insert(route);
            return if route == Route::CHECK { response } else { rests_if_put_off(response) };
        }
        let named = host::must_name(&head);
        let admitted = match named.and_then(|()| self.gate.admit(peer, &head, clock::millis())) {
            Ok(admitted) => admitted,
            Err(problem) => {
                discard(&head, body).await;
                return problem_response(&problem);
            }
        };
        if let (Some(span), Some(client)) = (traces::current(), &admitted.who.client) {
            span.set("xincha.client", client.name.clone());
        }
        if head.uri.path() != CHECK {
            return rests_if_put_off(self.route(&admitted, head, body).await);
        }
        if head.method != Method::POST {
            let mut response = problem_response(&Code::MethodNotAllowed.whole());
            response.headers_mut().insert(ALLOW, HeaderValue::from_static("POST"));
            return response;
        }
        let body = match self.read(&admitted, &head.headers, body).await {
            Ok(body) => body,
            Err(problem) => return problem_response(&problem),
        };
        match self.check_when_reached(&admitted.who, &body).await {
            Ok(answer) => checked_response(answer),
            Err(Unanswered::Problem(problem)) => problem_response(&problem),
            Err(Unanswered::MustSearch) => match self.check_aside(admitted.who, body).await {
                Ok(answer) => checked_response(answer),
                Err(problem) => rests_if_put_off(problem_response(&problem)),
            },
        }
    }

    /// The route of a request that the worker is too far behind to answer.
    fn put_off(&self, head: &Parts, now: Instant) -> Option<Route> {
        let path = head.uri.path();
        self.round.enter(now);
        if path == CHECK {
            return (!self.round.takes_check(now)).then_some(Route::CHECK);
        }
        if self.round.takes_aside(now) || head.method != Method::POST {
            return None;
        }
        ASIDE.iter().find(|pattern| gate::fits(pattern, path)).map(|pattern| Route::of(pattern))
    }

    /// Let go of a generation that was swapped out, without waiting for a request. One of the threads records
    /// what answers instead.
    pub fn refresh(&self) {
        let mut own = self.own.borrow_mut();
        let view = own.follower.current();
        if let (Some(view), Some(log), Self::FIRST_LANE) = (view, &self.audit, self.lane) {
            let record = Record { ground: Some(view.recorded()), ..log.now(Act::Serve) };
            // A log that takes nothing says so itself.
            let _ = log.append(self.lane, &record);
        }
    }

    async fn route(
        &self,
        admitted: &Admitted,
        mut head: Parts,
        body: Incoming,
    ) -> Response<Answer> {
        head.extensions.insert(admitted.who.clone());
        let body = match admitted.signed_body {
            None => axum::body::Body::new(body),
            // Nothing is done with it before it is known to be the one that was signed.
            Some(_) => match read_body(body, self.times.body()).await {
                Ok(body) => match self.gate.check_body(admitted, &body) {
                    Ok(()) => body.into(),
                    Err(problem) => return problem_response(&problem),
                },
                Err(problem) => return problem_response(&problem),
            },
        };
        match self.router.clone().oneshot(Request::from_parts(head, body)).await {
            Ok(response) => response.map(Answer::Routed),
            Err(never) => match never {},
        }
    }

    /// The body is read whatever its type: the connection of an unread one must be closed.
    async fn read(
        &self,
        admitted: &Admitted,
        headers: &HeaderMap,
        body: Incoming,
    ) -> Result<Bytes, Problem> {
        let body = read_body(body, self.times.body()).await?;
        // Where it was waited for, others came in the meantime.
        let now = Instant::now();
        self.round.enter(now);
        if !self.round.takes_check(now) {
            return Err(Code::Overloaded.whole());
        }
        self.gate.check_body(admitted, &body)?;
        if is_plain_json(headers) { Ok(body) } else { Err(Code::UnsupportedMediaType.whole()) }
    }

    /// Decide a check; where it asks for a change that is not seen yet, wait for that a little.
    async fn check_when_reached(&self, who: &Who, body: &[u8]) -> Result<Bytes, Unanswered> {
        let mut answered = self.check(who, body);
        if let Err(Unanswered::Problem(problem)) = &answered
            && problem.code == Code::ChangeNotReached
        {
            let part = traces::child("change wait");
            self.live.reached(request::min_change(body), CHANGE_WAIT).await;
            drop(part);
            answered = self.check(who, body);
        }
        let (answer, receipt) = answered?;
        self.durable(receipt).await?;
        Ok(answer)
    }

    /// Decide a check that must search names, where that delays no other.
    async fn check_aside(&self, who: Who, body: Bytes) -> Result<Bytes, Problem> {
        if !self.round.takes_aside(Instant::now()) {
            return Err(Code::Overloaded.whole());
        }
        let millis = clock::millis();
        let now = record::Instant::of_millis(millis);
        let id = self.own.borrow_mut().ids.next(millis);
        let view = self.live.current().ok_or(Code::NotReady.whole())?;
        let (audit, lane) = (self.audit.clone(), self.lane);
        let search = move |searcher: &mut Searcher| {
            let (mut out, log) = (Vec::new(), audit.as_ref());
            let (witness, worker) = (Witness { who: &who, log, lane }, &mut searcher.worker);
            check::answer_to(&witness, &view, now, id, &body, worker, &mut out)
                .map(|receipt| (out, receipt))
        };
        match self.searchers.run(search).await? {
            Ok((answer, receipt)) => self.durable(receipt).await.map(|()| answer.into()),
            Err(Unanswered::Problem(problem)) => Err(problem),
            Err(Unanswered::MustSearch) => Err(Code::Internal.whole()),
        }
    }

    /// Wait for the disk, where answers do.
    async fn durable(&self, receipt: Option<ReceiptNo>) -> Result<(), Problem> {
        let Some(log) = &self.audit else { return Ok(()) };
        witness::durable(log, receipt).await
    }

    /// Decide a check with the view that is current now. Nothing here waits, so the request
    /// keeps that view to its end.
    fn check(&self, who: &Who, body: &[u8]) -> Result<(Bytes, Option<ReceiptNo>), Unanswered> {
        let millis = clock::millis();
        let now = record::Instant::of_millis(millis);
        let mut own = self.own.borrow_mut();
        let Own { follower, worker, ids, out } = &mut *own;
        let Some(view) = follower.current() else {
            return Err(Code::NotReady.whole().into());
        };
        let id = ids.next(millis);
        let witness = Witness { who, log: self.audit.as_ref(), lane: self.lane };
        // A fault of ours must not take the connection's other requests with it. What the worker
        // holds is scratch, which a fault may leave in any state, so it is made anew.
        let answered = std::panic::catch_unwind(AssertUnwindSafe(|| {
            check::answer_to(&witness, view, now, id, body, worker, out)
        }));
        match answered {
            Ok(Ok(receipt)) => {
                // One copy of some hundred bytes: cheaper than a shared buffer, which cannot be
                // reused while pipelined answers wait in it.
                let answer = Bytes::copy_from_slice(out);
                out.clear();
                out.shrink_to(KEPT_BYTES);
                Ok((answer, receipt))
            }
            Ok(Err(why)) => Err(why),
            Err(_) => {
                *worker = Worker::default();
                Err(Code::Internal.whole().into())
            }
        }
    }
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

/// Read over a small body that nobody wants, unless it is still to be asked for: the connection of an unread one is
/// closed at once, so that its sender need not hear why, and another costs more than the reading.
async fn discard(head: &Parts, mut body: Incoming) {
    const BYTES_MAX: u64 = 64 * 1024;
    const TIME: Duration = Duration::from_secs(1);
    if head.headers.contains_key(EXPECT) || body.size_hint().lower() > BYTES_MAX {
        return;
    }
    let mut read = 0;
    let over = poll_fn(|cx| {
        while !body.is_end_stream() && read <= BYTES_MAX {
            match Pin::new(&mut body).poll_frame(cx) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Some(Ok(frame))) => {
                    read += frame.data_ref().map_or(0, Bytes::len) as u64;
                }
                Poll::Ready(_) => break,
            }
        }
        Poll::Ready(())
    });
    let _ = tokio::time::timeout(TIME, over).await;
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

/// The answer of a check as a response.
fn checked_response(answer: Bytes) -> Response<Answer> {
    let mut response = Response::new(Answer::Whole(Some(answer)));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// The connection of a response that bears this rests before it is read again.
#[derive(Clone, Copy)]
pub(super) struct Rests;

/// What was put off and is no check could be asked again at once, and refusing it would take the time of checks.
fn rests_if_put_off(mut response: Response<Answer>) -> Response<Answer> {
    if response.extensions().get() == Some(&Code::Overloaded) {
        response.extensions_mut().insert(Rests);
    }
    response
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
