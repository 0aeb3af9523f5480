// Half precision by way of float: float functions are far more precise than the bounds for half,
// and one rounding of their results stays within these.

#include "overload.h"

PART float widen(half x) { return (float)x; }
PART half narrow(float x) { return (half)x; }
#define WIDEN_WIDTH(n, unused)                                                                \
  PART float##n widen(half##n x) { return __builtin_convertvector(x, float##n); }             \
  PART half##n narrow(float##n x) { return __builtin_convertvector(x, half##n); }
EACH_WIDTH(WIDEN_WIDTH, )

// A builtin that another blob defines.
#define ELSEWHERE __attribute__((overloadable))

// The half overload of a builtin of one, two or three arguments and width n.
#define HALF_UNARY_WIDTH(n, name)                                                             \
  ELSEWHERE float##n name(float##n x);                                                        \
  BUILTIN half##n name(half##n x) { return narrow(name(widen(x))); }
#define HALF_BINARY_WIDTH(n, name)                                                            \
  ELSEWHERE float##n name(float##n x, float##n y);                                            \
  BUILTIN half##n name(half##n x, half##n y) { return narrow(name(widen(x), widen(y))); }
#define HALF_TERNARY_WIDTH(n, name)                                                           \
  ELSEWHERE float##n name(float##n x, float##n y, float##n z);                                \
  BUILTIN half##n name(half##n x, half##n y, half##n z) {                                     \
    return narrow(name(widen(x), widen(y), widen(z)));                                        \
  }
