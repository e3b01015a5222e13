//! PostgreSQL's trigrams: the likest by `similarity`, found through an index, in a server that is started
//! for it.
//!
//! The index is GIN and the threshold its default, 0.3: on 200 000 names a threshold of 0.2 takes ten
//! times as long and finds 1 % more, and GiST ordered by `<->` five times. The database's letters are
//! those of Unicode; with those of C, the default of some installations, Chinese has no trigrams.

use crate::query::Query;
use crate::servers::Postgres;
use crate::trial::Trial;
use tokio::runtime::Runtime;
use tokio_postgres::{Client, NoTls, Statement};

/// Nothing where the server or the extension is not installed.
pub fn trial<'a>(names: &[String], queries: &'a [&'a Query]) -> Option<Trial<'a>> {
    if !Postgres::is_installed() {
        println!("\npg_trgm: skipped, PostgreSQL's server is not installed");
        return None;
    }
    let server = Postgres::start();
    let available = "select 1 from pg_available_extensions where name = 'pg_trgm'";
    if server.sql().ask(available).is_none() {
        println!("\npg_trgm: skipped, PostgreSQL is installed without it");
        return None;
    }
    let table = Table::of(&server, names);
    table.check(names);
    Some(Trial::timed("pg_trgm", queries, |text| table.likest(text)))
}

/// The names, indexed, over a connection of its own.
struct Table {
    /// Of this thread, so that no time goes into waking another.
    runtime: Runtime,
    client: Client,
    search: Statement,
}

impl Table {
    const SEARCH: &str = "select id, similarity(name, $1) as likeness from names where name % $1 \
                          order by likeness desc limit 1";

    fn of(server: &Postgres, names: &[String]) -> Table {
        server.sql().run(
            "create database names template template0 encoding 'UTF8' lc_collate 'C' \
             lc_ctype 'C.UTF-8'",
        );
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.expect("a runtime");
        let (client, search) = runtime.block_on(async {
            // The last of a key counts.
            let dsn = format!("{} dbname=names", server.dsn());
            let (client, connection) =
                tokio_postgres::connect(&dsn, NoTls).await.expect("connected");
            tokio::spawn(connection);
            let run = async |sql| client.batch_execute(sql).await.expect(sql);
            run("create extension pg_trgm; create table names (id int, name text)").await;
            let fill = "insert into names select at - 1, name \
                        from unnest($1::text[]) with ordinality as given (name, at)";
            client.execute(fill, &[&names]).await.expect("names");
            run("create index by_trigram on names using gin (name gin_trgm_ops)").await;
            run("vacuum analyze names").await;
            run("set enable_seqscan = off").await;
            let search = client.prepare(Self::SEARCH).await.expect("a search");
            (client, search)
        });
        Table { runtime, client, search }
    }

    /// Its number and similarity, if any is similar enough.
    fn likest(&self, text: &str) -> Option<(u32, f64)> {
        let row = self.runtime.block_on(self.client.query_opt(&self.search, &[&text]));
        let row = row.expect("an answer")?;
        Some((row.get::<_, i32>(0) as u32, f64::from(row.get::<_, f32>(1))))
    }

    /// Chinese characters are letters, the index is used, a name is likest itself.
    fn check(&self, names: &[String]) {
        let rows = |sql: &str| self.runtime.block_on(self.client.query(sql, &[])).expect("rows");
        let trigrams: Vec<String> =
            rows("select unnest(show_trgm('苏州星河'))").iter().map(|row| row.get(0)).collect();
        assert_eq!(trigrams.len(), 5, "{trigrams:?}");
        let plan = rows(&format!("explain {}", Self::SEARCH.replace("$1", "'苏州星河'")));
        let plan: Vec<String> = plan.iter().map(|row| row.get(0)).collect();
        assert!(plan.iter().any(|line| line.contains("by_trigram")), "{plan:?}");
        for name in names.iter().step_by((names.len() / 10).max(1)) {
            let (itself, score) = self.likest(name).expect("a name");
            assert!(score == 1.0 && names[itself as usize] == *name, "{name} is not likest itself");
        }
    }
}
