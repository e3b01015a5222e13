//! What the program is told.

use std::process::ExitCode;

/// The word is among the arguments.
pub fn is(word: &str) -> bool {
    std::env::args().any(|argument| argument == word)
}

/// `--seconds N`, or this.
pub fn seconds(otherwise: f64) -> f64 {
    let mut arguments = std::env::args().skip_while(|argument| argument != "--seconds");
    let given = arguments.nth(1);
    given.map_or(otherwise, |text| text.parse().expect("--seconds has a number"))
}

/// `XINCHA_BENCH_ENTRIES`, or this.
pub fn entries(otherwise: usize) -> usize {
    let given = std::env::var("XINCHA_BENCH_ENTRIES").ok();
    given.map_or(otherwise, |text| text.parse().expect("XINCHA_BENCH_ENTRIES is a number"))
}

/// Processors of the machine.
pub fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// The exit code, the reason on standard error.
pub fn ended(ended: Result<(), String>) -> ExitCode {
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("error: {why}");
            ExitCode::FAILURE
        }
    }
}
