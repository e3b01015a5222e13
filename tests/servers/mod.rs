//! Servers as they are, on loopback and free ports, in folders of their own; stopped and removed when
//! dropped. One that cannot be started fails the test.
//!
//! A test binary uses what it needs of them.
#![allow(dead_code)]

mod certificate;
mod postgres;
mod s3;
mod web;

pub use certificate::Certificate;
pub use postgres::Postgres;
pub use s3::S3;
pub use web::{Answer, Asked, Web};

use std::net::{Ipv4Addr, TcpListener};
use std::time::{Duration, Instant};

/// A port that was free a moment ago.
pub fn free_port() -> u16 {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port()
}

/// Wait until it is so; fails after two minutes, which is for busy cores.
pub fn eventually(what: &str, mut is_so: impl FnMut() -> bool) {
    let started = Instant::now();
    while !is_so() {
        assert!(started.elapsed() < Duration::from_secs(120), "{what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}
