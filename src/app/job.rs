//! A file that the running service screens: handed in as a job, followed, fetched.

use super::progress::FileProgress;
use super::remote::{Answer, Remote};
use crate::formula::neutral;
use crate::jobs::Order;
use crate::output::{Output, part_of};
use futures_util::StreamExt;
use reqwest::Client;
use reqwest::multipart::{Form, Part};
use serde_json::{Value, json};
use std::error::Error;
use std::fs::{self, OpenOptions};
use std::io::{self, BufReader, BufWriter, Seek, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Between two looks at how far it is.
const LOOK_EVERY: Duration = Duration::from_millis(300);
/// Without a byte for so long no one is at the other end.
const SILENCE: Duration = Duration::from_secs(120);
/// Which column of the rejects names their file.
const FILE: usize = 1;

/// A file to be handed in.
pub struct Handed<'a> {
    /// Who screens it.
    pub service: &'a Remote,
    /// The file.
    pub input: &'a Path,
    /// How it is screened.
    pub order: &'a Order,
    /// Where the result goes; standard output where it is none.
    pub output: Option<&'a Path>,
    /// Where the rejects go.
    pub rejects: Option<&'a Path>,
    /// Turns true when all is to be given up.
    pub cancelled: &'a AtomicBool,
}

impl Handed<'_> {
    /// Hand it in, wait, fetch the result: what the service says of the job, or `None` where it was cancelled.
    /// The service keeps nothing of it.
    pub fn screen(&self, progress: &FileProgress) -> Result<Option<Value>, Box<dyn Error>> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(async {
            let client = self.service.client(Client::builder().read_timeout(SILENCE))?;
            let job = self.hand_in(&client).await?;
            let place = format!(
                "{}/v1/jobs/{}",
                self.service.base(),
                job["id"].as_str().unwrap_or_default()
            );
            let ended = self.follow(&client, &place, progress).await;
            let fetched = match &ended {
                Ok(job) if job["state"] == "done" => tokio::select! {
                    fetched = self.fetch(&client, job) => fetched.map(|()| true),
                    () = self.stopped() => Ok(false),
                },
                _ => Ok(false),
            };
            // It would go by itself when its time is over.
            let _ = client.delete(&place).send().await;
            let job = ended?;
            let is_fetched = fetched?;
            match job["failure"].as_str() {
                Some(why) => Err(self.named(why).into()),
                None => Ok(is_fetched.then_some(job)),
            }
        })
    }

    async fn hand_in(&self, client: &Client) -> Result<Value, Box<dyn Error>> {
        let mut options = serde_json::to_value(self.order)?;
        options["at"] = json!(self.order.at.map(|at| crate::record::Instant(at).to_string()));
        let file = Part::file(self.input).await.map_err(|error| {
            format!("{}: 无法读取 / cannot be read: {error}", self.input.display())
        })?;
        // What the file is called is nobody's business.
        let form =
            Form::new().text("options", options.to_string()).part("file", file.file_name("file"));
        let sent =
            client.post(format!("{}/v1/jobs", self.service.base())).multipart(form).send().await;
        Answer::of(self.service.heard(sent)?).await?.good()
    }

    /// Until it has ended.
    async fn follow(
        &self,
        client: &Client,
        place: &str,
        progress: &FileProgress,
    ) -> Result<Value, Box<dyn Error>> {
        loop {
            if self.cancelled.load(Ordering::Relaxed) {
                let cancelled = client.post(format!("{place}/cancel")).send().await;
                Answer::of(self.service.heard(cancelled)?).await?.good()?;
                return Ok(json!({"state": "cancelled"}));
            }
            let job =
                Answer::of(self.service.heard(client.get(place).send().await)?).await?.good()?;
            let number = |field: &str| job["progress"][field].as_u64().unwrap_or(0);
            progress.read(number("bytes"), number("rows"));
            if !matches!(job["state"].as_str(), Some("queued" | "running")) {
                return Ok(job);
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// When all is to be given up.
    async fn stopped(&self) {
        while !self.cancelled.load(Ordering::Relaxed) {
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// The service does not know what the file is called.
    fn named(&self, why: &str) -> String {
        let called = format!("input.{}", self.order.format);
        match why.strip_prefix(&called) {
            Some(rest) => format!("{}{rest}", self.input.display()),
            None => why.to_owned(),
        }
    }

    /// Fetch what came of it, which is placed when all of it is there.
    async fn fetch(&self, client: &Client, job: &Value) -> Result<(), Box<dyn Error>> {
        let rejects = match (self.rejects, job["rejects"].as_str()) {
            (Some(path), Some(place)) => Some(self.fetch_rejects(client, place, path).await?),
            _ => None,
        };
        let mut output = Output::create(self.output)?;
        if let Some(place) = job["result"].as_str() {
            let copied = self.copy(client, place, &mut output.writer).await?;
            copied.map_err(|source| output.failed(source))?;
        }
        match (rejects, self.rejects) {
            (Some(rejects), _) => rejects.finish()?,
            // Those of an earlier run go where there are none.
            (None, Some(path)) if path.is_file() => fs::remove_file(path)?,
            _ => {}
        }
        Ok(output.finish()?)
    }

    /// The rejects under the name of the file that was handed in.
    async fn fetch_rejects(
        &self,
        client: &Client,
        place: &str,
        path: &Path,
    ) -> Result<Output, Box<dyn Error>> {
        let mut output = Output::private(path)?;
        let part = part_of(path).with_added_extension("fetched");
        let mut options = OpenOptions::new();
        let options = options.read(true).write(true).create(true).truncate(true).mode(0o600);
        let mut fetched = options.open(&part).map_err(|source| output.failed(source))?;
        // Of what has no name nothing is left.
        fs::remove_file(&part).map_err(|source| output.failed(source))?;
        let mut writer = BufWriter::new(&fetched);
        let copied = self.copy(client, place, &mut writer).await?;
        let copied = copied.and_then(|()| writer.flush());
        drop(writer);
        let renamed = copied.and_then(|()| {
            fetched.rewind()?;
            let mut rows = csv::Reader::from_reader(BufReader::new(&fetched));
            output.writer.write_all("\u{feff}".as_bytes())?;
            let mut out = csv::Writer::from_writer(&mut output.writer);
            out.write_byte_record(rows.byte_headers()?)?;
            let name = self.input.file_name().unwrap_or_default().to_string_lossy();
            let name = neutral(&name);
            for row in rows.byte_records() {
                let row = row?;
                let cells = row.iter().enumerate();
                let named = |(at, cell)| if at == FILE { name.as_bytes() } else { cell };
                out.write_record(cells.map(named))?;
            }
            out.flush()
        });
        renamed.map_err(|source| output.failed(source))?;
        Ok(output)
    }

    /// Write what the service has at a path. The error within is that of the writer.
    async fn copy(
        &self,
        client: &Client,
        place: &str,
        out: &mut impl Write,
    ) -> Result<io::Result<()>, Box<dyn Error>> {
        let sent = client.get(format!("{}{place}", self.service.base())).send().await;
        let response = self.service.heard(sent)?;
        let mut bytes =
            response.error_for_status().map_err(reqwest::Error::without_url)?.bytes_stream();
        while let Some(piece) = bytes.next().await {
            let written = out.write_all(&piece.map_err(reqwest::Error::without_url)?);
            if written.is_err() {
                return Ok(written);
            }
        }
        Ok(Ok(()))
    }
}
