/** The model test of test/faults, long: `KAJE_SEED=<seed> npm test -- test/soak/model.test.ts` shows one history again. */
import { checkHistories } from '../support/model/check.ts';

describe('300 random histories of 80 commands', () => {
  it('lose nothing that was accepted, and give each task one end', async () => {
    await checkHistories(300);
  }).timeout(1_200_000);
});
