//! xincha
pub mod record;
pub mod catalogue;
