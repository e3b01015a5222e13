//! Faults of ours, as they are logged: by place, never with what they fell over.

use std::any::Any;
use std::panic::PanicHookInfo;
use tracing::error;

/// As a shell tells of a program that SIGPIPE ended.
const READER_GONE: i32 = 128 + 13;

/// From now on panics are logged without data of subjects: the standard report shows the text that could
/// not be sliced, or the value that could not be unwrapped.
pub fn log_panics() {
    std::panic::set_hook(Box::new(log));
}

fn log(panic: &PanicHookInfo) {
    if is_reader_gone(panic.payload()) {
        std::process::exit(READER_GONE);
    }
    let place = panic.location().map(ToString::to_string).unwrap_or_default();
    let thread = std::thread::current();
    let thread = thread.name().unwrap_or("?");
    error!(place, thread, "内部错误 / a fault of ours: {}", shown(panic.payload()));
}

/// Whoever read what is printed has left, as `head` does once it has enough: no fault, and nobody is there to print
/// for. `println!` has no other way to say it.
fn is_reader_gone(payload: &dyn Any) -> bool {
    let text = payload.downcast_ref::<String>();
    text.is_some_and(|text| text.starts_with("failed printing to stdout: Broken pipe"))
}

/// A message that the program was compiled with is shown; one that was formatted may hold anything.
fn shown(payload: &dyn Any) -> &'static str {
    payload.downcast_ref::<&'static str>().copied().unwrap_or("(内容不记录 / not shown)")
}

#[cfg(test)]
mod tests {
    use super::shown;
    use std::panic::catch_unwind;

    fn shown_of(fault: fn()) -> &'static str {
        shown(&*catch_unwind(fault).unwrap_err())
    }

    #[test]
    fn what_a_panic_fell_over_is_not_shown() {
        let name = "张三丰";
        assert_eq!(shown_of(|| panic!("the lock is poisoned")), "the lock is poisoned");
        let faults: [fn(); 2] = [
            || drop(std::hint::black_box("张三丰")[..1].to_owned()),
            || std::hint::black_box(Err::<(), _>("张三丰")).unwrap(),
        ];
        for fault in faults {
            assert!(!shown_of(fault).contains(name));
            assert!(shown_of(fault).contains("not shown"));
        }
    }
}
