//! A way to a server that can be stalled and cut.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::thread;
use std::time::Duration;

/// Listens on loopback and passes bytes both ways. Its threads end with their connections, after it
/// is dropped.
pub struct Proxy {
    port: u16,
    state: Arc<State>,
}

struct State {
    /// Bytes wait, nothing is closed.
    stalled: AtomicBool,
    /// Bytes that may still go to the server; when there are none, connections close.
    left: AtomicI64,
    ended: AtomicBool,
}

impl Proxy {
    pub fn to(server: u16) -> Proxy {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let state = Arc::new(State {
            stalled: AtomicBool::new(false),
            left: AtomicI64::new(i64::MAX),
            ended: AtomicBool::new(false),
        });
        let shared = state.clone();
        thread::spawn(move || {
            for client in listener.incoming() {
                if shared.ended.load(Ordering::Relaxed) {
                    return;
                }
                pass(client.unwrap(), server, &shared);
            }
        });
        Proxy { port, state }
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    pub fn stall(&self, stalled: bool) {
        self.state.stalled.store(stalled, Ordering::Relaxed);
    }

    /// Close every connection once so many more bytes went to the server.
    pub fn cut_after(&self, bytes: i64) {
        self.state.left.store(bytes, Ordering::Relaxed);
    }

    pub fn mend(&self) {
        self.state.left.store(i64::MAX, Ordering::Relaxed);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.state.ended.store(true, Ordering::Relaxed);
        self.cut_after(0);
        // Wakes the listener.
        let _ = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port));
    }
}

fn pass(client: TcpStream, server: u16, state: &Arc<State>) {
    if state.left.load(Ordering::Relaxed) <= 0 {
        return;
    }
    // Nothing listens there while the server is down: the client is closed as well.
    let Ok(server) = TcpStream::connect((Ipv4Addr::LOCALHOST, server)) else { return };
    for (from, to, counts) in [(&client, &server, true), (&server, &client, false)] {
        let (from, to) = (from.try_clone().unwrap(), to.try_clone().unwrap());
        let state = state.clone();
        thread::spawn(move || copy(from, to, counts, &state));
    }
}

fn copy(mut from: TcpStream, mut to: TcpStream, counts: bool, state: &State) {
    from.set_read_timeout(Some(Duration::from_millis(20))).unwrap();
    let mut buffer = [0; 16 * 1024];
    loop {
        while state.stalled.load(Ordering::Relaxed) && !state.ended.load(Ordering::Relaxed) {
            thread::sleep(Duration::from_millis(2));
        }
        if state.left.load(Ordering::Relaxed) <= 0 {
            break;
        }
        match from.read(&mut buffer) {
            Ok(read) if read > 0 => {
                if counts {
                    state.left.fetch_sub(read as i64, Ordering::Relaxed);
                }
                if to.write_all(&buffer[..read]).is_err() {
                    break;
                }
            }
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
            _ => break,
        }
    }
    let _ = from.shutdown(Shutdown::Both);
    let _ = to.shutdown(Shutdown::Both);
}
