import { Command, InvalidArgumentError } from 'commander';
import type { RevokeSelection } from '../../client/index.ts';
import { FAILED } from '../exitCodes.ts';
import { jsonIn, withClient, withTarget } from '../options.ts';
import { print, printJson } from '../output.ts';

interface RevokeFlags {
  tag?: string;
  header?: { name: string; value: unknown };
  terminate?: boolean;
  json?: boolean;
}

export function revokeCommand(): Command {
  const command = new Command('revoke')
    .description('keep tasks from running, or stop them')
    .argument('[ids...]', 'ids of tasks')
    .option('--tag <tag>', 'every unfinished task with this tag')
    .option('--header <name=value>', 'every unfinished task with this header', headerFlag)
    .option('--terminate', 'end also those that run: REVOKED at once, their process is killed');
  return withTarget(command).action(revoke);
}

async function revoke(ids: string[], flags: RevokeFlags, command: Command): Promise<void> {
  const { tag, header, terminate = false, json } = flags;
  if (ids.length === 0 && tag === undefined && header === undefined) {
    command.error('error: name tasks by their ids, --tag or --header');
  }
  const selection: RevokeSelection = {
    ...(ids.length > 0 ? { ids } : {}),
    ...(tag === undefined ? {} : { tag }),
    ...(header === undefined ? {} : { header }),
    terminate,
  };
  const counts = await withClient(command, (kaje) => kaje.revoke(selection));
  const { revoked, running, ready, unknown } = counts;
  if (revoked + running === 0 && ids.length > 0) process.exitCode = FAILED;
  if (json) return printJson(counts);
  const parts = [
    `${revoked} revoked`,
    ...(running > 0 ? [`${running} running, told to stop (--terminate ends them)`] : []),
    ...(ready > 0 ? [`${ready} had ended before`] : []),
    ...(unknown > 0 ? [`${unknown} unknown`] : []),
  ];
  print(parts.join(', '));
}

/** `tenant=7` -> 7; `tenant=acme` -> "acme": JSON where it reads so. */
function headerFlag(text: string): { name: string; value: unknown } {
  const at = text.indexOf('=');
  if (at < 1) throw new InvalidArgumentError('Expected name=value, such as tenant=7.');
  const name = text.slice(0, at);
  const value = text.slice(at + 1);
  return { name, value: isJson(value) ? jsonIn(value) : value };
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
