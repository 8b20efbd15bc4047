#!/usr/bin/env node
/** The command without its bundle, for the measurement of coverage. Its name is the bundle's, which topology knows. */
void import('../../../src/cli/main.js').then(({ main }) => main(process.argv.slice(2)));
