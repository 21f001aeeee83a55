/**
 * Imported before anything else: without a handler Node answers SIGUSR1 by opening its debugger's port. The
 * signal stays without effect.
 */
process.on('SIGUSR1', () => {});
