//! Work beside those who answer, which gives way to them.

/// The least priority there is: a thread that has it runs where no other wants to, and is put aside
/// at once when one does.
#[cfg(target_os = "linux")]
const LEAST: i32 = 19;

/// Let whatever wants to run go before this thread, from now on to its end. Where the system knows
/// no priorities of single threads nothing happens.
pub fn give_way() {
    // Linux means the calling thread where others mean the process. Lowering is always allowed.
    #[cfg(target_os = "linux")]
    let _ = rustix::process::setpriority_process(None, LEAST);
}

/// Do something on a thread that gives way, and wait for it. Hold no lock meanwhile that those who
/// answer or record want: they would wait for whom nobody lets run.
pub fn aside<T: Send>(act: impl FnOnce() -> T + Send) -> T {
    let acted = std::thread::scope(|scope| {
        let act = || {
            give_way();
            act()
        };
        scope.spawn(act).join()
    });
    acted.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

/// Let the threads that share work, such as hashing and sorting, give way: call it once, first.
pub fn pool_gives_way() {
    // An error means that there is a pool already: then it stays as it is.
    let _ = rayon::ThreadPoolBuilder::new().start_handler(|_| give_way()).build_global();
}
