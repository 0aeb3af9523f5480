// Functions of the host's C library, for what is too rare or too long to write out here.
// The compiler defines them with absolute addresses (src/host_math.rs).

#define HOST __attribute__((const, nothrow))

HOST double isocl_host_cos(double x);
HOST double isocl_host_fmod(double x, double y);
HOST double isocl_host_remainder(double x, double y);
HOST double isocl_host_sin(double x);
HOST double isocl_host_tgamma(double x);
HOST int isocl_host_quotient_bits(double x, double y);
HOST ulong isocl_host_reduce_quadrant(float x);
__attribute__((nothrow)) double isocl_host_lgamma_r(double x, __private int *sign);
