/** Random histories of sends, operators and faults against a plain model; test/soak has more of them. */
import { checkHistories } from '../support/model/check.ts';

describe('15 random histories of 80 commands', () => {
  it('lose nothing that was accepted, and give each task one end', async () => {
    await checkHistories(15);
  }).timeout(300_000);
});
