/** The OpenAPI 3.1 document, printed from the contract: never written by hand. */
import { ROUTES, type Route } from '../shared/protocol.ts';
import { SCHEMAS } from '../shared/schemas.ts';
import { VERSION } from '../shared/version.ts';

export function createOpenApi(): object {
  const paths: Record<string, Record<string, object>> = {};
  for (const [name, route] of Object.entries<Route>(ROUTES)) {
    paths[route.path] = { ...paths[route.path], [route.method]: operation(name, route) };
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Kaje',
      version: VERSION,
      description: 'Send named tasks, follow them by their ids.',
      license: { name: 'MIT', identifier: 'MIT' },
    },
    // Where this document lies, also below a path of a proxy.
    servers: [{ url: '.' }],
    paths,
    components: { schemas: SCHEMAS },
  };
}

function operation(name: string, route: Route): object {
  return {
    operationId: name,
    summary: route.summary,
    tags: [route.tag],
    parameters: parameters(route),
    ...(route.body
      ? {
          requestBody: {
            required: !route.isBodyOptional,
            content: requestContent(name, route.body),
          },
        }
      : {}),
    responses: responses(route),
  };
}

function parameters({ path, query = {} }: Route): object[] {
  const inPath = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => ({
    name,
    in: 'path',
    required: true,
    schema: { type: 'string' },
  }));
  return [
    ...inPath,
    ...Object.entries(query).map(([name, schema]) => ({ name, in: 'query', schema })),
  ];
}

function requestContent(name: string, schema: string): object {
  const json = { 'application/json': { schema: reference(schema) } };
  if (name !== 'sendTasks') return json;
  return {
    ...json,
    'application/x-ndjson': { schema: { type: 'string', description: 'One SendTask a line' } },
  };
}

function responses({ method, answers, errors, type }: Route): object {
  const good = Object.entries(answers).map(([status, schema]) => [
    status,
    answer(type, Number(status), schema),
  ]);
  // Pages of other sites may read only: middleware/crossSite.ts.
  const foreign = method === 'get' ? [] : [403];
  const bad = [...foreign, ...errors, 500, 503].map((status) => [status, problem(status)]);
  return Object.fromEntries([...good, ...bad]);
}

function answer(type: Route['type'], status: number, schema: string | null): object {
  const description = DESCRIPTIONS[status] ?? 'Done';
  if (schema === null) return { description };
  return { description, content: { [type ?? 'application/json']: { schema: reference(schema) } } };
}

function problem(status: number): object {
  const description = DESCRIPTIONS[status] ?? 'Error';
  return { description, content: { 'application/problem+json': { schema: reference('Problem') } } };
}

function reference(schema: string): object {
  return { $ref: `#/components/schemas/${schema}` };
}

const DESCRIPTIONS: Readonly<Record<number, string>> = {
  200: 'Done',
  202: 'Accepted; follow the Location',
  204: 'Done',
  304: 'Unchanged since the ETag in If-None-Match',
  400: 'The body cannot be read',
  403: 'Sent by a page of another site',
  404: 'Unknown',
  409: 'In conflict with what is stored',
  413: 'The body is too large',
  415: 'Not application/json in UTF-8',
  422: 'A field is wrong; `errors` names it',
  429: 'The queue is full; see Retry-After',
  500: 'A fault of the API',
  503: 'The broker is unavailable; nothing was accepted; see Retry-After',
  504: 'The worker did not answer in time',
};
