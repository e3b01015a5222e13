//! The clock of the system, in Unix time. What decides reads none: it is told the time.

use std::time::{Duration, SystemTime};

/// Seconds since 1970.
pub fn seconds() -> i64 {
    since_1970().as_secs() as i64
}

/// Milliseconds since 1970.
pub fn millis() -> u64 {
    since_1970().as_millis() as u64
}

/// None before, as a clock that was never set says.
fn since_1970() -> Duration {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default()
}
