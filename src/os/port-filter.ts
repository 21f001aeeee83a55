/** A filter for dumps of TCP sockets that the kernel runs (inet_diag bytecode, inet_diag_bc_run in inet_diag.c). */

const INET_DIAG_BC_JMP = 1;
const INET_DIAG_BC_S_EQ = 11;
const OPERATION_BYTES = 4;
const BYTES_A_PORT = 3 * OPERATION_BYTES;

/**
 * Takes the sockets whose own port is one of these. An operation is struct inet_diag_bc_op: code, how many bytes to
 * go on when it is true (one byte), how many when not (two). Whoever arrives exactly at the end is taken, whoever
 * jumps beyond it is not. A comparison of ports is two operations, the second one holding the port.
 */
export function portFilter(ports: readonly number[]): Buffer {
  const program = Buffer.alloc(ports.length * BYTES_A_PORT - OPERATION_BYTES);
  for (const [i, port] of ports.entries()) {
    const at = i * BYTES_A_PORT;
    program[at] = INET_DIAG_BC_S_EQ;
    program[at + 1] = 2 * OPERATION_BYTES;
    program.writeUInt16LE(BYTES_A_PORT, at + 2); // the next port, or after the last beyond the end
    program.writeUInt16LE(port, at + 6);
    if (i === ports.length - 1) break;
    // A match goes to the end: too far for the one byte above.
    program[at + 8] = INET_DIAG_BC_JMP;
    program[at + 9] = OPERATION_BYTES;
    program.writeUInt16LE(program.length - (at + 8), at + 10);
  }
  return program;
}
