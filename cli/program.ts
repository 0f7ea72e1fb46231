/** The command line: the table of commands, from which help is printed. */
import { Command, CommanderError } from 'commander';
import { DefinitionError, InvalidRequestError, KajeError } from '../shared/errors.ts';
import { isError, messageOf } from '../shared/errorText.ts';
import { VERSION } from '../shared/version.ts';
import { apiCommand } from './commands/api.ts';
import { controlCommand } from './commands/control.ts';
import { doctorCommand } from './commands/doctor.ts';
import { eventsCommand } from './commands/events.ts';
import { inspectCommand } from './commands/inspect.ts';
import { limitCommand } from './commands/limit.ts';
import { logsCommand } from './commands/logs.ts';
import { pauseCommand, resumeCommand } from './commands/pause.ts';
import { purgeCommand } from './commands/purge.ts';
import { queuesCommand } from './commands/queues.ts';
import { registryCommand } from './commands/registry.ts';
import { resultCommand } from './commands/result.ts';
import { revokeCommand } from './commands/revoke.ts';
import { sendCommand } from './commands/send.ts';
import { startCommand } from './commands/start.ts';
import { statusCommand } from './commands/status.ts';
import { tasksCommand } from './commands/tasks.ts';
import { topCommand } from './commands/top.ts';
import { workerCommand } from './commands/worker.ts';
import { workersCommand } from './commands/workers.ts';
import { readFiles } from './env.ts';
import { FAILED, MISUSED } from './exitCodes.ts';

const COMMANDS = [
  startCommand(),
  apiCommand(),
  workerCommand(),
  sendCommand(),
  resultCommand(),
  tasksCommand(),
  logsCommand(),
  revokeCommand(),
  limitCommand(),
  registryCommand(),
  queuesCommand(),
  workersCommand(),
  eventsCommand(),
  topCommand(),
  statusCommand(),
  inspectCommand(),
  controlCommand(),
  pauseCommand(),
  resumeCommand(),
  purgeCommand(),
  doctorCommand(),
];

/** Runs the command of this process' arguments. */
export async function main(): Promise<void> {
  ignoreLostOutput();
  const program = new Command('kaje')
    .description('Kaje: a distributed task system for Node.js')
    .version(VERSION)
    .exitOverride()
    // Before the command looks at its variables, whichever it has.
    .hook('preSubcommand', () => readFiles(process.env));
  for (const command of COMMANDS) program.addCommand(command.exitOverride());
  try {
    await program.parseAsync();
  } catch (error) {
    process.exitCode = exitCodeOf(error);
    if (!(error instanceof CommanderError)) process.stderr.write(`kaje: ${said(error)}\n`);
    // A command that fails may have left connections open.
    process.exit();
  }
}

/** Whoever read may be gone, as at `kaje queues | head -1` or when a terminal is closed. */
function ignoreLostOutput(): void {
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined);
}

function exitCodeOf(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : MISUSED;
  return error instanceof DefinitionError || error instanceof InvalidRequestError
    ? MISUSED
    : FAILED;
}

/** What Kaje says of itself reads without a stack; what it did not expect needs one. */
function said(error: unknown): string {
  if (error instanceof KajeError) return error.message;
  if (!isError(error)) return String(error);
  const isKnown = 'code' in error && typeof error.code === 'string';
  return isKnown ? messageOf(error) : (error.stack ?? error.message);
}
