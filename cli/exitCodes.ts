/** How a command ended, for scripts; 0 is done. docs/cli.md explains them. */

/** A task, a connection or what was asked for. */
export const FAILED = 1;
/** The command itself is wrong: a flag, a setting, the input of a task. */
export const MISUSED = 2;
/** The task is not ready within the time that `--wait` gave it. */
export const NOT_READY = 3;
