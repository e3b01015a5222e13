//! The service as it is run: the command `serve` in a process of its own, with a synthetic city, an audit log and
//! a client that is known by its key.

use crate::caller::Caller;
use crate::corpus;
use rustix::process::{Pid, Signal, kill_process};
use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use xincha::clients::Key;
use xincha::synth::{self, Formats, Plan};

/// Until a city is built.
const READY: Duration = Duration::from_secs(900);

/// A service that answers; killed when dropped.
pub struct Service {
    pub address: SocketAddr,
    pub key: String,
    process: Child,
    folder: tempfile::TempDir,
}

/// Bounds of waiting with which nobody is refused.
pub const UNBOUND: &str = "check_wait_ms_max = 60000\naside_wait_ms_max = 60000\n";

impl Service {
    /// As [`Service::start`] does; nobody is refused where nothing is measured: a debug build on a busy machine may
    /// be far behind.
    pub fn start_measured(entries: usize, settings: &str) -> Result<Service, String> {
        let bounds = if corpus::is_measured() { "" } else { UNBOUND };
        Service::start(entries, &format!("{settings}\n{bounds}"))
    }

    /// Start it with a city of so many rows and these further settings of `[http]`, and wait until it is ready.
    pub fn start(entries: usize, settings: &str) -> Result<Service, String> {
        let folder = tempfile::tempdir().map_err(text)?;
        let plan = Plan { entries, formats: Formats::Csv, ..Plan::default() };
        synth::write(&plan, &folder.path().join("feeds"), &|_| {}).map_err(text)?;
        let key = Key::generate().map_err(text)?;
        let clients = format!(
            "[client.loadtest]\nkeys = [\"{}\"]\nmisses = 100000000\nmisses_total = 100000000\n\
             scopes = [\"check\", \"screen\", \"search\", \"batch\", \"change\", \"read\", \"admin\"]\n",
            key.digest
        );
        fs::write(folder.path().join("clients.toml"), clients).map_err(text)?;
        let config = Path::new(env!("CARGO_MANIFEST_DIR")).join("config");
        let configured = format!(
            "catalogue = {:?}\n[http]\n{settings}\n[clients]\nfile = \"clients.toml\"\n[jobs]\nfolder = \"jobs\"\n\
             [audit]\nfolder = \"audit\"\n[data]\nfeeds = \"feeds\"\nsources = {:?}\nsnapshots = \"snapshots\"\n\
             deliveries = \"deliveries\"\nledger = \"ledger.redb\"\nas_of_build = true\n",
            config.join("catalogue"),
            config.join("sources"),
        );
        fs::write(folder.path().join("xincha.toml"), configured).map_err(text)?;
        let free = TcpListener::bind("127.0.0.1:0").map_err(text)?;
        let address = free.local_addr().map_err(text)?;
        drop(free);
        let log = fs::File::create(folder.path().join("log")).map_err(text)?;
        let process = Command::new(env!("CARGO_BIN_EXE_xincha"))
            .arg("--config")
            .arg(folder.path().join("xincha.toml"))
            .arg("serve")
            .env("XINCHA_ADDRESS", address.to_string())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .map_err(text)?;
        let mut service = Service { address, key: key.reveal().to_owned(), process, folder };
        service.wait()?;
        Ok(service)
    }

    fn wait(&mut self) -> Result<(), String> {
        let started = Instant::now();
        while started.elapsed() < READY {
            if self.process.try_wait().map_err(text)?.is_some() {
                return Err(format!("the service ended:\n{}", self.log()));
            }
            if let Ok((200, _)) = self.caller().and_then(|mut caller| caller.get("/readyz")) {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        Err(format!("the service is not ready:\n{}", self.log()))
    }

    /// Somebody who asks now and then.
    pub fn caller(&self) -> Result<Caller, String> {
        Caller::connect(self.address, &self.key)
    }

    /// Where departments deliver.
    pub fn feeds(&self) -> PathBuf {
        self.folder.path().join("feeds")
    }

    /// What of it is in memory, in MiB.
    pub fn resident(&self) -> Result<f64, String> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.process.id()));
        let status = status.map_err(text)?;
        let of = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name))?;
            line.split_whitespace().next()?.parse::<f64>().ok()
        };
        // Of files, the lists above all, is mapped whatever was read of them.
        of("RssAnon:").map(|kib| kib / 1024.0).ok_or("no resident size".to_owned())
    }

    /// A number of `/metrics`, all its labels together.
    pub fn metric(&self, name: &str) -> Result<f64, String> {
        let (_, text) = self.caller()?.get("/metrics")?;
        let text = String::from_utf8_lossy(&text);
        let of = text.lines().filter(|line| {
            line.strip_prefix(name).is_some_and(|rest| rest.starts_with([' ', '{']))
        });
        let of = of.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok());
        // The sum of nothing is otherwise a negative zero.
        Ok(of.fold(0.0, |sum, value| sum + value))
    }

    /// What it has written of itself.
    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    /// Ask it to stop; the seconds that it took. It must end well, and the audit log must be whole.
    pub fn stop(mut self) -> Result<f64, String> {
        let started = Instant::now();
        if let Some(pid) = Pid::from_raw(self.process.id() as i32) {
            kill_process(pid, Signal::TERM).map_err(text)?;
        }
        let ended = self.process.wait().map_err(text)?;
        let took = started.elapsed().as_secs_f64();
        if !ended.success() || self.log().contains("panicked") {
            return Err(format!("it ended with {ended}:\n{}", self.log()));
        }
        let verified = Command::new(env!("CARGO_BIN_EXE_xincha"))
            .arg("--config")
            .arg(self.folder.path().join("xincha.toml"))
            .args(["audit", "verify"])
            .output()
            .map_err(text)?;
        if !verified.status.success() {
            return Err(format!("the audit log: {}", String::from_utf8_lossy(&verified.stderr)));
        }
        Ok(took)
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}
