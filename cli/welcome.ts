/** What `kaje start` says when all is ready. */
import { type Config, SETTINGS } from '../shared/config.ts';
import type { TaskSpec } from '../shared/registry.ts';
import { withoutSecrets } from '../shared/secrets.ts';
import { colour } from './output.ts';

export interface Ready {
  /** Of the API. */
  readonly url: string;
  /** What the worker serves. */
  readonly tasks: readonly Pick<TaskSpec, 'name' | 'input'>[];
  /** Where the Redis comes from, for people. */
  readonly origin: string;
  readonly config: Pick<Config, 'redisUrl' | 'prefix'>;
}

const SAMPLE = 'execute_slow_stuff';

export function welcome({ url: listening, tasks, origin, config }: Ready): string {
  // "All addresses" is where it listens, not where it is.
  const url = listening.replace('//0.0.0.0:', '//127.0.0.1:').replace('//[::]:', '//[::1]:');
  return `
${colour('bold', 'Kaje is ready.')}  Ctrl-C stops it.

  API    ${colour('cyan', url)}
  Docs   ${colour('cyan', `${url}/docs`)}
  Redis  ${withoutSecrets(config.redisUrl)} (${origin})
${findingIt(url, config)}
${tasks.some(({ name }) => name === SAMPLE) ? sampleLines(url) : taskLines(url, tasks)}
`;
}

/** What other commands must be told, for it is not what they look for by themselves. */
function findingIt(url: string, { redisUrl, prefix }: Ready['config']): string {
  // A URL with a password is known to whoever gave it.
  const isSecret = withoutSecrets(redisUrl) !== redisUrl;
  const { host, port } = SETTINGS;
  const unusual = [
    url === `http://${host.default}:${port.default}` ? '' : `KAJE_URL=${url}`,
    redisUrl === SETTINGS.redisUrl.default || isSecret ? '' : `KAJE_REDIS_URL=${redisUrl}`,
    prefix === SETTINGS.prefix.default ? '' : `KAJE_PREFIX=${prefix}`,
  ].filter(Boolean);
  if (unusual.length === 0) return '';
  return `\nOther commands (kaje send, worker, doctor ...) find it by\n\n  export ${unusual.join(' ')}\n`;
}

function sampleLines(url: string): string {
  return `Hand over some slow work, then ask for its result:

  ${send(url, `{"name": "${SAMPLE}", "kwargs": {"rows": 30000000}, "task_id": "first"}`)}
  curl -s '${url}/v1/tasks/first?wait=60'`;
}

/** Of the task that is the easiest to send: the one that needs least input. */
function taskLines(url: string, tasks: Ready['tasks']): string {
  const [{ name, needs } = { name: '', needs: [] }] = tasks
    .map((task) => ({ name: task.name, needs: requiredOf(task) }))
    .sort((a, b) => a.needs.length - b.needs.length);
  // Brackets as around the task_id: to be replaced.
  const kwargs = needs.map((key) => `"${key}": <${key}>`).join(', ');
  return `Hand over a task, then ask for its result by the task_id of the answer:

  ${send(url, `{"name": "${name}", "kwargs": {${kwargs}}}`)}
  curl -s '${url}/v1/tasks/<task_id>?wait=60'

What goes into kwargs: ${url}/v1/registry/${name} and ${url}/docs`;
}

/** What its input cannot do without. */
function requiredOf({ input }: Pick<TaskSpec, 'input'>): readonly unknown[] {
  return Array.isArray(input?.required) ? input.required : [];
}

function send(url: string, body: string): string {
  return `curl -s ${url}/v1/send_task -H 'Content-Type: application/json' \\
       -d '${body}'`;
}
