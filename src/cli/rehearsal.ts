/**
 * The trial of an upgrade, seen from the program that is to go on: everything that keeper and supervisor load is
 * loaded, what there is is read, and a supervisor goes on with it whose keeper does nothing.
 */
import { closeSync, readFileSync, writeSync } from 'node:fs';
import { parseInheritance } from '../keeper/handover/inheritance.ts';
import { TRIAL_DESCRIPTOR } from '../keeper/handover/trial.ts';
import { endProcess } from '../os/descriptor.ts';
import { printable } from '../printable.ts';
import { rehearseRestore } from '../supervisor/rehearsal.ts';
import { VERSION } from '../version.ts';
import './keeper-process.ts';

export async function rehearse(configFile: string | null): Promise<never> {
  const text = readFileSync(`/proc/self/fd/${TRIAL_DESCRIPTOR}`, 'utf8');
  closeSync(TRIAL_DESCRIPTOR);
  try {
    await rehearseRestore(inheritanceOf(text), configFile);
  } catch (error) {
    writeSync(2, printable(`fpm-ts: ${VERSION} ${error instanceof Error ? error.message : String(error)}\n`));
    return endProcess(1);
  }
  writeSync(1, `fpm-ts ${VERSION} can go on\n`);
  return endProcess(0);
}

function inheritanceOf(text: string): ReturnType<typeof parseInheritance> {
  try {
    return parseInheritance(text);
  } catch (error) {
    throw new Error(`cannot read what this version passes on, which ${(error as Error).message}`);
  }
}
