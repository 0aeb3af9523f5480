//! The place in every object where the C boundary remembers the object's handle.

use std::any::Any;
use std::sync::OnceLock;

/// Holds the handle of an object and a guard that forgets the handle when the object dies.
#[derive(Default)]
pub struct ApiSlot(OnceLock<(usize, Box<dyn Any + Send + Sync>)>);

impl ApiSlot {
    /// The handle, once one was published.
    pub fn handle(&self) -> Option<usize> {
        self.0.get().map(|(handle, _)| *handle)
    }

    /// Returns the handle, calling `publish` for a new handle and its guard when there is none.
    pub fn handle_or_publish(
        &self,
        publish: impl FnOnce() -> (usize, Box<dyn Any + Send + Sync>),
    ) -> usize {
        self.0.get_or_init(publish).0
    }
}

impl std::fmt::Debug for ApiSlot {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_tuple("ApiSlot")
            .field(&self.handle())
            .finish()
    }
}
