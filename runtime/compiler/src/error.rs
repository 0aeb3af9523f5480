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
    /// The kernel does not run in lanes of vectors; that is no failure.
    #[error("not widened: {0}")]
    NotWidened(String),
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
            Self::NotWidened(_) | Self::Internal(_) => Failure::Internal,
        }
    }

    /// The same error with what it is about in front.
    pub fn about(self, subject: &str) -> Self {
        let add = |text: String| format!("{subject}: {text}");
        match self {
            Self::Options(text) => Self::Options(add(text)),
            Self::Source(text) => Self::Source(add(text)),
            Self::Link(text) => Self::Link(add(text)),
            Self::Binary(text) => Self::Binary(add(text)),
            Self::NotWidened(text) => Self::NotWidened(add(text)),
            Self::Internal(text) => Self::Internal(add(text)),
        }
    }
}
