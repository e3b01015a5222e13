//! S3-compatible object storage over a folder: a bucket is a folder in it, an object a file.

use super::free_port;
use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use s3s::auth::SimpleAuth;
use s3s::service::{S3Service, S3ServiceBuilder};
use s3s_fs::FileSystem;
use std::fs;
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::thread::JoinHandle;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

/// A server in a thread of this process, which takes one access key.
pub struct S3 {
    folder: TempDir,
    port: u16,
    running: Option<(oneshot::Sender<()>, JoinHandle<()>)>,
}

impl S3 {
    pub const ACCESS_KEY: &str = "AKIAXINCHA";
    pub const SECRET_KEY: &str = "s3cret-k3y";
    pub const BUCKET: &str = "credit";

    pub fn start() -> S3 {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join(Self::BUCKET)).unwrap();
        let mut s3 = S3 { folder, port: free_port(), running: None };
        s3.restart();
        s3
    }

    pub fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Write an object past the server.
    pub fn put(&self, key: &str, bytes: &[u8]) {
        let path = self.path(key);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }

    pub fn delete(&self, key: &str) {
        fs::remove_file(self.path(key)).unwrap();
    }

    fn path(&self, key: &str) -> PathBuf {
        self.folder.path().join(Self::BUCKET).join(key)
    }

    /// As SIGKILL would: sockets close wherever they are, what is stored stays.
    pub fn kill(&mut self) {
        if let Some((stop, thread)) = self.running.take() {
            drop(stop);
            thread.join().unwrap();
        }
    }

    /// Start once more, on the same port and data.
    pub fn restart(&mut self) {
        self.kill();
        let mut builder = S3ServiceBuilder::new(FileSystem::new(self.folder.path()).unwrap());
        builder.set_auth(SimpleAuth::from_single(Self::ACCESS_KEY, Self::SECRET_KEY));
        let (service, port) = (builder.build(), self.port);
        let (stop, stopped) = oneshot::channel();
        let (started, starts) = std::sync::mpsc::channel();
        let thread = std::thread::spawn(move || {
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await.unwrap();
                started.send(()).unwrap();
                tokio::select! {
                    _ = stopped => {}
                    () = serve(listener, service) => {}
                }
            });
            runtime.shutdown_background();
        });
        starts.recv().unwrap();
        self.running = Some((stop, thread));
    }
}

impl Drop for S3 {
    fn drop(&mut self) {
        self.kill();
    }
}

async fn serve(listener: TcpListener, service: S3Service) {
    loop {
        let Ok((socket, _)) = listener.accept().await else { continue };
        let connection =
            http1::Builder::new().serve_connection(TokioIo::new(socket), service.clone());
        tokio::spawn(connection);
    }
}
