//! Origins as they are written in a configuration.

use xincha::source::fetch::{
    FolderConfig, HttpConfig, Limits, OriginConfig, PostgresConfig, S3Config,
};

/// The examples of the documentation.
const EXAMPLES: [&str; 4] = [
    include_str!("../../src/source/fetch/folder.rs"),
    include_str!("../../src/source/fetch/http.rs"),
    include_str!("../../src/source/fetch/s3.rs"),
    include_str!("../../src/source/fetch/postgres.rs"),
];

fn example(of: &str) -> String {
    let (_, rest) = of.split_once("/// ```toml\n").unwrap();
    let (example, _) = rest.split_once("/// ```\n").unwrap();
    example.replace("/// ", "")
}

#[test]
fn the_documented_examples_are_sound() {
    for of in EXAMPLES {
        let text = example(of);
        let origin: OriginConfig =
            toml::from_str(&text).unwrap_or_else(|error| panic!("{text}\n{error}"));
        match origin {
            OriginConfig::Folder(FolderConfig { settled_seconds, .. }) => {
                assert_eq!(settled_seconds, 5);
            }
            OriginConfig::Http(HttpConfig { files, headers, .. }) => {
                assert_eq!((files.len(), headers.len()), (2, 1));
            }
            OriginConfig::S3(S3Config { region, path_style, .. }) => {
                assert!(region == "us-east-1" && path_style);
            }
            OriginConfig::Postgres(PostgresConfig { columns, full_every, .. }) => {
                assert_eq!((columns.len(), full_every), (3, 100));
            }
        }
    }
}

#[test]
fn settings_that_are_not_known_are_refused() {
    for text in [
        "kind = 'ftp'",
        "path = 'x'",
        "kind = 'folder'\npath = 'x'\nsettle = 1",
        "kind = 'folder'\npath = 'x'\ncomplete = 'maybe'",
        "kind = 'http'\nfiles = [{ url = 'http://x', to = 'y' }]",
    ] {
        assert!(toml::from_str::<OriginConfig>(text).is_err(), "{text}");
    }
    assert_eq!(toml::from_str::<Limits>("attempts = 2").unwrap().timeout_seconds, 600);
    assert!(toml::from_str::<Limits>("attempt = 2").is_err());
}
