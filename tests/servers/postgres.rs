//! PostgreSQL.

use super::{Certificate, eventually, free_port};
use rustix::process::{Pid, Signal, kill_process};
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tokio_postgres::{NoTls, SimpleQueryMessage};

/// A server with one superuser `xincha`, a password, and the database `postgres`. It ends with the
/// thread that started it, so one cannot be shared among tests.
pub struct Postgres {
    folder: TempDir,
    port: u16,
    owner: Option<Owner>,
    process: Option<Child>,
}

/// Whom the server runs as, where we are root, as which it refuses to run.
#[derive(Clone, Copy)]
struct Owner {
    user: u32,
    group: u32,
}

impl Postgres {
    pub const PASSWORD: &str = "s3cret-p4ss";

    /// Whether one can be started.
    pub fn is_installed() -> bool {
        installed("postgres").is_some()
    }

    pub fn start() -> Postgres {
        Postgres::start_with(None)
    }

    /// Connections with and without TLS are taken.
    pub fn start_with(certificate: Option<&Certificate>) -> Postgres {
        let (folder, owner) = (tempfile::tempdir().unwrap(), Owner::needed());
        let mut postgres = Postgres { folder, port: free_port(), owner, process: None };
        postgres.own(postgres.folder.path());
        postgres.create();
        if let Some(certificate) = certificate {
            postgres.certify(certificate);
        }
        postgres.restart();
        postgres
    }

    /// Key words, password included.
    pub fn dsn(&self) -> String {
        format!(
            "host=127.0.0.1 port={} user=xincha password={} dbname=postgres",
            self.port,
            Self::PASSWORD
        )
    }

    /// A connection of its own.
    pub fn sql(&self) -> Sql {
        Sql::connect(&self.dsn()).unwrap()
    }

    /// SIGKILL: nothing is written, no connection is closed in good order.
    pub fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill().unwrap();
            process.wait().unwrap();
        }
    }

    /// Start once more, on the same port and data.
    pub fn restart(&mut self) {
        self.kill();
        // What a killed server's children still hold is let go within a moment.
        eventually("PostgreSQL does not start", || {
            let process = self
                .process
                .get_or_insert_with(|| Self::server(self.owner, &self.folder, self.port));
            if process.try_wait().unwrap().is_some() {
                self.process = None;
                return false;
            }
            Sql::connect(&self.dsn()).is_ok()
        });
    }

    fn server(owner: Option<Owner>, folder: &TempDir, port: u16) -> Child {
        let log =
            fs::File::options().create(true).append(true).open(folder.path().join("log")).unwrap();
        as_owner(owner, &program("postgres"))
            .arg("-D")
            .arg(folder.path().join("data"))
            .args(["-p", &port.to_string(), "-h", "127.0.0.1", "-k", "", "-F"])
            .current_dir(folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap()
    }

    fn create(&self) {
        let password = self.folder.path().join("password");
        fs::write(&password, Self::PASSWORD).unwrap();
        self.own(&password);
        let made = as_owner(self.owner, &program("initdb"))
            .arg("-D")
            .arg(self.folder.path().join("data"))
            .args(["-N", "-U", "xincha", "-A", "scram-sha-256", "-E", "UTF8", "--no-locale"])
            .arg("--pwfile")
            .arg(password)
            .current_dir(self.folder.path())
            .output()
            .unwrap();
        assert!(made.status.success(), "initdb: {}", String::from_utf8_lossy(&made.stderr));
    }

    fn certify(&self, certificate: &Certificate) {
        let data = self.folder.path().join("data");
        for (name, pem) in
            [("server.crt", &certificate.certificate), ("server.key", &certificate.key)]
        {
            let path = data.join(name);
            fs::write(&path, pem).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
            self.own(&path);
        }
        let configuration = data.join("postgresql.auto.conf");
        fs::write(configuration, "ssl = on\n").unwrap();
    }

    fn own(&self, path: &Path) {
        if let Some(Owner { user, group }) = self.owner {
            chown(path, Some(user), Some(group)).unwrap();
        }
    }
}

impl Drop for Postgres {
    /// At once, but so that it leaves no shared memory to the machine.
    fn drop(&mut self) {
        const LONGEST: Duration = Duration::from_secs(5);
        if let Some(process) = &mut self.process {
            let begun = Instant::now();
            let _ = kill_process(Pid::from_child(process), Signal::QUIT);
            while begun.elapsed() < LONGEST && matches!(process.try_wait(), Ok(None)) {
                std::thread::sleep(Duration::from_millis(10));
            }
        }
        self.kill();
    }
}

impl Owner {
    fn needed() -> Option<Owner> {
        if fs::metadata("/proc/self").unwrap().uid() != 0 {
            return None;
        }
        let users = fs::read_to_string("/etc/passwd").unwrap();
        let user = |name: &str| users.lines().find(|line| line.starts_with(&format!("{name}:")));
        let fields: Vec<&str> =
            user("postgres").or_else(|| user("nobody")).unwrap().split(':').collect();
        Some(Owner { user: fields[2].parse().unwrap(), group: fields[3].parse().unwrap() })
    }
}

/// A command of another user, which ends with the thread that starts it, whatever ends that.
fn as_owner(owner: Option<Owner>, program: &Path) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL"]);
    if let Some(Owner { user, group }) = owner {
        command.arg("--clear-groups").args(["--regid", &group.to_string()]);
        command.args(["--reuid", &user.to_string()]);
    }
    command.arg("--").arg(program);
    command
}

fn program(name: &str) -> PathBuf {
    installed(name).unwrap_or_else(|| panic!("PostgreSQL's {name} is needed: see tests/run"))
}

/// Debian keeps the server's programs off the path.
fn installed(name: &str) -> Option<PathBuf> {
    let installed = fs::read_dir("/usr/lib/postgresql").into_iter().flatten();
    let mut found: Vec<PathBuf> = installed
        .map(|version| version.unwrap().path().join("bin").join(name))
        .filter(|path| path.is_file())
        .collect();
    found.sort();
    found.pop()
}

/// A connection that blocks.
pub struct Sql {
    runtime: tokio::runtime::Runtime,
    client: tokio_postgres::Client,
}

impl Sql {
    pub fn connect(dsn: &str) -> Result<Sql, tokio_postgres::Error> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let (client, connection) = runtime.block_on(tokio_postgres::connect(dsn, NoTls))?;
        runtime.spawn(connection);
        Ok(Sql { runtime, client })
    }

    /// Statements of which nothing is asked back.
    pub fn run(&self, sql: &str) {
        self.runtime.block_on(self.client.batch_execute(sql)).unwrap();
    }

    /// The first column of the first row.
    pub fn ask(&self, sql: &str) -> Option<String> {
        let answer = self.runtime.block_on(self.client.simple_query(sql)).unwrap();
        answer.into_iter().find_map(|message| match message {
            SimpleQueryMessage::Row(row) => row.get(0).map(str::to_owned),
            _ => None,
        })
    }
}
