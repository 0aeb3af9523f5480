//! Pseudo-random numbers: the same ones for the same seed, on every machine.

/// A generator of pseudo-random numbers (xorshift).
pub struct Random(u64);

impl Random {
    /// The generator of a seed. Neighbouring seeds give unrelated numbers.
    pub fn new(seed: u64) -> Self {
        // The finaliser of splitmix64; xorshift itself would start alike for small seeds, and its
        // state must not be zero.
        let mut state = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
        state = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        state = (state ^ (state >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        Self((state ^ (state >> 31)) | 1)
    }

    /// The next 64 bits.
    pub fn bits(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// A number below `bound`, which is not zero.
    pub fn below(&mut self, bound: usize) -> usize {
        (self.bits() >> 20) as usize % bound
    }

    /// True in `percent` of a hundred cases.
    pub fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    /// One of several.
    pub fn pick<T: Clone>(&mut self, of: &[T]) -> T {
        of[self.below(of.len())].clone()
    }

    /// An integer that is often small and often at an edge of some type.
    pub fn integer(&mut self) -> i64 {
        let edge = 1_i64 << self.pick(&[7, 8, 15, 16, 31, 32, 63]);
        match self.below(6) {
            0 | 1 => self.below(10) as i64,
            2 => -(self.below(10) as i64),
            3 => edge.wrapping_sub(self.below(2) as i64),
            4 => edge.wrapping_neg(),
            _ => self.bits() as i64,
        }
    }
}
