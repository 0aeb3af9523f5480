// Fields of bits within integers (cl_khr_extended_bit_ops): bitfield_insert,
// bitfield_extract_signed, bitfield_extract_unsigned, bit_reverse.
//
// What the extension leaves undefined, a field beyond the integer, still shifts by less than the
// width: it gives some number.

#include "overload.h"

// The low bits that a count stands for.
#define FIELD_MASK(U, bits, count)                                                            \
  (count == 0 ? (U)0 : (U)((U)-1 >> ((bits - count) & (bits - 1))))

#define FIELD_WIDTH(n, T, S, U, bits)                                                         \
  BUILTIN T##n bitfield_insert(T##n base, T##n insert, uint offset, uint count) {             \
    U shift = (U)(offset & (bits - 1));                                                       \
    U mask = (U)(FIELD_MASK(U, bits, count) << shift);                                        \
    U##n field = (U##n)(BITS(insert, U##n) << (U##n)shift);                                   \
    return BITS((U##n)((BITS(base, U##n) & (U##n)(U)~mask) | (field & (U##n)mask)), T##n);    \
  }                                                                                           \
  BUILTIN U##n bitfield_extract_unsigned(T##n base, uint offset, uint count) {                \
    U##n field = (U##n)(BITS(base, U##n) >> (U##n)(U)(offset & (bits - 1)));                  \
    return field & (U##n)FIELD_MASK(U, bits, count);                                          \
  }                                                                                           \
  BUILTIN S##n bitfield_extract_signed(T##n base, uint offset, uint count) {                  \
    U above = (U)((bits - offset - count) & (bits - 1));                                      \
    S##n field = BITS((U##n)(BITS(base, U##n) << (U##n)above), S##n);                         \
    S right = (S)((bits - count) & (bits - 1));                                               \
    return count == 0 ? (S##n)0 : (S##n)(field >> (S##n)right);                               \
  }

#define REVERSE_WIDTH(n, T)                                                                   \
  BUILTIN T##n bit_reverse(T##n base) { return __builtin_elementwise_bitreverse(base); }

// A small scalar would be promoted to int, and its bits would end up on top of that.
#define FIELDS(T, S, U, bits)                                                                 \
  ALL_WIDTHS(FIELD_WIDTH, T, S, U, bits)                                                      \
  BUILTIN T bit_reverse(T base) { return (T)__builtin_bitreverse##bits(BITS(base, U)); }      \
  EACH_WIDTH(REVERSE_WIDTH, T)

FIELDS(char, char, uchar, 8)
FIELDS(uchar, char, uchar, 8)
FIELDS(short, short, ushort, 16)
FIELDS(ushort, short, ushort, 16)
FIELDS(int, int, uint, 32)
FIELDS(uint, int, uint, 32)
FIELDS(long, long, ulong, 64)
FIELDS(ulong, long, ulong, 64)
