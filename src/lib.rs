//! xincha
pub mod record;
pub mod synth;
