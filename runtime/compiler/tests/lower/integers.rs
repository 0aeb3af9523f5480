//! Integers of all types in lanes: quotients, and indices that wrap.

use crate::lanes::same_in_lanes;

#[test]
fn narrow_indices_that_wrap_within_a_vector() {
    for of in ["char", "uchar", "short", "ushort", "int", "uint"] {
        // Whole numbers of the type come back to where they were.
        let turn = 1u64
            << (8 * [1, 2, 4]
                [usize::from(of.contains("short")) + 2 * usize::from(of.contains("int"))]);
        for start in [
            "n * 50 + g",
            "(get_group_id(0) * get_local_size(0) * 16) + get_local_id(0) + n",
        ] {
            same_in_lanes(&format!(
                "kernel void k(global int *out, int n) {{
                    size_t g = get_global_id(0);
                    {of} id = {start};
                    global int *in = out + 1024;
                    int sum = 0;
                    for (int i = 0; i < 3; i++) {{
                        sum = sum * 5 + in[id & 1023]; id += get_local_size(0);
                        if (id >= -128 && id < 256) sum += in[id + 256];
                        id += get_global_size(0) + {turn}ul - 3;
                    }}
                    {of} other = {turn}ul / 2 - 30 + g;
                    if (other >= -128 && other < 128) sum += in[other + 700];
                    if (sizeof(other) == 1) sum ^= in[other + 600];
                    if (sizeof(other) == 2) sum ^= in[other / 64 + 1500];
                    out[g] = sum;
                }}"
            ));
        }
    }
}

#[test]
fn quotients_and_remainders_of_integers() {
    for (of, values) in [
        ("char", "{0, 1, -1, 2, 3, 7, 10, -10, 63, 64, 126, 127, -127, -128, 100, -3}"),
        ("short", "{0, 1, -1, 2, 3, 7, 255, -256, 181, 182, 32766, 32767, -32767, -32768, 30000, -3}"),
        (
            "int",
            "{0, 1, -1, 2, 3, 46340, 46341, -65536, 65535, 2147483646, 2147483647, -2147483647,
              -2147483647 - 1, 1073741824, 1431655765, -3}",
        ),
        ("long", "{0, 1, -1, 2, 3, 1L << 53, (1L << 53) + 1, LONG_MAX, LONG_MIN, LONG_MAX - 1, 7, 9, 1L << 62, 5, -7, -3}"),
    ] {
        for of in [of.to_owned(), format!("u{of}")] {
            same_in_lanes(&format!(
                "constant {of} edges[16] = {values};
                kernel void k(global int *out, int n) {{
                    int i = get_global_id(0);
                    uint sum = 0;
                    for (int a = 0; a < 48; a++) {{
                        {of} x = edges[(i + a) & 15] + (a >> 4), y = edges[(i / 16 + a * n) & 15];
                        if ((i + a) % 5) sum = sum * 31 + (uint)(x / y) + (uint)(x % y) * 7;
                        else if (y) sum += (uint)(({of})(x * 77 + i) / y);
                        else sum ^= (uint)(({of})(i + 3) / ({of})(n + 1) + ({of})(i * 5) % ({of})(n | 1));
                    }}
                    out[i] = sum;
                }}"
            ));
        }
    }
}
