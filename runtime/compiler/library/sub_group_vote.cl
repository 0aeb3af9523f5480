// Votes and ballots of sub-groups: bit 0 of a ballot is that of the only work-item.

#include "sub_group.h"

BUILTIN int sub_group_all(int predicate) { return predicate != 0; }
BUILTIN int sub_group_any(int predicate) { return predicate != 0; }

BUILTIN int sub_group_elect(void) { return 1; }
BUILTIN int sub_group_non_uniform_all(int predicate) { return predicate != 0; }
BUILTIN int sub_group_non_uniform_any(int predicate) { return predicate != 0; }
#define ALL_EQUAL(T) BUILTIN int sub_group_non_uniform_all_equal(T value) { return 1; }
EACH_SUB_GROUP_SCALAR(ALL_EQUAL)

BUILTIN uint4 sub_group_ballot(int predicate) {
  return (uint4)(predicate != 0, 0, 0, 0);
}
BUILTIN int sub_group_inverse_ballot(uint4 ballot) { return ballot.x & 1; }
BUILTIN int sub_group_ballot_bit_extract(uint4 ballot, uint index) {
  return ballot[index / 32 % 4] >> index % 32 & 1;
}
// Bits beyond the size of the sub-group do not count.
BUILTIN uint sub_group_ballot_bit_count(uint4 ballot) { return ballot.x & 1; }
BUILTIN uint sub_group_ballot_inclusive_scan(uint4 ballot) { return ballot.x & 1; }
BUILTIN uint sub_group_ballot_exclusive_scan(uint4 ballot) { return 0; }
// Undefined when no bit is set: bit 0 is the only one there is.
BUILTIN uint sub_group_ballot_find_lsb(uint4 ballot) { return 0; }
BUILTIN uint sub_group_ballot_find_msb(uint4 ballot) { return 0; }

BUILTIN uint4 get_sub_group_eq_mask(void) { return (uint4)(1, 0, 0, 0); }
BUILTIN uint4 get_sub_group_ge_mask(void) { return (uint4)(1, 0, 0, 0); }
BUILTIN uint4 get_sub_group_gt_mask(void) { return (uint4)(0, 0, 0, 0); }
BUILTIN uint4 get_sub_group_le_mask(void) { return (uint4)(1, 0, 0, 0); }
BUILTIN uint4 get_sub_group_lt_mask(void) { return (uint4)(0, 0, 0, 0); }
