import { expect } from 'chai';
import { echo } from '../fixtures/quick.ts';
import { startApiAlone, storedIn } from '../support/stack.ts';

describe('a query of 10,000 faults', () => {
  for (const [path, query] of [
    ['/v1/tasks', Array.from({ length: 900 }, (_, i) => `stat${i}=1`).join('&')],
    ['/v1/tasks', `state=${Array.from({ length: 2000 }, (_, i) => `s${i}`).join(',')}`],
  ] as const) {
    it(`is told of twenty: ${query.slice(0, 6)}`, async () => {
      const { api } = await startApiAlone([echo]);
      const { status, body } = await api.get(`${path}?${query}`);
      expect(status).to.equal(422);
      expect(body.errors).to.have.length(20);
    });
  }
});

describe('a query parameter that a route does not know', () => {
  for (const [path, parameter, message] of [
    ['/v1/send_task?wat=5', '/wat', /^unknown parameter - did you mean "wait"\?; expected wait$/],
    ['/v1/send_task?wait=5&timeout=3', '/timeout', /^unknown parameter; expected wait$/],
    ['/v1/send_tasks?wait=5', '/wait', /^unknown parameter; none is known here$/],
  ] as const) {
    it(`is refused, and nothing is sent: POST ${path}`, async () => {
      const { api, redis } = await startApiAlone([echo]);
      const task = { name: 'echo' };
      const body = path.startsWith('/v1/send_tasks') ? { tasks: [task] } : task;
      const answer = await api.post(path, body);
      expect(answer.status).to.equal(422);
      expect(answer.body.errors).to.have.length(1);
      expect(answer.body.errors[0].path).to.equal(parameter);
      expect(answer.body.errors[0].message).to.match(message);
      expect(await storedIn(redis, api.config)).to.equal(0);
    });
  }

  for (const path of ['/v1/tasks?stat=SUCCESS', '/v1/tasks/t?wat=5', '/v1/events?typ=task-sent']) {
    it(`is refused: GET ${path}`, async () => {
      const { api } = await startApiAlone([echo]);
      const { status, body } = await api.get(path);
      expect(status).to.equal(422);
      expect(body.errors[0].message).to.match(
        /^unknown parameter - did you mean "(state|wait|type)"/,
      );
    });
  }
});
