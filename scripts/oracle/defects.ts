const forgottenRules = 'deleting a helper neither disarms the rules of others nor leaks a reference (the recorded kernel does both)';

/**
 * Recorded vectors and scenarios that show defects of the recorded kernel, by name. ring3 does not reproduce these defects; a vector or
 * scenario on which it differs counts as skipped.
 */
export const defects: Readonly<Record<string, string | undefined>> = {
  'second-in-use': forgottenRules,
  'leaked-still-usable': forgottenRules,
  'helper-delete-breaks-timeout-rule': forgottenRules,
  'helper-delete-breaks-helper-rule': forgottenRules,
};
