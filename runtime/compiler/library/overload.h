// Macros that write the vector overloads of a builtin from its scalar one.
//
// The scalar functions carry the arithmetic; a vector overload applies the scalar to each
// component. Everything is inlined into the caller, so the compiler sees plain scalar code.

#pragma OPENCL EXTENSION cl_khr_fp16 : enable
#pragma OPENCL EXTENSION cl_khr_fp64 : enable
#pragma OPENCL FP_CONTRACT OFF

// A builtin as programs see it.
#define BUILTIN __attribute__((overloadable, always_inline))
// A part of a builtin, never visible outside its file.
#define PART static __attribute__((overloadable, always_inline))

#define UNLIKELY(condition) __builtin_expect((condition), 0)

// LANES_n(M, ...) is the list M(0, ...), M(1, ...), up to component n - 1.
#define LANES_2(M, ...) M(0, __VA_ARGS__), M(1, __VA_ARGS__)
#define LANES_3(M, ...) LANES_2(M, __VA_ARGS__), M(2, __VA_ARGS__)
#define LANES_4(M, ...) LANES_3(M, __VA_ARGS__), M(3, __VA_ARGS__)
#define LANES_8(M, ...)                                                                       \
  LANES_4(M, __VA_ARGS__), M(4, __VA_ARGS__), M(5, __VA_ARGS__), M(6, __VA_ARGS__),           \
      M(7, __VA_ARGS__)
#define LANES_16(M, ...)                                                                      \
  LANES_8(M, __VA_ARGS__), M(8, __VA_ARGS__), M(9, __VA_ARGS__), M(a, __VA_ARGS__),           \
      M(b, __VA_ARGS__), M(c, __VA_ARGS__), M(d, __VA_ARGS__), M(e, __VA_ARGS__),             \
      M(f, __VA_ARGS__)

// STEPS_n is the same as a sequence of statements.
#define STEPS_2(M, ...) M(0, __VA_ARGS__) M(1, __VA_ARGS__)
#define STEPS_3(M, ...) STEPS_2(M, __VA_ARGS__) M(2, __VA_ARGS__)
#define STEPS_4(M, ...) STEPS_3(M, __VA_ARGS__) M(3, __VA_ARGS__)
#define STEPS_8(M, ...)                                                                       \
  STEPS_4(M, __VA_ARGS__)                                                                     \
  M(4, __VA_ARGS__) M(5, __VA_ARGS__) M(6, __VA_ARGS__) M(7, __VA_ARGS__)
#define STEPS_16(M, ...)                                                                      \
  STEPS_8(M, __VA_ARGS__)                                                                     \
  M(8, __VA_ARGS__) M(9, __VA_ARGS__) M(a, __VA_ARGS__) M(b, __VA_ARGS__)                     \
  M(c, __VA_ARGS__) M(d, __VA_ARGS__) M(e, __VA_ARGS__) M(f, __VA_ARGS__)

// M(n, ...) for every vector width.
#define EACH_WIDTH(M, ...)                                                                    \
  M(2, __VA_ARGS__) M(3, __VA_ARGS__) M(4, __VA_ARGS__) M(8, __VA_ARGS__) M(16, __VA_ARGS__)

// The same with the scalar first, for bodies that serve scalars and vectors alike.
#define ALL_WIDTHS(M, ...) M(, __VA_ARGS__) EACH_WIDTH(M, __VA_ARGS__)

// M(T, U, ...) for every integer type T with its unsigned counterpart U.
#define EACH_INTEGER(M, ...)                                                                  \
  M(char, uchar, __VA_ARGS__) M(uchar, uchar, __VA_ARGS__)                                    \
  M(short, ushort, __VA_ARGS__) M(ushort, ushort, __VA_ARGS__)                                \
  M(int, uint, __VA_ARGS__) M(uint, uint, __VA_ARGS__)                                        \
  M(long, ulong, __VA_ARGS__) M(ulong, ulong, __VA_ARGS__)

#define LANE_1(i, name) name(x.s##i)
#define LANE_2(i, name) name(x.s##i, y.s##i)
#define LANE_3(i, name) name(x.s##i, y.s##i, z.s##i)
#define LANE_VECTOR_SCALAR(i, name) name(x.s##i, y)
#define LANE_SCALAR_VECTOR(i, name) name(x, y.s##i)

#define UNARY_WIDTH(n, R, name, A)                                                            \
  BUILTIN R##n name(A##n x) { return (R##n)(LANES_##n(LANE_1, name)); }
#define BINARY_WIDTH(n, R, name, A, B)                                                        \
  BUILTIN R##n name(A##n x, B##n y) { return (R##n)(LANES_##n(LANE_2, name)); }
#define TERNARY_WIDTH(n, R, name, A, B, C)                                                    \
  BUILTIN R##n name(A##n x, B##n y, C##n z) { return (R##n)(LANES_##n(LANE_3, name)); }
#define VECTOR_SCALAR_WIDTH(n, R, name, A, B)                                                 \
  BUILTIN R##n name(A##n x, B y) { return (R##n)(LANES_##n(LANE_VECTOR_SCALAR, name)); }
#define SCALAR_VECTOR_WIDTH(n, R, name, A, B)                                                 \
  BUILTIN R##n name(A x, B##n y) { return (R##n)(LANES_##n(LANE_SCALAR_VECTOR, name)); }

// The vector overloads of R name(A), R name(A, B) and R name(A, B, C).
#define UNARY(R, name, A) EACH_WIDTH(UNARY_WIDTH, R, name, A)
#define BINARY(R, name, A, B) EACH_WIDTH(BINARY_WIDTH, R, name, A, B)
#define TERNARY(R, name, A, B, C) EACH_WIDTH(TERNARY_WIDTH, R, name, A, B, C)
// The overloads whose second or first argument stays scalar.
#define VECTOR_SCALAR(R, name, A, B) EACH_WIDTH(VECTOR_SCALAR_WIDTH, R, name, A, B)
#define SCALAR_VECTOR(R, name, A, B) EACH_WIDTH(SCALAR_VECTOR_WIDTH, R, name, A, B)

// The same for functions that take and return one floating-point type.
#define UNARY_FLOATING(name) UNARY(float, name, float) UNARY(double, name, double)
#define BINARY_FLOATING(name)                                                                 \
  BINARY(float, name, float, float) BINARY(double, name, double, double)
#define TERNARY_FLOATING(name)                                                                \
  TERNARY(float, name, float, float, float) TERNARY(double, name, double, double, double)

// Reads the bits of a value as another type of the same size.
#define BITS(x, T) __builtin_astype((x), T)

// Joins two tokens after expanding them.
#define JOIN_(a, b) a##b
#define JOIN(a, b) JOIN_(a, b)
