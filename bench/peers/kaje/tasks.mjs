// The tasks of the benchmarks, for a Kaje that lies anywhere.
const { defineTask } = await import(`${process.env.BENCH_KAJE}/client/index.js`);

export const noop = defineTask('noop', { run: () => 1 });

export const flaky = defineTask('flaky', {
  retry: { max: 1, delay: 0 },
  run(_input, { retries }) {
    if (retries === 0) throw new Error('the first run fails');
    return 1;
  },
});

/** Tells when it was started, by the clock of this machine. */
export const clock = defineTask('clock', {
  run: () => performance.timeOrigin + performance.now(),
});
