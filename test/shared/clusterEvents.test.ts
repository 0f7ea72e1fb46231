import { expect } from 'chai';
import {
  type ClusterEvent,
  eventError,
  eventTypes,
  lostEvent,
  revokedEvent,
  sentEvent,
  workerEvent,
} from '../../shared/clusterEvents.ts';
import { InvalidRequestError } from '../../shared/errors.ts';
import { EVENT_TYPES } from '../../shared/schemas/cluster.ts';
import { messageOf } from '../support/broker.ts';
import { schemaProblem } from '../support/contract.ts';

const error = { type: 'TaskRevokedError', message: 'The task was revoked' };
const task = { task_id: 'a', name: 'add', queue: 'default', retries: 2 };

describe('an event', () => {
  const at = Date.parse('2026-01-01T10:00:00.000Z');
  const timestamp = '2026-01-01T10:00:00.000Z';
  const names = { task_id: 'a', name: 'add', queue: 'default' };
  const sent = messageOf('a', { sentAt: at });
  const due = messageOf('a', { sentAt: at, body: { eta: at + 1000 } });
  const table: readonly [of: string, event: ClusterEvent, fields: object][] = [
    ['a send', sentEvent(sent), { type: 'task-sent', ...names }],
    ['a send for later', sentEvent(due), { eta: '2026-01-01T10:00:01.000Z' }],
    ['a revocation', revokedEvent(task, error, at), { type: 'task-revoked', ...names }],
    ['a lost worker', lostEvent(task, 'w1', error, at), { type: 'task-failed', worker: 'w1' }],
    ['a start', workerEvent('worker-online', 'w1', at), { type: 'worker-online', worker: 'w1' }],
  ];
  for (const [of, event, fields] of table) {
    it(`of ${of} says what and when, as the contract has it`, () => {
      expect(event).to.include({ timestamp, ...fields });
      expect(schemaProblem('#/components/schemas/ClusterEvent', event)).to.equal(undefined);
    });
  }

  it('has the reason without its traceback, and not at any length', () => {
    const long = { type: 'Error', message: 'x'.repeat(5000), traceback: 'at y' };
    expect(eventError(long)).to.deep.equal({ type: 'Error', message: 'x'.repeat(1000) });
    expect(revokedEvent(task, error, at).error).to.deep.equal(error);
  });
});

describe('the types that somebody asks for', () => {
  it('are all when none is named', () => {
    expect([...eventTypes([])]).to.deep.equal([...EVENT_TYPES]);
  });

  it('are those named', () => {
    const types = ['task-failed', 'worker-offline'];
    expect([...eventTypes(types)]).to.deep.equal(types);
  });

  const table: readonly [name: string, says: RegExp][] = [
    ['task-faild', /no event has the type "task-faild" - did you mean "task-failed"\?/],
    ['x', /no event has the type "x"; expected task-sent, .*worker-offline$/],
    ['constructor', /no event has the type "constructor"/],
  ];
  for (const [name, says] of table) {
    it(`may not be "${name}", and the error says so`, () => {
      const refused = () => eventTypes(['task-sent', name]);
      expect(refused).to.throw(InvalidRequestError, says).with.nested.property('errors[0].path');
    });
  }
});
