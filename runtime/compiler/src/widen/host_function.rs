//! Calls of the host's mathematical functions, for several lanes at once where the host can.

use super::{Mask, Widener};
use crate::llvm::Value;
use crate::vector_math;

/// A number for lanes that do not run, for which no function takes long.
const USUAL: f64 = 0.5;

impl Widener<'_> {
    /// Emits `call` if the host has its function for several arguments.
    pub(super) fn call_host(&mut self, call: Value, mask: Mask) -> Result<Option<()>, String> {
        let callee = call.called_function();
        let form = callee.and_then(|callee| vector_math::widest(&callee.name(), self.width));
        let Some((symbol, at_once)) = form else {
            return Ok(None);
        };
        let usual = self.splat(call.ty().real_constant(USUAL));
        let arguments = call.call_arguments().into_iter();
        let arguments = arguments.map(|argument| {
            let lanes = self.lane(argument)?;
            Ok(match mask {
                Some(mask) => self.builder.select(mask, lanes, usual),
                None => lanes,
            })
        });
        let arguments = arguments.collect::<Result<Vec<_>, String>>()?;
        let function = self.host_function(symbol, call, at_once, arguments.len());
        let mut results: Vec<_> = (0..self.width)
            .step_by(at_once as usize)
            .map(|first| {
                let some = |&all: &Value| self.builder.pick(all, all, first..first + at_once);
                let arguments: Vec<_> = arguments.iter().map(some).collect();
                self.builder.call(function, &arguments)
            })
            .collect();
        let mut len = at_once;
        while results.len() > 1 {
            len *= 2;
            let pairs = results.chunks_exact(2);
            results = pairs
                .map(|pair| self.builder.pick(pair[0], pair[1], 0..len))
                .collect();
        }
        self.set_vectors(call, results);
        Ok(Some(()))
    }

    fn host_function(&self, symbol: &str, call: Value, at_once: u32, arguments: usize) -> Value {
        let of = call.ty().vector(at_once);
        let context = self.context();
        let function = self
            .module
            .declare(symbol, of.function(&vec![of; arguments], false));
        for name in ["memory", "nounwind", "willreturn"] {
            function.add_attribute(context.enum_attribute(name, 0));
        }
        function
    }
}
