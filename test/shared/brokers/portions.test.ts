import { expect } from 'chai';
import { portionsOf, scriptsUnderWay, tasksInScript } from '../../../shared/brokers/portions.ts';

describe('the tasks that are looked up at once', () => {
  const table: readonly [queues: number, tasks: number, scripts: number][] = [
    [0, 100, 50_000],
    [1, 100, 500],
    [200, 100, 2],
    [201, 99, 2],
    [10_000, 2, 2],
    [20_001, 1, 2],
    [1_000_000, 1, 1],
  ];
  for (const [queues, tasks, scripts] of table) {
    it(`are ${tasks} in each of ${scripts} scripts where ${queues} queues are known`, () => {
      expect(tasksInScript(queues)).to.equal(tasks);
      expect(scriptsUnderWay(queues, tasks)).to.equal(scripts);
    });
  }

  it('come in their order', () => {
    expect(portionsOf([1, 2, 3, 4, 5], 2)).to.deep.equal([[1, 2], [3, 4], [5]]);
    expect(portionsOf([], 2)).to.deep.equal([]);
  });
});
