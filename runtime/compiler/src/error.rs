//! The one error type of the compiler.

use isocl_compiler_interface::message::Failure;

/// Why a request failed, with text for the build log.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The options are malformed or unknown.
    #[error("{0}")]
    Options(String),
    /// The source has errors.
    #[error("{0}")]
    Source(String),
    /// A name is undefined, or defined twice.
    #[error("{0}")]
    Link(String),
    /// Bytes that are no binary of this compiler.
    #[error("{0}")]
    Binary(String),
    /// The compiler itself failed.
    #[error("internal compiler error: {0}")]
    Internal(String),
}

impl Error {
    /// The class that the runtime turns into an error code.
    pub fn failure(&self) -> Failure {
        match self {
            Self::Options(_) => Failure::InvalidOptions,
            Self::Source(_) => Failure::Source,
            Self::Link(_) => Failure::Link,
            Self::Binary(_) => Failure::Binary,
            Self::Internal(_) => Failure::Internal,
        }
    }
}
