import { expect } from 'chai';
import { brand } from '../../shared/brand.ts';
import * as errors from '../../shared/errors.ts';
import * as taskErrors from '../../shared/taskErrors.ts';

/** A second copy of a module, as a CommonJS project beside its worker has it. */
async function copyOf<T>(path: string): Promise<T> {
  return import(`${path}?copy`);
}

describe('a class of a second copy of the package', () => {
  it('is told by its name: errors that steer a run', async () => {
    const copy = await copyOf<typeof taskErrors>('../../shared/taskErrors.ts');
    expect(copy.Reject).not.to.equal(taskErrors.Reject);
    const reject = new copy.Reject('no', { requeue: true });
    expect(reject).to.be.instanceOf(taskErrors.Reject);
    expect(reject).not.to.be.instanceOf(taskErrors.RetryRequest);
    expect(new taskErrors.TimeLimitExceeded(1)).to.be.instanceOf(copy.TimeLimitExceeded);
  });

  it('is told by its name and those above it: errors of Kaje', async () => {
    const copy = await copyOf<typeof errors>('../../shared/errors.ts');
    const error = new copy.TaskNotFoundError('x');
    expect(error).to.be.instanceOf(errors.TaskNotFoundError);
    expect(error).to.be.instanceOf(errors.KajeError);
    expect(error).not.to.be.instanceOf(errors.WrongStateError);
    expect(new copy.KajeError('X', 'x')).not.to.be.instanceOf(errors.TaskNotFoundError);
  });

  it("leaves users' own subclasses as they are", () => {
    class Mine extends taskErrors.Reject {}
    expect(new Mine()).to.be.instanceOf(Mine);
    expect(new Mine()).to.be.instanceOf(taskErrors.Reject);
    expect(new taskErrors.Reject()).not.to.be.instanceOf(Mine);
  });

  it('is no class for what is no object', () => {
    class Branded {}
    brand(Branded);
    for (const value of [null, undefined, 1, 'x', {}])
      expect(value instanceof Branded).to.equal(false);
    expect(new Branded()).to.be.instanceOf(Branded);
  });
});
