//! `xincha client`: clients and their keys, in their file. A running service takes notice within a second.

use super::Outcome;
use crate::clients::{Client as Known, Draft, Key, RecallUrl, Roll, Scope};
use crate::config::Config;
use crate::record::Day;
use clap::Subcommand;
use std::num::NonZeroU32;
use std::process::ExitCode;
use toml_edit::{Array, Value};

/// The arguments of `client`.
#[derive(clap::Args, Debug)]
#[command(after_help = "\
A key is shown once, when it is made; the file keeps its digest only.
密钥只在生成时显示一次，文件中只保留其摘要。

Examples / 示例:
  xincha client add portal --scope check --scope read --label 一网通办
  xincha client add zjj --scope change --change-list zjj_hmd --address 10.1.0.0/16 --expires 2027-12-31
  xincha client key portal                    a further key: hand it out, then revoke the old one
  xincha client revoke portal --key 1f2e3d4c  one key
  xincha client revoke portal                 the client with all it has
  xincha client list")]
pub struct Client {
    #[command(subcommand)]
    act: Act,
}

#[derive(Subcommand, Debug)]
enum Act {
    /// 新增客户端 / add a client and show its key
    Add(Add),
    /// 追加密钥 / add a further key and show it
    Key {
        /// 名称 / name of the client
        name: String,
    },
    /// 撤销 / revoke one key, or the client
    Revoke {
        /// 名称 / name of the client
        name: String,
        /// 密钥编号 / id of the key: the eight characters after `xc_`
        #[arg(long, value_name = "ID")]
        key: Option<String>,
    },
    /// 列出客户端 / all clients, what they may, their keys' ids
    List,
}

#[derive(clap::Args, Debug)]
struct Add {
    /// 名称 / its name: letters, digits, - _ .
    name: String,
    /// 权限 / what it may ask for: check screen search batch change read audit admin unmasked
    #[arg(long = "scope", required = true, value_name = "SCOPE")]
    scopes: Vec<Scope>,
    /// 说明 / what people call it
    #[arg(long)]
    label: Option<String>,
    /// 事项编码 / code of a matter that it may ask about; all by default
    #[arg(long = "matter", value_name = "CODE")]
    matters: Vec<String>,
    /// 名单编码 / code of a list that it may use; all by default
    #[arg(long = "list", value_name = "CODE")]
    lists: Vec<String>,
    /// 名单编码 / code of a list that it may change; all by default
    #[arg(long = "change-list", value_name = "CODE")]
    change_lists: Vec<String>,
    /// 网段 / network that it may ask from; any by default
    #[arg(long = "address", value_name = "CIDR")]
    addresses: Vec<String>,
    /// 每秒请求数 / requests a second; without a bound by default
    #[arg(long, value_name = "N")]
    per_second: Option<NonZeroU32>,
    /// 突发请求数 / requests at one moment
    #[arg(long, value_name = "N", requires = "per_second")]
    burst: Option<NonZeroU32>,
    /// 并发请求数 / requests that are answered at one time
    #[arg(long, value_name = "N")]
    concurrency: Option<NonZeroU32>,
    /// 有效期 / its last day
    #[arg(long, value_name = "DAY")]
    expires: Option<Day>,
    /// 撤销通告地址 / where it is told of recalls: https, or http on this machine
    #[arg(long, value_name = "URL")]
    recall_url: Option<RecallUrl>,
    /// 免填用途 / it need not say for what it asks about natural persons
    #[arg(long)]
    no_purpose: bool,
}

impl Client {
    /// Edit the file, or tell what it holds.
    pub fn run(&self, config: &Config) -> Outcome {
        let path = &config.clients.file;
        let mut draft = Draft::open(path)?;
        match &self.act {
            Act::Add(add) => {
                let key = draft.add(&add.name, add.fields())?;
                draft.save()?;
                tell(&add.name, &key);
            }
            Act::Key { name } => {
                let key = draft.add_key(name)?;
                draft.save()?;
                tell(name, &key);
            }
            Act::Revoke { name, key: Some(key) } => {
                draft.remove_key(name, key)?;
                draft.save()?;
                println!("已撤销密钥 / key revoked  {key}");
            }
            Act::Revoke { name, key: None } => {
                draft.remove(name)?;
                draft.save()?;
                println!("已撤销客户端 / client revoked  {name}");
            }
            Act::List => {
                let roll = draft.roll()?;
                roll.clients().for_each(|client| print(&roll, client));
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

impl Add {
    fn fields(&self) -> Vec<(&'static str, Value)> {
        let texts = |all: &[String]| (!all.is_empty()).then(|| Array::from_iter(all).into());
        let number = |number: Option<NonZeroU32>| number.map(|n| i64::from(n.get()).into());
        let scopes = Array::from_iter(self.scopes.iter().map(|scope| scope.code()));
        let fields: [(_, Option<Value>); 12] = [
            ("label", self.label.as_deref().map(Value::from)),
            ("scopes", Some(scopes.into())),
            ("matters", texts(&self.matters)),
            ("lists", texts(&self.lists)),
            ("change_lists", texts(&self.change_lists)),
            ("addresses", texts(&self.addresses)),
            ("per_second", number(self.per_second)),
            ("burst", number(self.burst)),
            ("concurrency", number(self.concurrency)),
            ("expires", self.expires.map(|day| day.to_string().into())),
            ("recall_url", self.recall_url.as_ref().map(|url| url.as_str().into())),
            ("purpose", self.no_purpose.then(|| false.into())),
        ];
        fields.into_iter().filter_map(|(field, value)| Some((field, value?))).collect()
    }
}

fn tell(name: &str, key: &Key) {
    println!("客户端 / client   {name}");
    println!("密钥 / key        {}", key.reveal());
    println!("编号 / key id     {}", key.digest.id());
    println!("\n请妥善保存，不再显示 / keep it: it is not shown again");
}

fn print(roll: &Roll, client: &Known) {
    let may = |scope: &&Scope| client.may(**scope);
    let scopes: Vec<&str> = Scope::ALL.iter().filter(may).map(|scope| scope.code()).collect();
    let until = client.expires.map(|day| format!("  至 / until {day}")).unwrap_or_default();
    println!("{}  {}{until}", client.name, client.label);
    println!("  权限 / scopes   {}", scopes.join(" "));
    println!("  密钥 / keys     {}", roll.keys_of(&client.name).join(" "));
    if let Some(url) = &client.recall_url {
        println!("  通告 / recalls  {}", url.as_str());
    }
}
