//! A file that the running service screens: handed in as a job, followed, fetched.

use super::progress::FileProgress;
use super::remote::{Answer, Remote};
use crate::jobs::Order;
use crate::output::Output;
use futures_util::StreamExt;
use reqwest::Client;
use reqwest::multipart::{Form, Part};
use serde_json::{Value, json};
use std::error::Error;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Between two looks at how far it is.
const LOOK_EVERY: Duration = Duration::from_millis(300);
/// Without a byte for so long no one is at the other end.
const SILENCE: Duration = Duration::from_secs(120);

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
                Ok(job) if job["state"] == "done" => self.fetch(&client, job).await,
                _ => Ok(()),
            };
            // It would go by itself when its time is over.
            let _ = client.delete(&place).send().await;
            let job = ended?;
            fetched?;
            match job["failure"].as_str() {
                Some(why) => Err(why.into()),
                None => Ok((job["state"] == "done").then_some(job)),
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

    async fn fetch(&self, client: &Client, job: &Value) -> Result<(), Box<dyn Error>> {
        let files =
            [("result", self.output, true), ("rejects", self.rejects, self.rejects.is_some())];
        for (what, to, is_wanted) in files {
            let Some(place) = job[what].as_str().filter(|_| is_wanted) else { continue };
            let sent = client.get(format!("{}{place}", self.service.base())).send().await;
            let response = self.service.heard(sent)?;
            let mut bytes =
                response.error_for_status().map_err(reqwest::Error::without_url)?.bytes_stream();
            let mut output = Output::create(to)?;
            while let Some(piece) = bytes.next().await {
                output.put(&piece.map_err(reqwest::Error::without_url)?)?;
            }
            output.finish()?;
        }
        Ok(())
    }
}
