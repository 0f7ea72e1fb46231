/** Which queue a task goes to: rules by name for those that name no queue of their own. */
import { DefinitionError } from './errors.ts';
import { DEFAULT_QUEUE } from './registry.ts';
import { isQueueName } from './taskOptions.ts';

/** Tasks whose name matches go to this queue. Celery: task_routes */
export interface RouteRule {
  /** `*` stands for any letters, `?` for one. */
  readonly name: string;
  readonly queue: string;
}

/** Reads `mail.*=mail,report_?=slow`; undefined for what does not read so. */
export function parseRoutes(text: string): RouteRule[] | undefined {
  const rules: RouteRule[] = [];
  for (const part of text.split(',')) {
    const [name = '', queue = '', ...rest] = part.trim().split('=');
    if (!isRule({ name, queue }) || rest.length > 0) return undefined;
    rules.push({ name, queue });
  }
  return rules;
}

/** Throws DefinitionError for what is no rule. */
export function checkRoutes(rules: readonly RouteRule[]): void {
  const wrong = rules.find((rule) => !isRule(rule));
  if (wrong === undefined) return;
  const expected = "Expected routes such as { name: 'mail.*', queue: 'mail' }";
  throw new DefinitionError(`${expected}, got ${JSON.stringify(wrong)}`);
}

function isRule({ name, queue }: RouteRule): boolean {
  return typeof name === 'string' && /^[A-Za-z0-9_.*?-]+$/.test(name) && isQueueName(queue);
}

/** Rules as `parseRoutes` reads them. */
export function routesText(rules: readonly RouteRule[]): string {
  return rules.map(({ name, queue }) => `${name}=${queue}`).join(',');
}

/** The queue of a call: that of the call, else the task's own, else that of the first rule. */
export function queueFor(
  name: string,
  called: string | undefined,
  declared: string,
  rules: readonly RouteRule[],
): string {
  if (called !== undefined) return called;
  if (declared !== DEFAULT_QUEUE) return declared;
  return rules.find((rule) => matches(rule.name, name))?.queue ?? declared;
}

function matches(glob: string, name: string): boolean {
  const pattern = glob.replaceAll('.', '\\.').replaceAll('*', '.*').replaceAll('?', '.');
  return new RegExp(`^${pattern}$`).test(name);
}
