//! One holder at a time.

use super::*;
use crate::servers::proxy::Proxy;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use std::thread;
use xincha::ledger::{Held, Lease, LeaseConfig};

const TERM_MS: u64 = 600;

fn contend(url: &str, holder: &str) -> Lease {
    contend_for(TERM_MS, url, holder)
}

fn contend_for(term_ms: u64, url: &str, holder: &str) -> Lease {
    let config = LeaseConfig { holder: holder.to_owned(), term_ms, ..LeaseConfig::default() };
    Lease::open(config_of(url), &config).unwrap()
}

/// The holders now, by the place of each; fails when there are two at one time.
fn holder<'a>(leases: impl Iterator<Item = &'a Lease>) -> Option<(usize, Held)> {
    let mut only: Option<(usize, Held)> = None;
    for (at, lease) in leases.enumerate() {
        let Some(held) = lease.hold() else { continue };
        // Both are held while the later one was asked, if the earlier one lasts until now.
        if let Some((earlier, before)) = only.filter(|(_, before)| before.is_valid()) {
            panic!("{earlier} and {at} hold: {before:?}, {held:?}");
        }
        only = Some((at, held));
    }
    only
}

#[test]
fn one_of_three_holds_and_another_after_it_died() {
    let nats = Nats::start();
    let mut leases: Vec<Lease> = ["a", "b", "c"].map(|name| contend(&nats.url(), name)).into();
    let (first, held) = eventually("held", || holder(leases.iter()));
    // Renewed for longer than a term, under the same token.
    let until = Instant::now() + Duration::from_millis(2 * TERM_MS);
    while Instant::now() < until {
        let (still, now) = holder(leases.iter()).expect("held");
        assert_eq!((still, now.token), (first, held.token));
        thread::sleep(Duration::from_millis(10));
    }
    let died = Instant::now();
    drop(leases.remove(first));
    let (_, next) = eventually("taken over", || holder(leases.iter()));
    let took = died.elapsed();
    println!("taken over after {took:?}");
    assert!(took > Duration::from_millis(TERM_MS / 2), "{took:?}");
    assert!(next.token > held.token);
}

#[test]
fn what_is_given_back_is_taken_without_a_term() {
    let nats = Nats::start();
    // Longer than anything is waited for here.
    let first = contend_for(600_000, &nats.url(), "first");
    let held = eventually("held", || first.hold());
    let second = contend(&nats.url(), "second");
    assert_eq!(second.hold(), None);
    first.release();
    assert!(eventually("taken", || second.hold()).token > held.token);
}

#[test]
fn a_holder_cut_off_stops_before_another_begins() {
    let nats = Nats::start();
    let proxy = Proxy::to(nats.port());
    let cut_off = contend(&format!("nats://127.0.0.1:{}", proxy.port()), "cut off");
    let held = eventually("held", || cut_off.hold());
    let other = contend(&nats.url(), "other");
    assert_eq!(other.hold(), None);
    proxy.stall(true);
    let next = eventually("taken over", || holder([&cut_off, &other].into_iter().skip(1)));
    assert_eq!(cut_off.hold(), None);
    assert!(!held.is_valid() && next.1.token > held.token);
    proxy.stall(false);
    thread::sleep(Duration::from_millis(TERM_MS));
    assert_eq!(holder([&cut_off, &other].into_iter()).map(|(at, held)| (at, held.token)), {
        Some((1, next.1.token))
    });
}

#[test]
fn no_two_hold_at_once_through_random_pauses_and_kills() {
    let mut nats = Nats::start();
    let proxies = [0, 1, 2].map(|_| Proxy::to(nats.port()));
    let leases = proxies.each_ref().map(|proxy| {
        // So short that many pauses outlast it.
        contend_for(TERM_MS / 2, &format!("nats://127.0.0.1:{}", proxy.port()), "any")
    });
    let mut random = StdRng::seed_from_u64(7);
    let (mut holders, mut token) = ([0; 3], 0);
    for _ in 0..200 {
        let proxy = &proxies[random.random_range(0..3)];
        match random.random_range(0..20) {
            0..=5 => proxy.stall(true),
            6..=17 => proxy.stall(false),
            18 => nats.restart(),
            _ => proxy.cut_after(0),
        }
        let until = Instant::now() + Duration::from_millis(random.random_range(0..120));
        while Instant::now() < until {
            if let Some((at, held)) = holder(leases.iter()) {
                assert!(held.token >= token, "{} after {token}", held.token);
                (holders[at], token) = (holders[at] + 1, held.token);
            }
            thread::sleep(Duration::from_millis(2));
        }
        proxies.iter().for_each(Proxy::mend);
    }
    println!("looks at which each held: {holders:?}, last token {token}");
    assert!(holders.iter().filter(|&&looks| looks > 0).count() > 1, "{holders:?}");
}
