// Votes and ballots of sub-groups.

#include "sub_group.h"

// Work-items with these numbers are in sub-groups of this launch.
PART uint members(void) { return UINT_MAX >> (32 - max_size()); }
PART uint self(void) { return 1u << __isocl_sub_group_local_id(); }
PART uint4 mask(uint bits) { return (uint4)(bits & members(), 0, 0, 0); }

BUILTIN int sub_group_all(int predicate) {
  return __isocl_sub_group_ballot(predicate == 0) == 0;
}
BUILTIN int sub_group_any(int predicate) { return __isocl_sub_group_ballot(predicate) != 0; }

BUILTIN int sub_group_elect(void) { return __isocl_sub_group_local_id() == first(); }
BUILTIN int sub_group_non_uniform_all(int predicate) { return sub_group_all(predicate); }
BUILTIN int sub_group_non_uniform_any(int predicate) { return sub_group_any(predicate); }
#define ALL_EQUAL(T)                                                                          \
  T PROVIDED __isocl_sub_group_take(T value, uint id);                                        \
  BUILTIN int sub_group_non_uniform_all_equal(T value) {                                      \
    return __isocl_sub_group_ballot(value != __isocl_sub_group_take(value, first())) == 0;    \
  }
EACH_SUB_GROUP_SCALAR(ALL_EQUAL)

BUILTIN uint4 sub_group_ballot(int predicate) {
  return (uint4)(__isocl_sub_group_ballot(predicate), 0, 0, 0);
}
BUILTIN int sub_group_inverse_ballot(uint4 ballot) { return (ballot.x & self()) != 0; }
BUILTIN int sub_group_ballot_bit_extract(uint4 ballot, uint index) {
  return ballot[index / 32 % 4] >> index % 32 & 1;
}
// Bits beyond the size of sub-groups do not count.
BUILTIN uint sub_group_ballot_bit_count(uint4 ballot) {
  return __builtin_popcount(ballot.x & members());
}
BUILTIN uint sub_group_ballot_inclusive_scan(uint4 ballot) {
  return __builtin_popcount(ballot.x & (self() | (self() - 1)));
}
BUILTIN uint sub_group_ballot_exclusive_scan(uint4 ballot) {
  return __builtin_popcount(ballot.x & (self() - 1));
}
// Undefined when no bit is set.
BUILTIN uint sub_group_ballot_find_lsb(uint4 ballot) {
  return __builtin_ctzg(ballot.x, 0);
}
BUILTIN uint sub_group_ballot_find_msb(uint4 ballot) {
  return 31 - __builtin_clzg(ballot.x & members(), 31);
}

BUILTIN uint4 get_sub_group_eq_mask(void) { return mask(self()); }
BUILTIN uint4 get_sub_group_ge_mask(void) { return mask(-self()); }
BUILTIN uint4 get_sub_group_gt_mask(void) { return mask(-self() - self()); }
BUILTIN uint4 get_sub_group_le_mask(void) { return mask(self() | (self() - 1)); }
BUILTIN uint4 get_sub_group_lt_mask(void) { return mask(self() - 1); }
