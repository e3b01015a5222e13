//! Threads, listeners, connections, the drain.
//!
//! One thread a core, each with a runtime and a listener of its own on the same address
//! (`SO_REUSEPORT`): the system deals connections out, and no two threads share anything that a
//! request writes.

use super::HttpConfig;
use super::admission::{Admission, Admitted, Capacity};
use super::desk::Desk;
use super::gate::Peer;
use super::gather::Gather;
use super::metrics::{Metrics, Route, Shard};
use super::problem::Code;
use super::round::Round;
use super::routes::Asked;
use super::searchers::Searchers;
use super::service::{self, Service};
use super::spans::Spans;
use super::times::Times;
use super::tls::{Tls, fingerprint};
use crate::live::Live;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioTimer;
use socket2::{Domain, Protocol, Socket, Type};
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::convert::Infallible;
use std::future::poll_fn;
use std::io;
use std::net::{IpAddr, SocketAddr, TcpListener};
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Poll, Waker};
use std::time::{Duration, Instant};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::{Notify, watch};
use tokio::task::LocalSet;
use tokio_rustls::server::TlsStream;

/// The server before it listens.
pub struct Server;

impl Server {
    /// Listen, one socket a worker. Nothing is accepted until [`Bound::run`].
    ///
    /// # Errors
    ///
    /// The address is taken or not ours, a setting is out of its bounds, or the certificate cannot be used.
    pub fn bind(config: HttpConfig, desk: impl Into<Desk>) -> io::Result<Bound> {
        if config.buffer_bytes_max < HttpConfig::BUFFER_BYTES_MIN {
            let why = format!("buffer_bytes_max is below {}", HttpConfig::BUFFER_BYTES_MIN);
            return Err(io::Error::new(io::ErrorKind::InvalidInput, why));
        }
        let tls = config.tls.clone().map(Tls::open).transpose();
        let tls = tls.map_err(|why| io::Error::new(io::ErrorKind::InvalidInput, why))?;
        // Sharing the port among our workers shares it with a second server of the same user as
        // well, which would take half of the connections: a bind that shares nothing finds it out.
        let alone =
            Socket::new(Domain::for_address(config.address), Type::STREAM, Some(Protocol::TCP))?;
        alone.set_reuse_address(true)?;
        alone.bind(&config.address.into())?;
        drop(alone);
        let first = listen(config.address, config.backlog)?;
        let address = first.local_addr()?;
        let mut listeners = vec![first];
        for _ in 1..config.worker_count() {
            listeners.push(listen(address, config.backlog)?);
        }
        let admission = Arc::new(Admission::new(config.connections_max, tls.is_some()));
        let times = Times::of(&config);
        Ok(Bound { config, desk: desk.into(), address, listeners, admission, tls, times })
    }
}

fn listen(address: SocketAddr, backlog: u32) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    socket.set_reuse_port(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(i32::try_from(backlog).unwrap_or(i32::MAX))?;
    Ok(socket.into())
}

/// A server that listens.
pub struct Bound {
    config: HttpConfig,
    desk: Desk,
    address: SocketAddr,
    listeners: Vec<TcpListener>,
    tls: Option<Tls>,
    admission: Arc<Admission>,
    times: Times,
}

/// How a server stopped.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Drained {
    /// Connections that were still busy when the time was over, and were cut.
    pub cut: usize,
}

impl Bound {
    /// Where it listens: the port that was given, or the one that the system chose.
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// How long it waits for a peer, to be changed while it runs.
    pub fn times(&self) -> Times {
        self.times.clone()
    }

    /// How many connections it holds, to be changed while it runs.
    pub fn capacity(&self) -> Capacity {
        Capacity(self.admission.clone())
    }

    /// Serve until `shutdown` turns true or its sender is gone, then let requests under way finish
    /// within the drain timeout. Blocks; the workers are threads of its own.
    ///
    /// # Errors
    ///
    /// A thread or its runtime could not be started. The workers started before it are stopped.
    pub fn run(self, shutdown: watch::Receiver<bool>) -> io::Result<Drained> {
        let admission = self.admission;
        let _watching = self.tls.as_ref().map(Tls::watch).transpose()?;
        let stop = Arc::new(watch::Sender::new(false));
        let searchers = Searchers::start(self.config.search_thread_count());
        let metrics = Metrics::new(self.listeners.len(), admission.clone());
        let (config, tls) = (self.config, self.tls);
        let asked = Asked::new(self.desk, searchers, metrics, self.times);
        let shared = Arc::new(Shared { config, asked, tls, admission, address: self.address });
        let mut workers = Vec::new();
        let mut failure = None;
        for (number, listener) in self.listeners.into_iter().enumerate() {
            let (shared, shutdown, stopped) = (shared.clone(), shutdown.clone(), stop.subscribe());
            let work = move || work(&shared, number, listener, shutdown, stopped);
            match std::thread::Builder::new().name(format!("http-{number}")).spawn(work) {
                Ok(worker) => workers.push(worker),
                Err(error) => {
                    failure = Some(error);
                    stop.send_replace(true);
                    break;
                }
            }
        }
        let mut drained = Drained::default();
        for worker in workers {
            match worker.join() {
                Ok(Ok(cut)) => drained.cut += cut,
                Ok(Err(error)) => failure = failure.or(Some(error)),
                Err(_) => failure = failure.or(Some(io::Error::other("an http worker panicked"))),
            }
        }
        failure.map_or(Ok(drained), Err)
    }
}

/// What all workers have.
struct Shared {
    config: HttpConfig,
    asked: Asked,
    tls: Option<Tls>,
    admission: Arc<Admission>,
    address: SocketAddr,
}

/// One worker from its start to the end of its drain: how many connections were cut.
fn work(
    shared: &Shared,
    number: usize,
    listener: TcpListener,
    mut shutdown: watch::Receiver<bool>,
    mut stop: watch::Receiver<bool>,
) -> io::Result<usize> {
    let Shared { config, asked, tls, admission, address } = shared;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let tasks = LocalSet::new();
    tasks.block_on(&runtime, async {
        let listener = tokio::net::TcpListener::from_std(listener)?;
        let lane = number + Service::FIRST_LANE;
        let round = Round::new(config.check_wait_ms_max, config.aside_wait_ms_max);
        let service = Service::new(Asked { lane, ..asked.clone() }, round);
        let traces = asked.desk.traces.clone();
        let spans = Spans { traces, address: *address, is_tls: tls.is_some() };
        let counted = Rc::new(Counted { service, shard: asked.metrics.shard(number), spans });
        tokio::task::spawn_local(follow(asked.desk.live.clone(), counted.clone()));
        let marking = counted.clone();
        tokio::task::spawn_local(async move { marking.service.round.mark().await });
        let connections = Rc::new(Connections::default());
        let times = &asked.times;
        tokio::select! {
            biased;
            // An error means that nobody can ask for it any more: stop as well.
            _ = shutdown.wait_for(|&stopped| stopped) => {}
            _ = stop.wait_for(|&stopped| stopped) => {}
            never = accept(&listener, admission, |stream, peer, admitted| {
                tune(&stream, times.write());
                let connection = connections.enter();
                let peer = Peer { address: peer, certificate: None };
                let (http, counted) = (http(config, times.header()), counted.clone());
                match tls {
                    None => {
                        tokio::task::spawn_local(serve(http, stream, peer, admitted, counted, connection));
                    }
                    Some(tls) => {
                        let handshake = shake(tls.accept(stream), times.header(), connection);
                        tokio::task::spawn_local(async move {
                            if let Some((stream, connection)) = handshake.await {
                                let peer = Peer { certificate: fingerprint(&stream), ..peer };
                                serve(http, stream, peer, admitted, counted, connection).await;
                            }
                        });
                    }
                }
            }) => match never {},
        }
        drop(listener);
        connections.drain(times.drain()).await;
        Ok(connections.count())
    })
}

fn http(config: &HttpConfig, header_timeout: Duration) -> http1::Builder {
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(header_timeout)
        .max_buf_size(config.buffer_bytes_max)
        // What arrives in one piece may be longer than the buffer.
        .max_header_size(config.buffer_bytes_max)
        .keep_alive(true);
    http
}

/// An idle worker lets go of a generation that was swapped out.
async fn follow(live: Live, counted: Rc<Counted>) {
    let mut follower = live.follow();
    while follower.changed().await {
        counted.service.refresh();
    }
}

async fn accept(
    listener: &tokio::net::TcpListener,
    admission: &Arc<Admission>,
    serve: impl Fn(TcpStream, IpAddr, Admitted),
) -> Infallible {
    /// After a failure that does not pass by itself, such as no more file descriptors.
    const PAUSE: Duration = Duration::from_millis(50);
    /// Connections that are taken before those that stand have their turn.
    const TURN: usize = 8;
    loop {
        for _ in 0..TURN {
            match listener.accept().await {
                Ok((stream, peer)) => match admission.admit() {
                    Some(admitted) => serve(stream, peer.ip(), admitted),
                    None => admission.refuse(stream),
                },
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be accepted");
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
        tokio::task::yield_now().await;
    }
}

/// Both are refinements: a connection is served where the system does not know them.
fn tune(stream: &TcpStream, write_timeout: Duration) {
    // Without it an answer waits for the acknowledgement of the one before.
    let _ = stream.set_nodelay(true);
    // hyper has no time for writing: the system closes on a peer that takes nothing for so long.
    #[cfg(target_os = "linux")]
    let _ = socket2::SockRef::from(stream).set_tcp_user_timeout(Some(write_timeout));
    #[cfg(not(target_os = "linux"))]
    let _ = write_timeout;
}

/// Shake hands within the time of a head; `None` when it fails, or when the drain begins.
async fn shake(
    accept: tokio_rustls::Accept<TcpStream>,
    timeout: Duration,
    connection: Connection,
) -> Option<(TlsStream<TcpStream>, Connection)> {
    let mut accept = pin!(tokio::time::timeout(timeout, accept));
    let stream = poll_fn(|cx| {
        connection.register(cx.waker());
        if connection.is_draining() {
            return Poll::Ready(None);
        }
        // Why it failed is its peer's affair.
        accept.as_mut().poll(cx).map(|shaken| shaken.ok()?.ok())
    });
    Some((stream.await?, connection))
}

async fn serve<S: AsyncRead + AsyncWrite + Unpin + 'static>(
    http: http1::Builder,
    stream: S,
    peer: Peer,
    admitted: Admitted,
    counted: Rc<Counted>,
    connection: Connection,
) {
    let conversation = Rc::new(Conversation { counted, peer, rests_until: Cell::default() });
    let answer = service_fn(move |request| {
        let conversation = conversation.clone();
        async move { Ok::<_, Infallible>(conversation.serve(request).await) }
    });
    let socket = Gather::new(stream);
    let mut serving = pin!(http.serve_connection(socket.clone(), answer));
    let (mut told, mut served) = (false, false);
    // How a connection ended is its peer's affair.
    let _: io::Result<()> = poll_fn(|cx| {
        connection.register(cx.waker());
        if connection.is_draining() && !std::mem::replace(&mut told, true) {
            serving.as_mut().graceful_shutdown();
        }
        served = served || serving.as_mut().poll(cx).is_ready();
        // What was answered is sent before the task sleeps, and before the connection ends.
        let sent = socket.poll_send(cx)?;
        if served { sent.map(Ok) } else { Poll::Pending }
    })
    .await;
    drop(admitted);
}

/// How long a connection rests of which something was put off that is no check.
const REST: Duration = Duration::from_millis(50);

/// What one connection asks, one after the other.
struct Conversation {
    counted: Rc<Counted>,
    peer: Peer,
    rests_until: Cell<Option<Instant>>,
}

impl Conversation {
    /// A request is taken up when its connection has rested.
    async fn serve(&self, request: Request<Incoming>) -> Response<service::Answer> {
        if let Some(until) = self.rests_until.take() {
            tokio::time::sleep_until(until.into()).await;
        }
        let response = self.counted.serve(&self.peer, request).await;
        if response.extensions().get::<service::Rests>().is_some() {
            self.rests_until.set(Some(Instant::now() + REST));
        }
        response
    }
}

/// A worker's service, and what it counts and traces of each request.
struct Counted {
    service: Service,
    shard: Arc<Shard>,
    spans: Spans,
}

impl Counted {
    async fn serve(&self, peer: &Peer, request: Request<Incoming>) -> Response<service::Answer> {
        let is_check = request.uri().path() == service::CHECK;
        let measured = self.shard.begin();
        let span = self.spans.begin(&request);
        let begun = measured.begun();
        let response = match &span {
            None => self.service.serve(peer, request, begun).await,
            // Apart, so that what is not traced is no larger for it.
            Some(traced) => {
                let serve = self.service.serve(peer, request, begun);
                Box::pin(traced.span.around(serve)).await
            }
        };
        let told = response.extensions();
        let route = if is_check { Some(Route::CHECK) } else { told.get().copied() };
        let refused = told.get::<Code>().copied();
        let route = route.unwrap_or(Route::OTHER);
        measured.end(route, response.status(), refused);
        if let Some(span) = span {
            span.end(route, response.status(), refused);
        }
        response
    }
}

/// The connections of one worker. A drain wakes each of them once; until then a connection pays one
/// look at a flag for it, where a channel would be a lock at every wake-up.
#[derive(Default)]
struct Connections {
    draining: Cell<bool>,
    next: Cell<u64>,
    wakers: RefCell<HashMap<u64, Waker>>,
    left: Notify,
}

impl Connections {
    fn enter(self: &Rc<Connections>) -> Connection {
        let number = self.next.replace(self.next.get() + 1);
        self.wakers.borrow_mut().insert(number, Waker::noop().clone());
        Connection { all: self.clone(), number, registered: Cell::new(false) }
    }

    fn count(&self) -> usize {
        self.wakers.borrow().len()
    }

    /// Wait until every connection has answered what it was asked and closed.
    async fn drain(&self, timeout: Duration) {
        self.draining.set(true);
        for waker in self.wakers.borrow().values() {
            waker.wake_by_ref();
        }
        let emptied = async {
            while self.count() > 0 {
                self.left.notified().await;
            }
        };
        let _ = tokio::time::timeout(timeout, emptied).await;
    }
}

/// One of them.
struct Connection {
    all: Rc<Connections>,
    number: u64,
    registered: Cell<bool>,
}

impl Connection {
    /// A task's waker stays the same, so the first one serves to the end.
    fn register(&self, waker: &Waker) {
        if !self.registered.replace(true) {
            self.all.wakers.borrow_mut().insert(self.number, waker.clone());
        }
    }

    fn is_draining(&self) -> bool {
        self.all.draining.get()
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.all.wakers.borrow_mut().remove(&self.number);
        self.all.left.notify_one();
    }
}
