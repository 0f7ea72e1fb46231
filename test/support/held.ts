/** A broker of which one script is on its way for as long as a test wants. */
import type { Config } from '../../shared/config.ts';
import { connectFailingFast } from '../../shared/redis.ts';
import { startTestBroker } from './broker.ts';
import { gate } from './life.ts';
import { silentLog } from './redis.ts';

/** Holds the `nth` script that names the task `id`; `isHeld` resolves when it would have been sent. */
export async function startHeldBroker(config: Config, id: string, nth: number) {
  const redis = connectFailingFast(config.redisUrl, silentLog());
  const [held, released] = [gate(), gate()];
  let scripts = 0;
  const send = redis.sendCommand.bind(redis);
  redis.sendCommand = (command, stream) => {
    const isScript = /^eval/.test(command.name) && command.args.includes(id);
    if (!isScript || ++scripts !== nth) return send(command, stream);
    held.open();
    released.opened.then(() => send(command, stream));
    return command.promise;
  };
  const { broker } = await startTestBroker(config, { redis });
  return { broker, isHeld: held.opened, letGo: () => released.open() };
}
