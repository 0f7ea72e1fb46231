/** Requests for a task of which one field is a date, which JSON Schema cannot describe. */
import { expect } from 'chai';
import { z } from 'zod';
import { defineTask } from '../../shared/task.ts';
import { startTestApi } from '../support/api.ts';
import { startTestWorker } from '../support/worker.ts';

const remind = defineTask('remind', {
  input: z.object({ user: z.string(), when: z.coerce.date() }),
  run: ({ user, when }) => [user, when instanceof Date, when],
});

const WHEN = '2026-12-01T00:00:00.000Z';

async function startReminding() {
  const api = await startTestApi();
  await startTestWorker(api.config, [remind]);
  return (body: object) => api.post('/v1/send_task?wait=20', { name: 'remind', ...body });
}

describe('a task whose input holds a date', () => {
  it('has its other fields checked when it is sent', async () => {
    const send = await startReminding();
    const { status, body } = await send({ kwargs: { usr: 'u', when: WHEN } });
    expect(status).to.equal(422);
    expect(body.errors).to.deep.equal([{ path: '/kwargs/user', message: 'is required' }]);
  });

  it('takes positional arguments, and gets a date of the text', async () => {
    const send = await startReminding();
    const { body } = await send({ args: ['u', WHEN] });
    expect(body).to.include({ state: 'SUCCESS' });
    expect(body.result).to.deep.equal(['u', true, WHEN]);
  });
});
