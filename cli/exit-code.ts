/** The statuses with which `mayfly` exits. */
export const ExitCode = {
  /** Done, or ended as asked. */
  done: 0,
  /** It could not be done: the reason is on stderr. */
  failed: 1,
  /** Wrong usage: an unknown command or option, or a value out of range. */
  usage: 2,
} as const;
