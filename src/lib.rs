//! xincha
pub mod record;
pub mod snapshot;
pub mod text;
pub mod index;
pub mod catalogue;
pub mod screen;
pub mod live;
pub mod http;
