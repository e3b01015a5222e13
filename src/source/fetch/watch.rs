//! The clock of a fetch: deadline, stall, cancellation, further attempts.

use super::{FetchError, Limits};
use std::time::{Duration, Instant};

/// How often the caller is asked whether to give up.
const ASK_EVERY: Duration = Duration::from_millis(100);

/// Runs while a fetch does.
pub(super) struct Watch<'a> {
    pub limits: &'a Limits,
    started: Instant,
    progress: &'a dyn Fn(u64),
    cancelled: &'a dyn Fn() -> bool,
}

impl<'a> Watch<'a> {
    pub fn start(
        limits: &'a Limits,
        progress: &'a dyn Fn(u64),
        cancelled: &'a dyn Fn() -> bool,
    ) -> Watch<'a> {
        Watch { limits, started: Instant::now(), progress, cancelled }
    }

    /// Errors when the caller gave up or the time is over.
    pub fn end(&self) -> Result<(), FetchError> {
        if (self.cancelled)() {
            return Err(FetchError::Cancelled);
        }
        if self.left().is_zero() {
            return Err(FetchError::TimedOut { seconds: self.limits.timeout_seconds });
        }
        Ok(())
    }

    /// Until the deadline.
    pub fn left(&self) -> Duration {
        self.limits.timeout().saturating_sub(self.started.elapsed())
    }

    /// So many bytes are there, and it may go on.
    pub fn arrived(&self, bytes: u64) -> Result<(), FetchError> {
        (self.progress)(bytes);
        self.end()
    }

    /// Wait for `work` as long as the fetch may take.
    pub async fn wait<T>(&self, work: impl Future<Output = T>) -> Result<T, FetchError> {
        let mut work = std::pin::pin!(work);
        loop {
            self.end()?;
            let turn = ASK_EVERY.min(self.left());
            if let Ok(done) = tokio::time::timeout(turn, &mut work).await {
                return Ok(done);
            }
        }
    }

    /// Wait for `work` of the server `at`, which may be silent for so long.
    pub async fn hear<T>(&self, at: &str, work: impl Future<Output = T>) -> Result<T, FetchError> {
        match self.wait(tokio::time::timeout(self.limits.stall(), work)).await? {
            Ok(done) => Ok(done),
            Err(_) => {
                Err(FetchError::Stalled { at: at.to_owned(), seconds: self.limits.stall_seconds })
            }
        }
    }

    /// Try until it succeeds, fails for good, or attempts or time are used up; the last error then.
    pub async fn persist<T>(
        &self,
        mut attempt: impl AsyncFnMut() -> Result<T, FetchError>,
    ) -> Result<T, FetchError> {
        let mut delays = self.limits.delays();
        loop {
            let error = match attempt().await {
                Err(error) if error.passes() => error,
                done => return done,
            };
            let Some(delay) = delays.next() else { return Err(error) };
            let delay = delay.max(error.retry_after().unwrap_or_default());
            if delay >= self.left() {
                return Err(error);
            }
            tracing::debug!(%error, ?delay, "a fetch is tried again");
            self.wait(tokio::time::sleep(delay)).await?;
        }
    }
}
