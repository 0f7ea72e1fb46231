/** What `kaje doctor` finds at the address of the API. */
import { addressOf, foreignAdvice } from '../client/transports/address.ts';
import { type Finding, isRight, SYNCHRONISE } from './checks.ts';
import { ahead } from './output.ts';

/** @param probe reads what the API writes anew into its Redis when it is asked whether it is ready */
export async function checkApi(
  base: string,
  probe?: () => Promise<string | null>,
): Promise<Finding> {
  const check = 'api';
  const before = await probe?.();
  const { root: url, headers } = addressOf(base);
  try {
    const signal = AbortSignal.timeout(3000);
    const response = await fetch(`${url}/health/ready`, { headers, signal });
    const health = response.ok ? await healthIn(response) : undefined;
    if (health && probe && before === (await probe())) return elsewhere(url);
    if (health) return ready(url, health);
    const found = `${url} answers ${response.status}${response.ok ? ', but not as an API of Kaje' : ''}`;
    return { check, status: 'fail', found, advice: adviceAt(response.status) };
  } catch {
    const advice = 'start one with kaje api, or give its address with --url or KAJE_URL';
    return { check, status: 'warn', found: `${url} cannot be reached`, advice };
  }
}

function adviceAt(status: number): string {
  if (status === 503)
    return 'it cannot write to its Redis: compare its KAJE_REDIS_URL with the one checked here';
  return foreignAdvice(status);
}

/** Undefined where another program answers, or a page of a proxy. */
async function healthIn(response: Response): Promise<HealthBody | undefined> {
  const body: unknown = await response.json().catch(() => undefined);
  const isHealth = typeof body === 'object' && body !== null && 'status' in body;
  // The contract says what an API that is ready answers.
  return isHealth && body.status === 'ready' ? (body as HealthBody) : undefined;
}

interface HealthBody {
  readonly clock_ahead_ms?: number;
  readonly warning?: string;
}

function ready(url: string, { clock_ahead_ms: aheadMs = 0, warning }: HealthBody): Finding {
  const found = `${url} is ready, its clock ${ahead(aheadMs)} from Redis`;
  if (warning !== undefined) {
    const advice = 'let workers run what waits, or raise maxmemory';
    return { check: 'api', status: 'warn', found: `${found}, but: ${warning}`, advice };
  }
  if (isRight(aheadMs)) return { check: 'api', status: 'ok', found };
  return { check: 'api', status: 'warn', found, advice: SYNCHRONISE };
}

/** All else that was found is not about this API. */
function elsewhere(url: string): Finding {
  const found = `${url} uses another Redis, or another prefix, than the one checked here`;
  const advice = 'give --redis-url and --prefix (KAJE_REDIS_URL, KAJE_PREFIX) as the API has them';
  return { check: 'api', status: 'warn', found, advice };
}
