import { drain } from '../harness/drain.ts';
import { type Scenario, scaled } from '../harness/scenario.ts';

export const drainScenario: Scenario = {
  name: 'drain',
  title: 'Drain a backlog of no-op tasks with one worker',
  about:
    'All tasks are stored first, then the worker starts. Measured from 10 % to 100 % done; done ' +
    'is a task whose result is stored. CPU is that of the worker with its children, and of the ' +
    'server that keeps the tasks.',
  columns: [
    { key: 'rate', label: 'tasks/s' },
    { key: 'workerCpu', label: 'worker CPU, us/task' },
    { key: 'storeCpu', label: 'server CPU, us/task' },
    { key: 'tasks', label: 'tasks' },
  ],
  better: 'more',
  contestants: (bench) =>
    bench.peers.map((peer) => ({
      name: peer.title,
      peer: peer.name,
      settings: peer.settings,
      run: () => drain(bench, peer, { count: scaled(bench, peer.tasks, peer.leastTasks ?? LEAST) }),
    })),
};

/** Fewer last too short to be measured. */
const LEAST = 200;
