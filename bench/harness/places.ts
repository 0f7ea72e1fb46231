/** Where things lie. */
import { fileURLToPath } from 'node:url';

/** The project's folder, with a slash at its end. */
export const ROOT = fileURLToPath(new URL('../../', import.meta.url));
/** The folder of the benchmarks, with a slash at its end. */
export const BENCH = fileURLToPath(new URL('../', import.meta.url));
