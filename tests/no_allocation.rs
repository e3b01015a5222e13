//! A clear check allocates nothing. A binary of its own, since it counts every allocation of its
//! process.

mod ground;

use hyper::Request;
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use uuid::Uuid;
use xincha::clients::{Clients, Key, Roll};
use xincha::http::gate::{Gate, Peer};
use xincha::http::{Worker, answer};
use xincha::traces::{Traces, TracesConfig, child};

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

/// The system's allocator, counting what each thread takes.
struct Counting;

// SAFETY: every call is handed to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.with(|count| count.set(count.get() + 1));
        // SAFETY: as promised by our caller.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: as promised by our caller.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        ALLOCATIONS.with(|count| count.set(count.get() + 1));
        // SAFETY: as promised by our caller.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn allocations() -> u64 {
    ALLOCATIONS.with(Cell::get)
}

#[test]
fn a_clear_check_allocates_nothing() {
    let (_folder, view) = ground::view(ground::NOW);
    let (mut worker, mut out) = (Worker::default(), Vec::new());
    let mut run = |body: &str| {
        let before = allocations();
        answer(&view, ground::NOW, Uuid::nil(), body.as_bytes(), &mut worker, &mut out).unwrap();
        assert!(!out.is_empty());
        (allocations() - before, String::from_utf8_lossy(&out).contains(r#""verdict":"clear""#))
    };
    let clear = ground::body(ground::CLEAR);
    let ids = format!(
        r#"{{"matter":"{}","subjects":[{{"ref":"a","name":"李清照","kind":"natural_person","ids":[{{"kind":"resident_id","value":"110101190001010022"}}]}},{{"ref":"b","name":"某某公司"}},{{"ref":"c","id":"MA0000066"}}]}}"#,
        ground::MATTER
    );
    for body in [&clear, &ids] {
        run(body);
        for _ in 0..3 {
            assert_eq!(run(body), (0, true), "{body}");
        }
    }
    // Seen failing once: a subject that is listed allocates, so the counter counts.
    let listed = ground::body(ground::BLACK);
    run(&listed);
    assert!(run(&listed).0 > 0);
}

#[test]
fn a_client_is_known_by_its_key_without_an_allocation() {
    let key = Key::generate().unwrap();
    let text = format!(
        "[client.a]\nkeys = [\"{}\"]\nscopes = [\"check\"]\nper_second = 1000\nconcurrency = 4\n\
         addresses = [\"10.0.0.0/8\"]\nexpires = \"2100-01-01\"\n",
        key.digest
    );
    let clients = Clients::of(Roll::parse(&text, None).unwrap());
    let gate = Gate::new(&clients, Default::default());
    let head = |key: &str| {
        let request = Request::post("/v1/check").header("authorization", format!("Bearer {key}"));
        request.body(()).unwrap().into_parts().0
    };
    let peer = Peer { address: "10.1.2.3".parse().unwrap(), certificate: None };
    let run = |head: &_| {
        let before = allocations();
        let admitted = gate.admit(&peer, head, 1_795_312_800_000);
        (allocations() - before, admitted.is_ok())
    };
    let known = head(key.reveal());
    run(&known);
    assert_eq!(run(&known), (0, true));
    assert!(!run(&head("xc_00000000_nothing")).1);
}

#[test]
fn what_is_not_traced_costs_no_allocation() {
    let endpoint = "http://127.0.0.1:1".parse().unwrap();
    let config = TracesConfig { sample: 0.0, ..TracesConfig::of(endpoint) };
    let (traces, _sending) = Traces::start(&config).unwrap();
    let run = |parent: Option<&str>| {
        let before = allocations();
        let span = traces.request("POST", parent.map(str::as_bytes));
        let is_traced = span.is_some() || child("part").is_some();
        (allocations() - before, is_traced)
    };
    let parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00";
    run(None);
    for parent in [None, Some(parent), Some("no parent")] {
        assert_eq!(run(parent), (0, false), "{parent:?}");
    }
    let traced = run(Some(&parent.replace("-00f", "-00e").replace("b7-00", "b7-01")));
    assert!(traced.0 > 0 && traced.1);
}
