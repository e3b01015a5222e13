//! Work beside those who answer, which gives way to them.
//!
//! It is done on threads of its own that stay: what one of them allocates is freed by one of them. Of a
//! thread that ended the allocator hands what it left behind to whoever allocates next, and that would
//! be who answers.

use rayon::ThreadPool;
use std::sync::OnceLock;

/// Let whatever wants to run go before this thread, from now on to its end, at once and always.
/// A priority alone is not enough: a thread of low priority runs on to the end of its time slice.
/// Where the system knows no such class of threads nothing happens.
pub fn give_way() {
    #[cfg(target_os = "linux")]
    {
        use thread_priority::{
            NormalThreadSchedulePolicy, ThreadPriority, ThreadSchedulePolicy,
            set_thread_priority_and_policy, thread_native_id,
        };
        let idle = ThreadSchedulePolicy::Normal(NormalThreadSchedulePolicy::Idle);
        // Lowering is always allowed; a sandbox that forbids it only costs latency.
        let _ = set_thread_priority_and_policy(thread_native_id(), ThreadPriority::Min, idle);
    }
}

/// Leave nine tenths of a core to others of the process that want to run on it, from now on to the end of this
/// thread: for what somebody waits for, which must not starve. Elsewhere than on Linux nothing happens.
pub fn stand_back() {
    #[cfg(target_os = "linux")]
    {
        /// A weight of 110, where that of others is 1,024.
        const NICENESS: i32 = 10;
        // Of no process: of this thread.
        let _ = rustix::process::setpriority_process(None, NICENESS);
    }
}

/// Do something on threads that give way, and wait for it; parallel work of it stays on them. Where
/// those who answer take every core for long, it takes long. Hold no lock meanwhile that they or who
/// records want: they would wait for whom nobody lets run.
pub fn aside<T: Send>(act: impl FnOnce() -> T + Send) -> T {
    static POOL: OnceLock<Option<ThreadPool>> = OnceLock::new();
    let pool = POOL.get_or_init(|| {
        let pool = rayon::ThreadPoolBuilder::new().thread_name(|n| format!("aside-{n}"));
        pool.start_handler(|_| give_way()).build().ok()
    });
    match pool {
        Some(pool) => pool.install(act),
        // No more threads are to be had.
        None => act(),
    }
}
