//! Arguments for builtins, the same in every run.

/// A small generator of evenly spread bits.
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(seed ^ 0x9e37_79b9_7f4a_7c15)
    }

    /// 64 bits.
    pub fn bits(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// The bits of a number of the type with this letter in mangled names: half of them spread
    /// over all bit patterns, the rest small, round or at the edges.
    pub fn number(&mut self, code: char) -> u64 {
        let bits = self.bits();
        let choice = self.bits() % 8;
        let small = (bits % 41) as i64 - 20;
        match (code, choice) {
            ('f', 0..=2) => u64::from((small as f32 * 0.37).to_bits()),
            ('f', 3) => {
                u64::from([0.0f32, 1.0, -1.0, f32::INFINITY, 1e-40][bits as usize % 5].to_bits())
            }
            ('d', 0..=2) => (small as f64 * 0.37).to_bits(),
            ('d', 3) => [0.0f64, 1.0, -1.0, f64::INFINITY, 1e-310][bits as usize % 5].to_bits(),
            (_, 0..=2) => small as u64,
            (_, 3) => [
                0,
                u64::MAX,
                1 << 63,
                i64::MAX as u64,
                0x8000_0000,
                0x7fff_8000,
            ][bits as usize % 6],
            _ => bits,
        }
    }
}
