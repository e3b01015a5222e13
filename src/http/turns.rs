//! Work that is done one after the other, on a thread where it holds up neither a check nor a search.

use super::problem::{Code, Problem};
use crate::traces::{self, Span};
use std::sync::Arc;
use tokio::sync::Semaphore;

/// Whose turn it is. Cloning shares.
#[derive(Clone)]
pub(super) struct Turns {
    accepted: Arc<Semaphore>,
    at_work: Arc<Semaphore>,
}

impl Turns {
    /// So many are worked on or wait at most.
    pub fn of(most: usize) -> Turns {
        Turns { accepted: Arc::new(Semaphore::new(most)), at_work: Arc::new(Semaphore::new(1)) }
    }

    /// Do it when its turn comes.
    ///
    /// # Errors
    ///
    /// Too many wait already, or a fault of ours.
    pub async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Problem> {
        let accepted = self.accepted.clone().try_acquire_owned();
        let accepted = accepted.map_err(|_| Code::Overloaded.whole())?;
        let work = move || {
            let _accepted = accepted;
            work()
        };
        self.wait(work).await
    }

    /// Do it when its turn comes, however many wait: what must be done.
    ///
    /// # Errors
    ///
    /// A fault of ours.
    pub async fn wait<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Problem> {
        let fault = || Code::Internal.whole();
        let at_work = self.at_work.clone().acquire_owned().await.map_err(|_| fault())?;
        let asked = traces::current();
        let work = move || {
            let _asked = asked.as_ref().map(Span::enter);
            // Whoever asked may be gone: until it is done nobody else's turn comes.
            let _at_work = at_work;
            work()
        };
        tokio::task::spawn_blocking(work).await.map_err(|_| fault())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn one_is_worked_on_some_wait_and_more_are_told() {
        const MOST: usize = 4;
        let turns = Turns::of(MOST);
        let (release, held) = std::sync::mpsc::channel::<()>();
        let first = turns.clone();
        let first = tokio::spawn(async move { first.run(move || held.recv().is_err()).await });
        while turns.at_work.available_permits() > 0 {
            tokio::task::yield_now().await;
        }
        let asked: Vec<_> = (1..=MOST)
            .map(|number| {
                let turns = turns.clone();
                tokio::spawn(async move { turns.run(move || number).await })
            })
            .collect();
        let must = turns.clone();
        let must = tokio::spawn(async move { must.wait(|| 7).await });
        while turns.accepted.available_permits() > 0 || !asked[MOST - 1].is_finished() {
            tokio::task::yield_now().await;
        }
        drop(release);
        assert_eq!(first.await.unwrap(), Ok(true));
        assert_eq!(must.await.unwrap(), Ok(7));
        let mut refused = 0;
        for (number, asked) in (1..).zip(asked) {
            match asked.await.unwrap() {
                Ok(answer) => assert_eq!(answer, number),
                Err(problem) => refused += usize::from(problem.code == Code::Overloaded),
            }
        }
        assert_eq!(refused, 1, "as many as may be accepted were");
        assert_eq!(turns.run(|| 8).await, Ok(8));
    }
}
