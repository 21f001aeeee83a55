/** Milliseconds since the epoch that only go forward: setting the host's clock does not move them. */
export function nowMs(): number {
  return performance.timeOrigin + performance.now();
}
