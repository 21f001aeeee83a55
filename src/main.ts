#!/usr/bin/env node
// Without a handler, SIGUSR1 opens Node's debugger port: this comes before anything is loaded.
process.on('SIGUSR1', () => {});

const { main } = await import('./cli/program.ts');
await main(process.argv, import.meta.filename);
