/** Tasks: how they are sent, found, followed and revoked. */
import {
  answer,
  count,
  flag,
  json,
  list,
  listOf,
  object,
  priority,
  queueName,
  request,
  seconds,
  text,
  textOrNull,
  texts,
  time,
  timeOrNull,
} from './parts.ts';

export const MAX_TASKS = 10_000;
export const MAX_RESULTS = 1000;
/** Ten years in seconds; BullMQ's due times overflow in 2039. */
export const MAX_COUNTDOWN = 10 * 365 * 86_400;

export const SendTask = {
  ...request(
    {
      name: { type: 'string', description: 'Name of a task that a worker serves' },
      args: { ...list, description: "Bound to the properties of the task's schema in their order" },
      kwargs: { ...object, description: "The task's input by name" },
      task_id: {
        type: 'string',
        description:
          'Makes the request safe to repeat. 1 to 128 of A-Z a-z 0-9 _ . -, not all digits',
      },
      queue: { ...queueName, description: "Default: the task's queue" },
      priority: { ...priority, description: '9 is most urgent; 5 where not given' },
      countdown: {
        type: 'number',
        minimum: 0,
        maximum: MAX_COUNTDOWN,
        description: 'Seconds from now',
      },
      eta: { ...time, description: 'Not before this time; excludes countdown' },
      expires: {
        type: ['number', 'string'],
        minimum: 0,
        format: 'date-time',
        description: 'Seconds from now, or a time: not started by then, it is REVOKED',
      },
      time_limit: { ...seconds, description: 'Seconds that a run may take' },
      soft_time_limit: { ...seconds, description: 'Seconds after which it is asked to stop' },
      max_retries: { ...count, description: "Default: the task's" },
      ignore_result: { ...flag, description: 'Keep the state but not the value' },
      result_expires: { ...seconds, description: 'Seconds after the end' },
      headers: { ...object, description: 'Read by the task as ctx.headers' },
      tags: {
        type: 'array',
        maxItems: 32,
        items: { type: 'string', minLength: 1, maxLength: 128 },
      },
    },
    ['name'],
  ),
  examples: [{ name: 'add', args: [2, 3] }],
} as const;

export const SendTasks = request(
  { tasks: { type: 'array', maxItems: MAX_TASKS, items: SendTask } },
  ['tasks'],
);

export const TaskError = {
  ...answer({ type: text, message: text, traceback: text }),
  type: ['object', 'null'],
} as const;

export const AsyncResult = answer({
  task_id: text,
  name: text,
  state: { ...text, description: 'PENDING STARTED RETRY SUCCESS FAILURE REVOKED, or a custom one' },
  ready: flag,
  successful: flag,
  failed: flag,
  result: json,
  error: TaskError,
  progress: { description: 'What the running task published last, null otherwise' },
  args: list,
  kwargs: object,
  queue: text,
  priority,
  retries: count,
  max_retries: count,
  worker: textOrNull,
  sent_at: time,
  eta: timeOrNull,
  expires: timeOrNull,
  started_at: timeOrNull,
  date_done: timeOrNull,
  runtime: { type: ['number', 'null'], description: 'Seconds' },
  parent_id: textOrNull,
  root_id: text,
  group_id: textOrNull,
  children: texts,
  headers: object,
  tags: texts,
});

export const SentTasks = listOf('tasks', answer({ task_id: text, state: text }));

export const ReadResults = request(
  { task_ids: { type: 'array', maxItems: MAX_RESULTS, items: text } },
  ['task_ids'],
);

export const Results = listOf('results', { ...AsyncResult, type: ['object', 'null'] } as const);

export const TaskList = answer({
  tasks: { type: 'array', items: AsyncResult },
  next_cursor: {
    ...textOrNull,
    description:
      'Where the next call goes on, with the same filters: also after a page with few tasks or none, for a call looks at a bounded number of them; null at the end',
  },
});

export const Attempts = listOf(
  'attempts',
  answer({
    attempt: { ...count, description: '1 for the first run' },
    error: answer({ type: text, message: text, traceback: text }),
  }),
);

export const TaskLogs = answer({
  logs: {
    type: 'array',
    items: answer({
      number: { ...count, description: 'Counts the lines of the task from 1' },
      at: time,
      level: { ...text, enum: ['debug', 'info', 'warn', 'error'] },
      message: text,
      fields: object,
      attempt: { ...count, description: '1 for the first run' },
    }),
  },
  total: { ...count, description: 'Lines written in all; the last 1,000 are kept' },
});

const terminate = {
  ...flag,
  description: 'End it even while it runs: REVOKED at once, its thread or process is killed',
} as const;

export const RevokeTask = request({ terminate });

export const RevokeTasks = request({
  task_ids: { type: 'array', maxItems: MAX_TASKS, items: text },
  tag: { ...text, description: 'Every unfinished task with this tag' },
  header: {
    ...request({ name: text, value: json }, ['name', 'value']),
    description: 'Every unfinished task whose header has this value',
  },
  terminate,
});

export const RevokedTasks = answer({
  revoked: { ...count, description: 'Ended REVOKED by this call' },
  running: { ...count, description: 'Running: told to stop, and never run again' },
  ready: { ...count, description: 'Had ended before' },
  unknown: count,
});
