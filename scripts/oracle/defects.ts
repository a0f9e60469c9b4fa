const forgottenRules = 'deleting a helper neither disarms the rules of others nor leaks a reference (the recorded kernel does both)';

/**
 * Recorded vectors and scenarios that show plain defects of the kernel they were recorded from, by name. ring3 does not rebuild those, and
 * where it differs on them they count as skipped.
 */
export const defects: Readonly<Record<string, string | undefined>> = {
  'second-in-use': forgottenRules,
  'leaked-still-usable': forgottenRules,
  'helper-delete-breaks-timeout-rule': forgottenRules,
  'helper-delete-breaks-helper-rule': forgottenRules,
};
