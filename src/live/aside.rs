//! Work beside those who answer, which gives way to them once there are any.
//!
//! It is done on threads of its own that stay: what one of them allocates is freed by one of them. Of a
//! thread that ended the allocator hands what it left behind to whoever allocates next, and that would
//! be who answers.

use rayon::{ThreadPool, ThreadPoolBuilder};
use std::sync::{LazyLock, Once};

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

/// Do something on threads of its own, and wait for it; parallel work of it stays on them. Once somebody answers
/// they give way, and where those who answer take every core for long, it takes long: hold no lock meanwhile that
/// they or who records want, who would wait for whom nobody lets run. Before, there is nobody to give way to, and
/// whoever asks waits for this.
pub(super) fn aside<T: Send>(somebody_answers: bool, act: impl FnOnce() -> T + Send) -> T {
    static ASIDE: LazyLock<Aside> = LazyLock::new(Aside::new);
    ASIDE.act(somebody_answers, act)
}

struct Aside {
    /// None where no more threads are to be had.
    pool: Option<ThreadPool>,
    gives_way: Once,
}

impl Aside {
    fn new() -> Aside {
        let pool = ThreadPoolBuilder::new().thread_name(|n| format!("aside-{n}")).build();
        Aside { pool: pool.ok(), gives_way: Once::new() }
    }

    fn act<T: Send>(&self, somebody_answers: bool, act: impl FnOnce() -> T + Send) -> T {
        let Some(pool) = &self.pool else { return act() };
        if somebody_answers {
            self.gives_way.call_once(|| drop(pool.broadcast(|_| give_way())));
        }
        pool.install(act)
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;
    use thread_priority::{
        NormalThreadSchedulePolicy, ThreadSchedulePolicy, thread_schedule_policy,
    };

    #[test]
    fn the_first_data_gives_way_to_nobody_and_all_that_follows_does() {
        let aside = Aside::new();
        let policies = |somebody_answers| {
            aside.act(somebody_answers, || rayon::broadcast(|_| thread_schedule_policy().unwrap()))
        };
        let [normal, idle] = [NormalThreadSchedulePolicy::Other, NormalThreadSchedulePolicy::Idle];
        let all = |policies: Vec<_>, policy| {
            policies.iter().all(|of| *of == ThreadSchedulePolicy::Normal(policy))
        };
        assert!(all(policies(false), normal));
        assert!(all(policies(true), idle));
        assert!(all(policies(false), idle), "a thread that gave way cannot be raised again");
    }
}
