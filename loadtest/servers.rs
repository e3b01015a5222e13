//! The two servers, a thread each in the process that is measured.

use crate::corpus;
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::LocalSet;
use xincha::http::{HttpConfig, Server};
use xincha::live::Live;

/// A server on its own thread.
pub struct Running {
    pub address: SocketAddr,
    shutdown: watch::Sender<bool>,
    thread: JoinHandle<io::Result<()>>,
}

impl Running {
    pub fn stop(self) -> Result<(), String> {
        self.shutdown.send_replace(true);
        let ended = self.thread.join().map_err(|_| "a server panicked".to_owned())?;
        ended.map_err(|error| format!("a server: {error}"))
    }
}

/// One worker, everything else as shipped; where nothing is measured nothing is refused for being late, which a
/// slow machine is.
fn config() -> HttpConfig {
    let shipped = HttpConfig::default();
    let check_wait_ms_max = if corpus::is_measured() { shipped.check_wait_ms_max } else { 60_000 };
    HttpConfig { address: ([127, 0, 0, 1], 0).into(), workers: 1, check_wait_ms_max, ..shipped }
}

/// The service itself.
pub fn xincha(live: Live) -> io::Result<Running> {
    let bound = Server::bind(config(), live)?;
    let (address, (shutdown, stopped)) = (bound.local_addr(), watch::channel(false));
    let thread = std::thread::spawn(move || bound.run(stopped).map(|_| ()));
    Ok(Running { address, shutdown, thread })
}

/// hyper with the same settings, which reads the whole body and gives one fixed answer.
pub fn rival(answer: Vec<u8>) -> io::Result<Running> {
    let listener = TcpListener::bind(config().address)?;
    listener.set_nonblocking(true)?;
    let (address, (shutdown, stopped)) = (listener.local_addr()?, watch::channel(false));
    let thread = std::thread::spawn(move || answer_all(listener, Bytes::from(answer), stopped));
    Ok(Running { address, shutdown, thread })
}

fn answer_all(
    listener: TcpListener,
    answer: Bytes,
    mut stopped: watch::Receiver<bool>,
) -> io::Result<()> {
    let config = config();
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(Duration::from_millis(config.header_timeout_ms))
        .max_buf_size(config.buffer_bytes_max)
        .pipeline_flush(true)
        .keep_alive(true);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    LocalSet::new().block_on(&runtime, async {
        let listener = tokio::net::TcpListener::from_std(listener)?;
        loop {
            let (stream, _) = tokio::select! {
                _ = stopped.wait_for(|&stopped| stopped) => return Ok(()),
                accepted = listener.accept() => accepted?,
            };
            stream.set_nodelay(true)?;
            let answer = answer.clone();
            let service = service_fn(move |request| one(request, answer.clone()));
            tokio::task::spawn_local(http.serve_connection(TokioIo::new(stream), service));
        }
    })
}

async fn one(request: Request<Incoming>, answer: Bytes) -> hyper::Result<Response<Full<Bytes>>> {
    std::hint::black_box(request.into_body().collect().await?.to_bytes());
    let mut response = Response::new(Full::new(answer));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    Ok(response)
}
