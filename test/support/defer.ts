/** Clean-up that is said where something is made: run after each test, last made first. */

type CleanUp = () => unknown;

const deferred: CleanUp[] = [];

export function defer(cleanUp: CleanUp): void {
  deferred.push(cleanUp);
}

afterEach('what the test has made is taken away', async () => {
  for (const cleanUp of deferred.splice(0).reverse()) await cleanUp();
});
