//! What goes on beside the checks: feeds are delivered anew and the lists refreshed, changes are sent, names
//! are searched. Each at a pace of its own; every answer is looked at.

use crate::corpus;
use crate::requests::{self, Kind};
use crate::service::Service;
use serde_json::{Value, json};
use std::fs;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

/// Feeds that are delivered anew in turn, all of them CSV.
const FEEDS: [&str; 3] = ["sxbzxr-0001.csv", "zdsssx-0001.csv", "scjg_yzsx-0001.csv"];
/// The list on which changes list somebody, who is taken off by the next change.
const LIST: &str = "sxbzxr";

/// What was done. Its threads end when it is told to stop.
#[derive(Default)]
pub struct Beside {
    stopped: AtomicBool,
    pub refreshes: AtomicU64,
    pub changes: AtomicU64,
    pub searches: AtomicU64,
    /// Searches that were refused, so that checks were served.
    pub refused: AtomicU64,
}

impl Beside {
    pub fn stop(&self) {
        self.stopped.store(true, Relaxed);
    }

    /// Until it is told to stop, do something this often. What falls behind is not caught up with.
    fn paced(
        &self,
        pause: Duration,
        mut act: impl FnMut(u64) -> Result<(), String>,
    ) -> Result<(), String> {
        for number in 0.. {
            let begun = Instant::now();
            act(number)?;
            while begun.elapsed() < pause && !self.stopped.load(Relaxed) {
                std::thread::sleep(
                    pause.saturating_sub(begun.elapsed()).min(Duration::from_millis(50)),
                );
            }
            if self.stopped.load(Relaxed) {
                break;
            }
        }
        Ok(())
    }

    /// Deliver a feed that has one row more, or one less, than before, and wait until it is served.
    pub fn refresh(&self, service: &Service, pause: Duration) -> Result<(), String> {
        let mut caller = service.caller()?;
        let snapshot = |caller: &mut crate::caller::Caller| {
            let (_, data) = caller.get("/v1/data")?;
            let data: Value = serde_json::from_slice(&data).map_err(text)?;
            Ok::<String, String>(data["snapshot"].to_string())
        };
        self.paced(pause, |number| {
            let feed = service.feeds().join(FEEDS[number as usize % FEEDS.len()]);
            let delivered = fs::read_to_string(&feed).map_err(text)?;
            let body = delivered.trim_end_matches('\n');
            let (above, last) = body.rsplit_once('\n').ok_or("an empty feed")?;
            let is_longer = above.ends_with(last);
            let next = if is_longer { format!("{above}\n") } else { format!("{body}\n{last}\n") };
            let aside = feed.with_extension("part");
            fs::write(&aside, next).map_err(text)?;
            let before = snapshot(&mut caller)?;
            fs::rename(&aside, &feed).map_err(text)?;
            let (status, answer) = caller.post("/v1/data/refresh", "{}")?;
            if status != 202 && status != 409 {
                return Err(format!("a refresh: {status} {}", String::from_utf8_lossy(&answer)));
            }
            let begun = Instant::now();
            while snapshot(&mut caller)? == before {
                if self.stopped.load(Relaxed) {
                    return Ok(());
                }
                if begun.elapsed() > Duration::from_secs(300) {
                    return Err("a delivery is not served".to_owned());
                }
                std::thread::sleep(Duration::from_millis(100));
            }
            self.refreshes.fetch_add(1, Relaxed);
            Ok(())
        })
    }

    /// List ten bodies, and take them off again by the next change.
    pub fn change(&self, service: &Service, pause: Duration) -> Result<(), String> {
        const AT_ONCE: u64 = 10;
        let mut caller = service.caller()?;
        let mut listed: Vec<String> = Vec::new();
        self.paced(pause, |number| {
            let key = |at: u64| format!("loadtest-{number}-{at}");
            let list = |at: u64| {
                let body = corpus::stranger(400_000_000 + at);
                json!({"key": key(at), "change": "list", "list": LIST,
                       "record": {"subject": {"name": corpus::name(at), "id": body.text()},
                                  "document": format!("（2026）{number}-{at}号")}})
            };
            let changes: Vec<Value> = match listed.is_empty() {
                true => (0..AT_ONCE).map(list).collect(),
                false => (0..AT_ONCE)
                    .zip(listed.drain(..))
                    .map(|(at, entry)| json!({"key": key(at), "change": "repair", "list": LIST, "entry": entry}))
                    .collect(),
            };
            let lists = number.is_multiple_of(2);
            let (status, answer) = caller.post("/v1/changes", &json!({"changes": changes}).to_string())?;
            let told: Value = serde_json::from_slice(&answer).map_err(text)?;
            if status != 200 || told["refused"] != 0 {
                return Err(format!("changes: {status} {told}"));
            }
            if lists {
                let results = told["results"].as_array().ok_or("no results")?;
                listed = results.iter().filter_map(|it| Some(it["entry"].as_str()?.to_owned())).collect();
            }
            self.changes.fetch_add(AT_ONCE, Relaxed);
            Ok(())
        })
    }

    /// Check by a name alone, and search a name, in turn.
    pub fn search(&self, service: &Service, pause: Duration) -> Result<(), String> {
        let mut caller = service.caller()?;
        self.paced(pause, |number| {
            let (path, body) = match number.is_multiple_of(2) {
                true => ("/v1/check", requests::body(Kind::Named, number as usize, 0)),
                false => (
                    "/v1/search",
                    json!({"name": corpus::name(number), "reason": "loadtest"}).to_string(),
                ),
            };
            let (status, answer) = caller.post(path, &body)?;
            if status == 503 {
                self.refused.fetch_add(1, Relaxed);
                return Ok(());
            }
            if status != 200 {
                return Err(format!("{path}: {status} {}", String::from_utf8_lossy(&answer)));
            }
            self.searches.fetch_add(1, Relaxed);
            Ok(())
        })
    }
}

fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}
