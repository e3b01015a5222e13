//! Fetching, from servers as they are. A binary of its own, since it starts them.

#[path = "../servers/mod.rs"]
mod servers;

mod configured;
mod folder;
mod http;
mod keeper;
mod postgres;
mod s3;
