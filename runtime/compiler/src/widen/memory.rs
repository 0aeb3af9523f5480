//! Loads and stores: one for all lanes, side by side, or each lane at an address of its own.

use super::{Mask, Widener};
use crate::lane_shape::{variable_stride, Shape};
use crate::llvm::{Opcode, Purpose, Type, Value};
use crate::streaming::Streams;
use crate::widen::wide::components;

/// Processors gather no smaller elements.
const LEAST_GATHERED_BITS: u32 = 32;

/// Where lanes find what they access.
enum Access {
    /// Side by side, from this address on.
    Together(Value),
    /// So, if the condition holds; else anywhere.
    Either(Value, Value),
    /// Anywhere.
    Apart,
}

impl Widener<'_> {
    /// Every lane gets its own copy of a private variable that has room for one.
    pub(super) fn variable(&mut self, variable: Value) {
        if self.shapes.is_uniform(variable) {
            let shared = variable.clone_instruction();
            self.setup.insert(shared, "");
            self.set_scalar(variable, shared);
            return;
        }
        let stride = variable_stride(self.module, variable);
        let byte = self.context().int(8);
        let copies = self
            .setup
            .alloca(byte.array(stride * u64::from(self.width)), "private");
        copies.set_alignment(variable.alignment().max(64));
        self.set_scalar(variable, copies);
    }

    pub(super) fn load(&mut self, load: Value, mask: Mask) -> Result<(), String> {
        let (address, of) = (load.operand(0), load.ty());
        let parts = components(of)?;
        if of.is_structure() {
            return Err("a structure is loaded whole".to_owned());
        }
        let element = parts[0];
        let count = parts.len() as u32;
        let size = self.module.size_of(element);
        let together = |widener: &Self, first| {
            let wide = element.vector(widener.width * count);
            if mask.is_none() && widener.streams.is_some() {
                widener.ask_ahead(first, widener.module.store_size_of(wide));
            }
            let all = widener.masked_load(wide, first, load.alignment(), mask, count)?;
            let parts = 0..count;
            Ok(parts.map(|part| widener.every(all, count, part)).collect())
        };
        let is_small = element.scalar_bits() < LEAST_GATHERED_BITS && !element.is_pointer();
        let apart = |widener: &Self| {
            let addresses = widener.lane(address)?;
            (0..u64::from(count))
                .map(|part| {
                    let offset = part * size;
                    let from = widener.moved(addresses, offset);
                    widener.gather(element, from, alignment_at(load, offset), mask)
                })
                .collect()
        };
        let vectors = match self.access(address, element, count) {
            Access::Together(first) => together(self, first)?,
            Access::Either(condition, first) => {
                self.either(condition, |widener| together(widener, first), apart)?
            }
            Access::Apart if is_small && count == 1 && mask.is_none() => {
                return self.one_after_the_other(load).map(drop);
            }
            Access::Apart => apart(self)?,
        };
        self.set_vectors(load, vectors);
        Ok(())
    }

    pub(super) fn store(&mut self, store: Value, mask: Mask) -> Result<(), String> {
        let (value, address) = (store.operand(0), store.operand(1));
        let parts = components(value.ty())?;
        if value.ty().is_structure() {
            return Err("a structure is stored whole".to_owned());
        }
        let element = parts[0];
        let count = parts.len() as u32;
        let size = self.module.size_of(element);
        if self.shapes.is_uniform(address) {
            let lane = self.last_lane(mask)?;
            let parts: Vec<_> = (self.lanes(value)?.into_iter())
                .map(|vector| self.builder.extract_element(vector, lane))
                .collect();
            let whole = self.whole(value.ty(), &parts)?;
            let stored = self.builder.store(whole, self.scalar(address));
            stored.set_alignment(store.alignment());
            return Ok(());
        }
        let vectors = self.lanes(value)?;
        let together = |widener: &Self, first| {
            let all = widener.interleaved(&vectors);
            if mask.is_none() && widener.streams.is_some_and(|it| it.contains(store)) {
                Streams::emit(&widener.builder, store, all, first);
            } else {
                widener.masked_store(all, first, store.alignment(), mask, count)?;
            }
            Ok(Vec::new())
        };
        let apart = |widener: &Self| {
            let addresses = widener.lane(address)?;
            for (part, &vector) in (0u64..).zip(&vectors) {
                let offset = part * size;
                let alignment = alignment_at(store, offset);
                let to = widener.moved(addresses, offset);
                widener.scatter(vector, to, alignment, mask)?;
            }
            Ok(Vec::new())
        };
        match self.access(address, element, count) {
            Access::Together(first) => together(self, first),
            Access::Either(condition, first) => {
                self.either(condition, |widener| together(widener, first), apart)
            }
            Access::Apart => apart(self),
        }
        .map(drop)
    }

    /// How lanes access `count` elements each.
    fn access(&self, address: Value, element: Type, count: u32) -> Access {
        let first = self.scalar(address);
        match self.shape(address) {
            Shape::Linear(step) if self.is_packed(element, count, step) => {
                match self.guards.get(&address) {
                    Some(&guard) => Access::Either(guard, first),
                    None => Access::Together(first),
                }
            }
            _ => match self.neighbours(address, element, count) {
                Some([side_by_side, first]) => Access::Either(side_by_side, first),
                None => Access::Apart,
            },
        }
    }

    /// Emits both, of which one runs, and joins their results.
    fn either(
        &self,
        condition: Value,
        then: impl FnOnce(&Self) -> Result<Vec<Value>, String>,
        otherwise: impl FnOnce(&Self) -> Result<Vec<Value>, String>,
    ) -> Result<Vec<Value>, String> {
        let [packed, apart, behind] =
            ["packed", "apart", "behind"].map(|name| self.new_block(name));
        self.builder.branch_if(condition, packed, apart);
        self.builder.position_at_end(packed);
        let first = then(self)?;
        let first_end = self.builder.block();
        self.builder.branch(behind);
        self.builder.position_at_end(apart);
        let second = otherwise(self)?;
        let second_end = self.builder.block();
        self.builder.branch(behind);
        self.builder.position_at_end(behind);
        Ok(first
            .into_iter()
            .zip(second)
            .map(|(first, second)| {
                let phi = self.builder.phi(first.ty(), "");
                phi.add_incoming(&[(first, first_end), (second, second_end)]);
                phi
            })
            .collect())
    }

    /// Whether lanes lie side by side in memory without gaps.
    pub(super) fn is_packed(&self, element: Type, count: u32, step: i64) -> bool {
        let bits = element.scalar_bits();
        let whole_bytes = element.is_pointer() || bits >= 8 && bits.is_power_of_two();
        let size = self.module.size_of(element) * u64::from(count);
        whole_bytes && i64::try_from(size) == Ok(step)
    }

    /// Asks for the memory that a later vector will load.
    fn ask_ahead(&self, address: Value, bytes: u64) {
        for line in Streams::ahead(&self.builder, address, bytes) {
            self.module.prefetch(&self.builder, line, Purpose::Read);
        }
    }

    fn masked_load(
        &self,
        of: Type,
        address: Value,
        alignment: u32,
        mask: Mask,
        count: u32,
    ) -> Result<Value, String> {
        let Some(mask) = mask else {
            let all = self.builder.load(of, address);
            all.set_alignment(alignment);
            return Ok(all);
        };
        let alignment = self.context().constant(32, u64::from(alignment));
        let mask = self.repeated(mask, count);
        self.intrinsic(
            "llvm.masked.load",
            &[of, address.ty()],
            &[address, alignment, mask, of.zero()],
        )
    }

    fn masked_store(
        &self,
        value: Value,
        address: Value,
        alignment: u32,
        mask: Mask,
        count: u32,
    ) -> Result<(), String> {
        let Some(mask) = mask else {
            let store = self.builder.store(value, address);
            store.set_alignment(alignment);
            return Ok(());
        };
        let alignment = self.context().constant(32, u64::from(alignment));
        let mask = self.repeated(mask, count);
        self.intrinsic(
            "llvm.masked.store",
            &[value.ty(), address.ty()],
            &[value, address, alignment, mask],
        )
        .map(drop)
    }

    pub(super) fn gather(
        &self,
        element: Type,
        addresses: Value,
        alignment: u32,
        mask: Mask,
    ) -> Result<Value, String> {
        let of = element.vector(self.width);
        let alignment = self.context().constant(32, u64::from(alignment));
        self.intrinsic(
            "llvm.masked.gather",
            &[of, addresses.ty()],
            &[addresses, alignment, self.explicit(mask), of.zero()],
        )
    }

    fn scatter(
        &self,
        value: Value,
        addresses: Value,
        alignment: u32,
        mask: Mask,
    ) -> Result<(), String> {
        let alignment = self.context().constant(32, u64::from(alignment));
        self.intrinsic(
            "llvm.masked.scatter",
            &[value.ty(), addresses.ty()],
            &[value, addresses, alignment, self.explicit(mask)],
        )
        .map(drop)
    }

    /// The addresses, `offset` bytes further.
    fn moved(&self, addresses: Value, offset: u64) -> Value {
        if offset == 0 {
            return addresses;
        }
        let offset = self.context().constant(64, offset);
        self.builder
            .gep(self.context().int(8), addresses, &[offset])
    }

    /// Every `count`th element, from `first` on.
    fn every(&self, vector: Value, count: u32, first: u32) -> Value {
        if count == 1 {
            return vector;
        }
        self.builder.pick(
            vector,
            vector,
            (0..self.width).map(|lane| lane * count + first),
        )
    }

    /// Each element `count` times in a row.
    fn repeated(&self, vector: Value, count: u32) -> Value {
        if count == 1 {
            return vector;
        }
        let elements = (0..self.width * count).map(|element| element / count);
        self.builder.pick(vector, vector, elements)
    }

    /// The first elements of all vectors, then the second ones, and so on.
    fn interleaved(&self, vectors: &[Value]) -> Value {
        let count = vectors.len() as u32;
        let len = self.width;
        // One behind the other, by pairs; what is missing at the end stays open.
        let mut rows: Vec<Value> = vectors.to_vec();
        let mut row_len = len;
        while rows.len() > 1 {
            if rows.len() % 2 == 1 {
                rows.push(rows[0].ty().poison());
            }
            rows = rows
                .chunks(2)
                .map(|pair| self.builder.pick(pair[0], pair[1], 0..2 * row_len))
                .collect();
            row_len *= 2;
        }
        if count == 1 {
            return rows[0];
        }
        let order = (0..len * count).map(|element| element % count * len + element / count);
        self.builder.pick(rows[0], rows[0], order)
    }
}

/// What is known of an address `offset` bytes behind that of an access.
fn alignment_at(access: Value, offset: u64) -> u32 {
    debug_assert!(matches!(
        access.opcode(),
        Some(Opcode::LLVMLoad | Opcode::LLVMStore)
    ));
    let alignment = access.alignment().max(1);
    match offset.trailing_zeros() {
        _ if offset == 0 => alignment,
        zeros => alignment.min(1 << zeros.min(31)),
    }
}
