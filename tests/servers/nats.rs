//! A NATS server with JetStream: the one of the system, `nats-server`.

use super::free_port;
use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// A server process with a folder of its own, killed when dropped.
pub struct Nats {
    folder: TempDir,
    port: u16,
    arguments: Vec<String>,
    running: Option<Child>,
}

impl Nats {
    pub fn start() -> Nats {
        Nats::start_with(&[])
    }

    /// With further arguments.
    pub fn start_with(arguments: &[&str]) -> Nats {
        let folder = tempfile::tempdir().unwrap();
        let arguments = arguments.iter().map(|&argument| argument.to_owned()).collect();
        let mut nats = Nats { folder, port: free_port(), arguments, running: None };
        nats.restart();
        nats
    }

    /// Three servers that know each other.
    pub fn cluster() -> [Nats; 3] {
        let routes = [0; 3].map(|_| format!("nats://127.0.0.1:{}", free_port()));
        let all = routes.join(",");
        routes.each_ref().map(|own| {
            let name = own.replace("nats://127.0.0.1:", "server-");
            let cluster = ["--cluster_name", "test", "--cluster", own, "--routes", &all];
            Nats::start_with(&[&["-n", &name], &cluster[..]].concat())
        })
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    pub fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    /// SIGKILL: what is stored stays.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.running.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    /// Start once more, on the same port and data.
    pub fn restart(&mut self) {
        self.kill();
        let mut command = Command::new("nats-server");
        command.args(["-js", "-a", "127.0.0.1", "-p", &self.port.to_string(), "-sd"]);
        command.arg(self.folder.path()).args(&self.arguments);
        let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        self.running = Some(child.expect("nats-server: install it, as tests/run does"));
        let started = Instant::now();
        while !self.is_ready() {
            assert!(started.elapsed() < Duration::from_secs(60), "nats-server does not start");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Kill it, remove all that is stored, start once more.
    pub fn wipe(&mut self) {
        self.kill();
        for entry in std::fs::read_dir(self.folder.path()).unwrap() {
            std::fs::remove_dir_all(entry.unwrap().path()).unwrap();
        }
        self.restart();
    }

    /// Let it hang without closing anything, until [`Nats::go_on`].
    pub fn hang(&self) {
        self.signal("STOP");
    }

    pub fn go_on(&self) {
        self.signal("CONT");
    }

    fn signal(&self, name: &str) {
        let id = self.running.as_ref().unwrap().id().to_string();
        let sent = Command::new("sh").args(["-c", &format!("kill -{name} {id}")]).status();
        assert!(sent.unwrap().success());
    }

    /// It greets.
    fn is_ready(&self) -> bool {
        let Ok(socket) = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)) else { return false };
        socket.set_read_timeout(Some(Duration::from_secs(1))).unwrap();
        let mut greeting = String::new();
        BufReader::new(socket).read_line(&mut greeting).is_ok() && greeting.starts_with("INFO")
    }
}

impl Drop for Nats {
    fn drop(&mut self) {
        self.kill();
    }
}
