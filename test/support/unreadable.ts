/** What a task may throw though nobody can read it. */

export function throwingAt(key: string): Error {
  return Object.defineProperty(new TypeError('odd'), key, {
    get() {
      throw new Error(`no ${key}`);
    },
  });
}

function revokedProxy(): unknown {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  return proxy;
}

/** Neither JSON nor JavaScript has words for it. */
function speechless(): unknown {
  const circle = Object.create(null);
  circle.self = circle;
  return circle;
}

type Unreadable = readonly [why: string, thrown: unknown, reason: RegExp];

export const UNREADABLE: readonly Unreadable[] = [
  ...['message', 'name', 'cause'].map((key): Unreadable => {
    return [`throws where its ${key} is read`, throwingAt(key), new RegExp(`no ${key}$`)];
  }),
  ['is a proxy that was revoked', revokedProxy(), /revoked/],
  ['has no words', speechless(), /primitive value$/],
];
