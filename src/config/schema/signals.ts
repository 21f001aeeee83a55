/** The signals that may ask a worker to stop; those that cannot end a process, or mean something to the kernel, are left out. */
import * as z from 'zod';
import { type Kind, oneOf } from './kinds.ts';

const NAMES = ['TERM', 'INT', 'QUIT', 'HUP', 'USR1', 'USR2', 'WINCH', 'ALRM', 'ABRT', 'KILL'] as const;

type StopSignal = `SIG${(typeof NAMES)[number]}`;

const SIGNALS: readonly StopSignal[] = NAMES.map(name => `SIG${name}` as const);

/** `TERM` and `SIGTERM` are the same. */
export const stopSignal: Kind<StopSignal> = {
  ...oneOf(...(SIGNALS as readonly [StopSignal, ...StopSignal[]])),
  schema: z
    .string()
    .regex(new RegExp(`^(SIG)?(${NAMES.join('|')})$`))
    .transform(text => (text.startsWith('SIG') ? text : `SIG${text}`) as StopSignal),
  allowed: `one of ${SIGNALS.join(', ')}`,
};
