//! A credential, as written in the configuration or taken from the environment.

use serde::Deserialize;
use std::fmt;

const FROM_ENVIRONMENT: &str = "env:";

/// The environment does not have a variable that the configuration names.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("环境变量 {name} 未设置 / the environment variable {name} is not set")]
pub struct SecretError {
    /// Its name.
    pub name: String,
}

/// A text that nothing shows: itself, or `env:NAME` for the value of an environment variable, looked
/// up whenever it is used.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    /// Of a configured text.
    pub fn new(text: impl Into<String>) -> Secret {
        Secret(text.into())
    }

    /// The text itself. Errors when the environment does not have it.
    pub fn reveal(&self) -> Result<String, SecretError> {
        match self.0.strip_prefix(FROM_ENVIRONMENT) {
            None => Ok(self.0.clone()),
            Some(name) => std::env::var(name).map_err(|_| SecretError { name: name.to_owned() }),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_not_shown_and_a_missing_variable_is_named() {
        assert_eq!(format!("{:?}", Secret::new("hush")), "***");
        assert_eq!(Secret::new("hush").reveal().unwrap(), "hush");
        let absent = Secret::new("env:XINCHA_NO_SUCH_VARIABLE");
        assert_eq!(format!("{absent:?}"), "env:XINCHA_NO_SUCH_VARIABLE");
        assert!(absent.reveal().unwrap_err().to_string().contains("XINCHA_NO_SUCH_VARIABLE"));
    }
}
