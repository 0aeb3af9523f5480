// Builtins that take pointers, for every address space.

#define EACH_SPACE(M, ...)                                                                    \
  M(__private, __VA_ARGS__) M(__global, __VA_ARGS__) M(__local, __VA_ARGS__)                  \
  M(__generic, __VA_ARGS__)

// The same with the space that can only be read.
#define EACH_READABLE_SPACE(M, ...) EACH_SPACE(M, __VA_ARGS__) M(__constant, __VA_ARGS__)

// From PART T name##_parts(T x, __private P *out), all overloads of T name(T x, P *out).
#define UNARY_OUT_SCALAR(space, T, name, P)                                                   \
  BUILTIN T name(T x, space P *out) {                                                         \
    __private P second;                                                                       \
    T first = name##_parts(x, &second);                                                       \
    *out = second;                                                                            \
    return first;                                                                             \
  }
#define UNARY_OUT_LANE(i, name, P)                                                            \
  {                                                                                           \
    __private P lane;                                                                         \
    first.s##i = name##_parts(x.s##i, &lane);                                                 \
    second.s##i = lane;                                                                       \
  }
#define UNARY_OUT_SPACE(space, n, T, name, P)                                                 \
  BUILTIN T##n name(T##n x, space P##n *out) {                                                \
    T##n first;                                                                               \
    P##n second;                                                                              \
    STEPS_##n(UNARY_OUT_LANE, name, P) *out = second;                                         \
    return first;                                                                             \
  }
#define UNARY_OUT_WIDTH(n, T, name, P) EACH_SPACE(UNARY_OUT_SPACE, n, T, name, P)
#define UNARY_OUT(T, name, P)                                                                 \
  EACH_SPACE(UNARY_OUT_SCALAR, T, name, P) EACH_WIDTH(UNARY_OUT_WIDTH, T, name, P)

// The same for functions of two arguments.
#define BINARY_OUT_SCALAR(space, T, name, P)                                                  \
  BUILTIN T name(T x, T y, space P *out) {                                                    \
    __private P second;                                                                       \
    T first = name##_parts(x, y, &second);                                                    \
    *out = second;                                                                            \
    return first;                                                                             \
  }
#define BINARY_OUT_LANE(i, name, P)                                                           \
  {                                                                                           \
    __private P lane;                                                                         \
    first.s##i = name##_parts(x.s##i, y.s##i, &lane);                                         \
    second.s##i = lane;                                                                       \
  }
#define BINARY_OUT_SPACE(space, n, T, name, P)                                                \
  BUILTIN T##n name(T##n x, T##n y, space P##n *out) {                                        \
    T##n first;                                                                               \
    P##n second;                                                                              \
    STEPS_##n(BINARY_OUT_LANE, name, P) *out = second;                                        \
    return first;                                                                             \
  }
#define BINARY_OUT_WIDTH(n, T, name, P) EACH_SPACE(BINARY_OUT_SPACE, n, T, name, P)
#define BINARY_OUT(T, name, P)                                                                \
  EACH_SPACE(BINARY_OUT_SCALAR, T, name, P) EACH_WIDTH(BINARY_OUT_WIDTH, T, name, P)
