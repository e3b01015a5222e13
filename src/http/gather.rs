//! Answers of one wake-up leave in one write.
//!
//! hyper writes every answer to its socket by itself. What it writes is gathered here instead, and
//! sent when the connection's task is about to sleep: sixteen pipelined requests cost one system
//! call, a single one what it always did.
//!
//! Tried and left: hyper's own `pipeline_flush`. It writes only when no byte of a further request
//! has arrived, so a peer that sends faster than it is served, and reads nothing, makes it buffer
//! without bound; and an answer waits as long as the next request is half there.

use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::rt::TokioIo;
use std::cell::RefCell;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite};

/// Bytes that are gathered before they are sent without waiting for more. A peer that takes nothing
/// holds up its own requests from there on.
const GATHERED_BYTES_MAX: usize = 64 * 1024;
/// Bytes of space that an idle connection keeps.
const KEPT_BYTES: usize = 16 * 1024;

/// A connection's socket. Cloning shares: hyper writes into one handle, the task sends through the
/// other.
pub(super) struct Gather<S>(Rc<RefCell<Socket<S>>>);

struct Socket<S> {
    io: TokioIo<S>,
    gathered: Vec<u8>,
    sent: usize,
}

impl<S> Clone for Gather<S> {
    fn clone(&self) -> Gather<S> {
        Gather(self.0.clone())
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Gather<S> {
    pub fn new(stream: S) -> Gather<S> {
        Gather(Rc::new(RefCell::new(Socket {
            io: TokioIo::new(stream),
            gathered: Vec::new(),
            sent: 0,
        })))
    }

    /// Send what is gathered. Pending: the task is woken when the peer takes more.
    pub fn poll_send(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.0.borrow_mut().poll_send(cx)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Socket<S> {
    fn poll_send(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.sent < self.gathered.len() {
            let rest = &self.gathered[self.sent..];
            match ready!(Pin::new(&mut self.io).poll_write(cx, rest))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                sent => self.sent += sent,
            }
        }
        self.gathered.clear();
        self.gathered.shrink_to(KEPT_BYTES);
        self.sent = 0;
        // TLS keeps what its socket did not take.
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_gather(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if self.gathered.len() >= GATHERED_BYTES_MAX {
            ready!(self.poll_send(cx))?;
        }
        if self.gathered.is_empty() && bytes.len() >= GATHERED_BYTES_MAX {
            return Pin::new(&mut self.io).poll_write(cx, bytes);
        }
        let taken = bytes.len().min(GATHERED_BYTES_MAX - self.gathered.len());
        self.gathered.extend_from_slice(&bytes[..taken]);
        Poll::Ready(Ok(taken))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Read for Gather<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0.borrow_mut().io).poll_read(cx, buffer)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Write for Gather<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.0.borrow_mut().poll_gather(cx, bytes)
    }

    /// Says that it is done: the task sends before it sleeps.
    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut socket = self.0.borrow_mut();
        ready!(socket.poll_send(cx))?;
        Pin::new(&mut socket.io).poll_shutdown(cx)
    }
}
