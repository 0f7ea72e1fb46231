#!/usr/bin/env node
/** The command `kaje`. Next to nothing is imported before signals are heard: the rest takes half a second. */
import { endOnSignals } from '../shared/startSignals.ts';

/** Those that run until a signal ends them. */
const SERVICES = ['api', 'worker', 'start'];

if (SERVICES.includes(process.argv[2] ?? '')) endOnSignals();
const { main } = await import('./program.ts');
await main();
