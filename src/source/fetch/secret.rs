//! A credential, as written in the configuration or taken from the environment.

use super::FetchError;
use serde::Deserialize;
use std::fmt;

const FROM_ENVIRONMENT: &str = "env:";

/// A text that nothing shows: itself, or `env:NAME` for the value of an environment variable, looked
/// up at every fetch.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    /// Of a configured text.
    pub fn new(text: impl Into<String>) -> Secret {
        Secret(text.into())
    }

    /// The text itself. Errors when the environment does not have it.
    pub(super) fn reveal(&self) -> Result<String, FetchError> {
        match self.0.strip_prefix(FROM_ENVIRONMENT) {
            None => Ok(self.0.clone()),
            Some(name) => {
                std::env::var(name).map_err(|_| FetchError::Environment { name: name.to_owned() })
            }
        }
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self.0.strip_prefix(FROM_ENVIRONMENT) {
            Some(name) => write!(f, "env:{name}"),
            None => f.write_str("***"),
        }
    }
}
