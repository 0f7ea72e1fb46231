/** Runs one history against a real cluster, and holds every answer against the model. */
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import type { AsyncResultBody } from '../../../shared/schemas.ts';
import type { Answer } from '../api.ts';
import { eventually } from '../eventually.ts';
import type { OwnRedis } from '../server.ts';
import { type Cluster, startCluster } from './cluster.ts';
import type { Command, CommandName, Spec } from './commands.ts';
import { createLedger, type Ledger, type Sent } from './ledger.ts';
import { createTasks, type Run } from './tasks.ts';

/** A lost worker's tasks are taken over within 20 s; twice as long on a busy machine. */
const SETTLE_MS = 60_000;
const TOLD_MAX = 15;

type Does = {
  readonly [Name in CommandName]: (command: Extract<Command, { do: Name }>) => unknown;
};

/** Throws at the first answer, record or count that the model does not allow. */
export async function runHistory(redis: OwnRedis, commands: readonly Command[]): Promise<void> {
  const runs: Run[] = [];
  const cluster = await startCluster(redis, createTasks(runs));
  const ledger = createLedger(runs);
  const does = createCommands(cluster, ledger);
  let done = 0;
  try {
    for (; done < commands.length; done++) {
      const command = commands[done] ?? { do: 'nothing' };
      // Each command goes to the function of its own name.
      await does[command.do](command as never);
    }
    await settle(cluster, ledger);
    ledger.check();
    await checkCounts(cluster, ledger);
  } catch (error) {
    throw new Error(tell(commands.slice(0, done + 1), error), { cause: error });
  } finally {
    await cluster.stop();
  }
}

/** The last of the commands that led there: with a small history all of them. */
function tell(commands: readonly Command[], error: unknown): string {
  const lines = commands.filter((command) => command.do !== 'nothing').slice(-TOLD_MAX);
  const reason = error instanceof Error ? error.message : error;
  return [`${reason}, after`, ...lines.map((line) => `  ${JSON.stringify(line)}`)].join('\n');
}

function createCommands(cluster: Cluster, ledger: Ledger): Does {
  const { sent } = ledger;
  const post = (path: string, body?: object) => cluster.api().post(path, body);
  /** The answer; undefined where it is a 503. Of what `tasks` became then nobody may know. */
  const answered = async (call: Promise<Answer>, ...tasks: Sent[]): Promise<Answer | undefined> => {
    const answer = await call;
    if (answer.status !== 503) return answer;
    ledger.excuse(answer.text);
    if (isSilence(answer)) tasks.forEach(ledger.doubt);
    return undefined;
  };
  const expectStatus = ({ status, text }: Answer, ...expected: number[]) =>
    expect(expected, `${status} ${text}`).to.include(status);
  const picked = (pick: number): Sent | undefined => {
    const known = sent.filter(({ id }) => id !== undefined);
    return known[pick % known.length];
  };

  const send = async (spec: Spec): Promise<void> => {
    const task = ledger.add(spec);
    const answer = await answered(post('/v1/send_task', requestOf(task)), task);
    if (!answer) return;
    expectStatus(answer, 202);
    ledger.accept(task, answer.body.task_id);
  };

  const sendChanged = async (task: Sent): Promise<void> => {
    if (task.fate !== 'accepted') return;
    const request = requestOf(task);
    const kwargs = { ...request.kwargs, other: true };
    const answer = await answered(post('/v1/send_task', { ...request, kwargs }));
    if (answer) expectStatus(answer, 409);
  };
  const sendAgain = async (task: Sent): Promise<void> => {
    const doubted = task.fate === 'refused' ? [task] : [];
    const answer = await answered(post('/v1/send_task', requestOf(task)), ...doubted);
    if (!answer) return;
    expectStatus(answer, 202);
    const isReplay = answer.headers.get('idempotent-replayed') === 'true';
    if (task.fate !== 'doubtful') expect(isReplay).to.equal(task.fate === 'accepted');
    if (task.fate !== 'accepted') ledger.accept(task, answer.body.task_id);
  };

  return {
    nothing: () => undefined,
    send: ({ spec }) => send(spec),
    async sendBatch({ specs }) {
      const tasks = specs.map(ledger.add);
      const call = post('/v1/send_tasks', { tasks: tasks.map(requestOf) });
      const answer = await answered(call, ...tasks);
      if (!answer) return;
      expectStatus(answer, 202);
      for (const [i, task] of tasks.entries()) ledger.accept(task, answer.body.tasks[i].task_id);
    },
    async sendCut({ spec, afterMs, isAnswerLost }) {
      ledger.disturb();
      if (isAnswerLost) cluster.loseAnswers();
      const task = ledger.add(spec);
      const sending = post('/v1/send_task', requestOf(task));
      await sleep(afterMs);
      cluster.cutApi();
      const answer = await answered(sending);
      if (answer) expectStatus(answer, 202);
      if (answer) ledger.accept(task, answer.body.task_id);
      else ledger.doubt(task);
    },
    async resend({ pick, isChanged }) {
      const named = sent.filter(({ spec, allowed }) => spec.isNamed && !allowed.has('GONE'));
      const task = named[pick % named.length];
      if (task && isChanged) await sendChanged(task);
      else if (task) await sendAgain(task);
    },
    async revoke({ pick, terminate }) {
      const task = picked(pick);
      if (!task) return;
      const answer = await answered(post(`/v1/tasks/${task.id}/revoke`, { terminate }));
      if (!answer) return ledger.meddle(task, 'REVOKED');
      if (!canBeMissing(task)) expectStatus(answer, 200, 409);
      if (answer.status !== 200) return;
      const { state, started_at } = answer.body as AsyncResultBody;
      if (state !== 'REVOKED') return ledger.meddle(task, 'REVOKED');
      ledger.fix(task, 'REVOKED');
      if (started_at === null) task.neverRunsAfter = performance.now();
    },
    async revokeGroup({ group, terminate }) {
      const answer = await answered(post('/v1/revoke', { tag: group, terminate }));
      if (answer) expectStatus(answer, 200);
      for (const task of sent.filter((each) => ledger.isOpen(each) && each.spec.group === group))
        ledger.meddle(task, 'REVOKED');
    },
    async retry({ pick }) {
      const task = picked(pick);
      if (!task) return;
      const before = task.end;
      const answer = await answered(post(`/v1/tasks/${task.id}/retry`));
      if (!answer) return ledger.doubtAll(task);
      if (before && before.state !== 'SUCCESS') expectStatus(answer, 202);
      if (before?.state === 'SUCCESS') expectStatus(answer, 409);
      if (!canBeMissing(task)) expectStatus(answer, 202, 409);
      if (answer.status === 202) ledger.retry(task);
    },
    async forget({ pick }) {
      const task = picked(pick);
      if (!task) return;
      const before = task.end;
      const answer = await answered(cluster.api().delete(`/v1/tasks/${task.id}`));
      if (!answer) return ledger.doubtAll(task);
      if (before) expectStatus(answer, 204);
      if (!canBeMissing(task)) expectStatus(answer, 204, 409);
      if (answer.status !== 204) return;
      ledger.forget(task);
    },
    pause: () => answered(post('/v1/queues/default/pause')),
    resume: () => answered(post('/v1/queues/default/resume')),
    async purge() {
      const answer = await answered(post('/v1/queues/default/purge'));
      if (answer) expectStatus(answer, 200, 404);
      ledger.purge(answer?.status === 200 ? answer.body.purged : undefined);
    },
    killWorker({ index }) {
      ledger.disturb();
      return cluster.killWorker(index);
    },
    startWorker: ({ index }) => cluster.startWorker(index),
    cutWorker({ index }) {
      ledger.disturb();
      cluster.cutWorker(index);
    },
    async restartApi() {
      ledger.disturb();
      await cluster.restartApi();
    },
    cutApi() {
      ledger.disturb();
      cluster.cutApi();
    },
    flushScripts: cluster.flushScripts,
    async restartRedis() {
      ledger.disturb();
      await cluster.restartRedis();
      ledger.disturb();
    },
    observe: () => observe(cluster, ledger),
    wait: ({ ms }) => sleep(ms),
  };
}

function requestOf({ spec, tag, id }: Sent) {
  const { kind, ms, failures, isNamed, options, group } = spec;
  return {
    name: kind,
    kwargs: { tag, ms, failures },
    tags: [group],
    ...options,
    ...(isNamed ? { task_id: id } : {}),
  };
}

/** On a busy machine the API may cut its line to a Redis that was too slow. */
function isSilence({ text }: Answer): boolean {
  return text.includes('no answer within');
}

/** Whether 404 may be the answer to its id. */
function canBeMissing({ fate, allowed }: Sent): boolean {
  return fate !== 'accepted' || allowed.has('GONE');
}

async function observe(cluster: Cluster, ledger: Ledger): Promise<boolean> {
  const known = ledger.sent.filter(({ id, fate }) => id !== undefined && fate !== 'refused');
  const task_ids = known.map(({ id }) => String(id));
  const answer = await cluster.api().post('/v1/results', { task_ids });
  if (answer.status === 503) {
    ledger.excuse(answer.text);
    return false;
  }
  expect(answer.status, answer.text).to.equal(200);
  const records: (AsyncResultBody | null)[] = answer.body.results;
  for (const [i, task] of known.entries()) ledger.see(task, records[i] ?? null);
  return records.every((record) => record === null || record.ready);
}

/** Everybody is back, and everything ends. */
async function settle(cluster: Cluster, ledger: Ledger): Promise<void> {
  await Promise.all([cluster.startWorker(0), cluster.startWorker(1)]);
  await eventually(async () => {
    const { status } = await cluster.api().post('/v1/queues/default/resume');
    return status === 200 || status === 404;
  }, SETTLE_MS);
  try {
    await eventually(() => observe(cluster, ledger), SETTLE_MS);
  } catch (error) {
    const open = ledger.sent.filter((task) => task.fate === 'accepted' && ledger.isOpen(task));
    const story = open.map(({ id, spec }) => `${id} ${JSON.stringify(spec)}`).join('\n');
    throw new Error(`Not ended, for ${error}:\n${story}`, { cause: error });
  }
}

async function checkCounts(cluster: Cluster, ledger: Ledger): Promise<void> {
  // Of a doubtful task without a name nobody knows the id: the counts say whether it still has to end.
  const { succeeded, failed } = await eventually(async () => {
    const { status, body } = await cluster.api().get('/v1/queues/default');
    if (status === 404) return { succeeded: 0, failed: 0 };
    expect(body).to.include({ waiting: 0, active: 0, delayed: 0 });
    return body;
  }, SETTLE_MS);
  const listed = await list(cluster);
  const ids = listed.map(({ task_id }) => task_id);
  expect(new Set(ids).size, 'each id is listed once').to.equal(ids.length);
  const kept = ledger.sent.filter(({ fate, end }) => fate === 'accepted' && end);
  expect(ids).to.include.members(kept.map(({ id }) => id));
  const doubtful = ledger.sent.filter(({ fate }) => fate === 'doubtful').length;
  expect(ids.length, 'nobody else is listed').to.be.within(kept.length, kept.length + doubtful);
  const count = (...states: string[]) =>
    listed.filter(({ state }) => states.includes(state)).length;
  const ended = { succeeded: count('SUCCESS'), failed: count('FAILURE', 'REVOKED') };
  expect(ended).to.deep.equal({ succeeded, failed });
}

async function list(cluster: Cluster): Promise<AsyncResultBody[]> {
  const all: AsyncResultBody[] = [];
  for (let cursor = ''; ; ) {
    const { body } = await cluster.api().get(`/v1/tasks?limit=200${cursor}`);
    all.push(...body.tasks);
    if (!body.next_cursor) return all;
    cursor = `&cursor=${encodeURIComponent(body.next_cursor)}`;
  }
}
