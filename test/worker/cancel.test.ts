import { expect } from 'chai';
import { createCancel } from '../../worker/cancel.ts';

describe('the cancelling of a run', () => {
  it('is told to a signal that somebody asked for before', () => {
    const cancel = createCancel();
    const { signal } = cancel;
    let told = 0;
    signal.addEventListener('abort', () => told++);
    expect([cancel.aborted, signal.aborted]).to.deep.equal([false, false]);
    const reason = new Error('enough');
    cancel.abort(reason);
    expect([cancel.aborted, signal.aborted, told]).to.deep.equal([true, true, 1]);
    expect(signal.reason).to.equal(reason);
  });

  it('is seen by a signal that somebody asks for afterwards, always the same one', () => {
    const cancel = createCancel();
    const reason = new Error('enough');
    cancel.abort(reason);
    expect(cancel.signal.aborted).to.equal(true);
    expect(cancel.signal.reason).to.equal(reason);
    expect(cancel.signal).to.equal(cancel.signal);
  });

  it('keeps its first reason', () => {
    const cancel = createCancel();
    const reason = new Error('first');
    cancel.abort(reason);
    cancel.abort(new Error('second'));
    expect(cancel.reason).to.equal(reason);
    expect(cancel.signal.reason).to.equal(reason);
  });
});
