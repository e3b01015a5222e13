//! How far a long work is: a bar on a terminal, a line every few seconds elsewhere.

use crate::ingest::Progress;
use indicatif::{
    HumanBytes, HumanCount, HumanDuration, ProgressBar, ProgressDrawTarget, ProgressStyle,
};
use std::io::IsTerminal;
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// Between two lines where there is no terminal.
const LINE_EVERY: Duration = Duration::from_secs(5);

/// Follows files that are read.
pub struct FileProgress {
    bar: ProgressBar,
    started: Instant,
    line: Mutex<Instant>,
    bytes_total: u64,
}

impl FileProgress {
    /// For so many bytes of them.
    pub fn new(bytes_total: u64) -> FileProgress {
        let target = if std::io::stderr().is_terminal() {
            ProgressDrawTarget::stderr()
        } else {
            ProgressDrawTarget::hidden()
        };
        let bar = ProgressBar::with_draw_target(Some(bytes_total), target);
        let style = ProgressStyle::with_template(
            "{bar:30} {percent:>3}% {bytes}/{total_bytes}  {msg}  剩余 / left {eta}",
        );
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        FileProgress { bar, started: Instant::now(), line: Mutex::new(Instant::now()), bytes_total }
    }

    /// Take the bar away.
    pub fn finish(&self) {
        self.bar.finish_and_clear();
    }

    /// Where there is no bar, now and then a line.
    fn line(&self, text: impl FnOnce() -> String) {
        let mut last = self.line.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        if self.bar.is_hidden() && last.elapsed() >= LINE_EVERY {
            *last = Instant::now();
            eprintln!("{}", text());
        }
    }
}

impl FileProgress {
    /// So many bytes were read, so many rows in them.
    pub fn read(&self, bytes: u64, rows: u64) {
        let seconds = self.started.elapsed().as_secs_f64();
        let rate = rows as f64 / seconds.max(1e-9);
        self.bar.set_position(bytes);
        self.bar.set_message(format!(
            "{} 行 / rows, {}/s",
            HumanCount(rows),
            HumanCount(rate as u64)
        ));
        self.line(|| {
            let left =
                seconds * (self.bytes_total.saturating_sub(bytes)) as f64 / bytes.max(1) as f64;
            format!(
                "{} / {}, {} rows, {} rows/s, left {}",
                HumanBytes(bytes),
                HumanBytes(self.bytes_total),
                HumanCount(rows),
                HumanCount(rate as u64),
                HumanDuration(Duration::from_secs_f64(left)),
            )
        });
    }
}

impl Progress for FileProgress {
    fn file(&self, name: &str) {
        self.bar.set_message(name.to_owned());
    }

    fn read(&self, bytes: u64, rows: u64) {
        FileProgress::read(self, bytes, rows);
    }

    fn step(&self, name: &'static str) {
        self.bar.set_message(name);
        self.line(|| format!("{:.0} s: {name}", self.started.elapsed().as_secs_f64()));
    }
}

/// Follows rows that are written.
pub struct RowProgress {
    bar: ProgressBar,
}

impl RowProgress {
    /// For so many rows.
    pub fn new(total: u64) -> RowProgress {
        let bar = ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::stderr());
        let style = ProgressStyle::with_template(
            "{bar:30} {percent:>3}% {human_pos}/{human_len} rows  {per_sec}  left {eta}",
        );
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        RowProgress { bar }
    }

    /// So many are done.
    pub fn done(&self, rows: u64) {
        self.bar.set_position(rows);
    }

    /// Take the bar away.
    pub fn finish(&self) {
        self.bar.finish_and_clear();
    }
}
