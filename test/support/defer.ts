/** Clean-up that is said where something is made: run after each test, last made first. */

type CleanUp = () => unknown;

const deferred: CleanUp[] = [];

export function defer(cleanUp: CleanUp): void {
  deferred.push(cleanUp);
}

/** What the test has made is taken away. Mocha is told of it in .mocharc.json, for each of its processes. */
export const mochaHooks = {
  async afterEach(): Promise<void> {
    const failures: unknown[] = [];
    for (const cleanUp of deferred.splice(0).reverse()) {
      // One that fails must not leave the others undone: a forgotten connection keeps mocha alive.
      await Promise.resolve()
        .then(cleanUp)
        .catch((error) => failures.push(error));
    }
    if (failures.length > 0) throw failures[0];
  },
};
