#!/usr/bin/env node
/** The command without its bundle, for the measurement of coverage. */
import { main } from '../../src/cli/main.js';

await main(process.argv.slice(2));
