/** Errors as JSON, the same over HTTP and with `--json`. */
import { ERRORS, type ErrorCode, EXIT, FpmError } from '../../errors.ts';

/** How every failure is answered; `fpm-ts --json` prints the same. */
export interface ErrorBody {
  readonly error: {
    readonly code: string;
    readonly message: string;
    readonly file: string | null;
    readonly line: number | null;
    readonly column: number | null;
    readonly key: string | null;
  };
}

export function errorBody(error: FpmError): ErrorBody {
  const { file = null, line = null, column = null, key = null } = error.place;
  return { error: { code: error.code, message: error.message, file, line, column, key } };
}

/** The error that a body describes; one with a code that we do not know is FAILED. */
export function toFpmError({ error }: ErrorBody): FpmError {
  const code = Object.hasOwn(ERRORS, error.code) ? (error.code as ErrorCode) : 'FAILED';
  return new FpmError(code, error.message, {
    ...(error.file !== null && { file: error.file }),
    ...(error.line !== null && { line: error.line }),
    ...(error.column !== null && { column: error.column }),
    ...(error.key !== null && { key: error.key }),
  });
}

/** The HTTP status of an error's class. */
export function httpStatus(code: ErrorCode): number {
  if (code === 'BUSY' || code === 'NOT_RUNNING') return 503;
  const { exit } = ERRORS[code];
  if (exit === EXIT.usage) return 400;
  if (exit === EXIT.notAllowed) return 403;
  if (exit === EXIT.noSuchPool) return 404;
  return exit === EXIT.config ? 422 : 500;
}
