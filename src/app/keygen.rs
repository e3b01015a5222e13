//! `xincha keygen`: a key to sign snapshots with.

use super::Outcome;
use crate::snapshot::SigningKey;
use std::path::PathBuf;
use std::process::ExitCode;

/// The arguments of `keygen`.
#[derive(clap::Args, Debug)]
#[command(after_help = "\
The private key stays on the machine that builds; the public half goes to every machine that serves.
私钥只留在构建快照的机器上；公钥写入每台服务机器的配置。

Examples / 示例:
  xincha keygen --out config/signing.pem          then paste the two lines it prints under [data]
  xincha keygen --out /etc/xincha/signing-2027.pem")]
pub struct Keygen {
    /// 私钥文件 / file for the private key, made for its owner alone; never overwritten
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

impl Keygen {
    /// Make the key and print what to configure.
    pub fn run(&self) -> Outcome {
        let key = SigningKey::generate()?;
        key.save(&self.out)?;
        // Absolute: relative paths in a configuration follow its file, not this folder.
        let path = std::fs::canonicalize(&self.out)?;
        let path = toml::Value::String(path.to_string_lossy().into_owned());
        println!("私钥 / private key  {}", self.out.display());
        println!("密钥 / key id       {}", key.id());
        println!("公钥 / public key   {}", key.public());
        println!("\n写入配置 [data] / for [data] of the configuration:");
        println!("signing_key = {path}    # 仅构建方 / where snapshots are built, only");
        println!("trusted_keys = [\"{}\"]", key.public());
        Ok(ExitCode::SUCCESS)
    }
}
