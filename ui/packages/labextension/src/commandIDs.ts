/** The names of commands; others may execute them. */
export const CommandIDs = {
  show: 'zoe:show',
  attach: 'zoe:attach',
  scale: 'zoe:scale',
  insert: 'zoe:insert-code',
  terminate: 'zoe:terminate',
} as const;
