// Functions of the host's C library, for what is too rare or too long to write out here.
// The compiler defines them with absolute addresses (src/host_math.rs).

#define HOST __attribute__((const, nothrow))

HOST double isocl_host_acos(double x);
HOST double isocl_host_acosh(double x);
HOST double isocl_host_asin(double x);
HOST double isocl_host_asinh(double x);
HOST double isocl_host_atan(double x);
HOST double isocl_host_atan2(double y, double x);
HOST double isocl_host_atanh(double x);
HOST double isocl_host_cos(double x);
HOST double isocl_host_cosh(double x);
HOST double isocl_host_erf(double x);
HOST double isocl_host_fmod(double x, double y);
HOST double isocl_host_hypot(double x, double y);
HOST double isocl_host_remainder(double x, double y);
HOST double isocl_host_sin(double x);
HOST double isocl_host_sinh(double x);
HOST double isocl_host_tanh(double x);
HOST double isocl_host_tgamma(double x);
HOST int isocl_host_quotient_bits(double x, double y);
HOST ulong isocl_host_reduce_quadrant(float x);
__attribute__((nothrow)) double isocl_host_lgamma_r(double x, __private int *sign);

// The double overloads that are the host's function.
#define HOST_UNARY(name)                                                                      \
  BUILTIN double name(double x) { return isocl_host_##name(x); }
#define HOST_BINARY(name)                                                                     \
  BUILTIN double name(double x, double y) { return isocl_host_##name(x, y); }
