//! The patterns that host and kernels write, as the programs in C and the kernels make them, too.

/// Byte `index` of a pattern of the host.
pub const fn byte(seed: u32, index: usize) -> u8 {
    (seed.wrapping_mul(31) as usize)
        .wrapping_add(index.wrapping_mul(7))
        .wrapping_add(index >> 8) as u8
}

/// Word `index` of a pattern of the kernel `pattern`.
pub const fn word(seed: u32, index: usize) -> u32 {
    seed.wrapping_mul(2_654_435_761)
        .wrapping_add((index as u32).wrapping_mul(40_503))
}

/// What the kernel `chase` changes in word `word` of `words` behind pointer `index`.
pub const fn change(seed: u32, index: usize, words: usize, word: usize) -> u32 {
    seed.wrapping_add((index * words + word) as u32)
}

/// The kernels.
pub const KERNELS: &str = "\
kernel void pattern(global uint *to, uint seed) {
    size_t i = get_global_id(0);
    to[i] = seed * 2654435761u + (uint)i * 40503u;
}
kernel void add(global uint *to, global const uint *from) {
    size_t i = get_global_id(0);
    to[i] += from[i];
}
kernel void chase(global const ulong *table, uint words, uint seed) {
    size_t i = get_global_id(0);
    global uint *to = (global uint *)(size_t)table[i];
    for (uint word = 0; word < words; word++)
        to[word] ^= seed + (uint)i * words + word;
}
";
