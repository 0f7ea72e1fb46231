import { expect } from 'chai';
import { ROUTES, type Route } from '../../shared/protocol.ts';
import { startTestApi } from '../support/api.ts';
import { DOCUMENT, type OpenApi, schemaProblem } from '../support/contract.ts';

/** Every value below a key named `$ref`, wherever it stands. */
function refsIn(value: unknown): string[] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) =>
    key === '$ref' ? [String(inner)] : refsIn(inner),
  );
}

interface Schema {
  readonly type?: string | string[];
  readonly properties?: object;
  readonly additionalProperties?: unknown;
  readonly items?: object;
}

/** Every schema below a value, by its `type`. */
function partsOf(value: unknown): Schema[] {
  if (typeof value !== 'object' || value === null) return [];
  const inner = Object.values(value).flatMap(partsOf);
  const isSchema = 'type' in value && (typeof value.type === 'string' || Array.isArray(value.type));
  return isSchema ? [value as Schema, ...inner] : inner;
}

function resolve(document: object, ref: string): unknown {
  const parts = ref.replace(/^#\//, '').split('/');
  return parts.reduce<unknown>((at, part) => (at as Record<string, unknown>)?.[part], document);
}

describe('GET /openapi.json', () => {
  it('is an OpenAPI 3.1 document that anybody may read', async () => {
    const api = await startTestApi();
    const { status, headers, body } = await api.get('/openapi.json');
    expect(status).to.equal(200);
    expect(headers.get('content-type')).to.match(/^application\/json/);
    expect(body).to.deep.equal(JSON.parse(JSON.stringify(DOCUMENT)));
    expect(body.openapi).to.match(/^3\.1\./);
    expect(body.info).to.include.keys('title', 'version', 'license');
  });

  for (const [name, route] of Object.entries<Route>(ROUTES)) {
    it(`names ${route.method.toUpperCase()} ${route.path} with its bodies and answers`, () => {
      const operation = DOCUMENT.paths[route.path]?.[route.method];
      expect(operation?.operationId).to.equal(name);
      const foreign = route.method === 'get' ? [] : ['403'];
      const errors = [...foreign, ...route.errors.map(String), '500', '503'];
      const statuses = [...Object.keys(route.answers), ...errors];
      expect(Object.keys(operation?.responses ?? {})).to.have.members(statuses);
      expect(operation?.requestBody !== undefined).to.equal(route.body !== undefined);
      const inPath = operation?.parameters.filter((each) => each.in === 'path');
      const named = [...route.path.matchAll(/\{(\w+)\}/g)].map(([, each]) => each);
      expect(inPath?.map((each) => each.name)).to.deep.equal(named);
    });
  }

  it('gives each operation one id', () => {
    const ids = Object.values(DOCUMENT.paths).flatMap((path) =>
      Object.values(path).map(({ operationId }) => operationId),
    );
    expect(new Set(ids).size).to.equal(ids.length);
    expect(ids).to.have.members(Object.keys(ROUTES));
  });

  it('resolves every $ref within itself', () => {
    const refs = refsIn(DOCUMENT);
    expect(refs).to.not.have.length(0);
    for (const ref of refs) expect(resolve(DOCUMENT, ref), ref).to.be.an('object');
  });

  it('holds schemas that compile, and that refuse what is wrong', () => {
    for (const name of Object.keys((DOCUMENT as OpenApi).components.schemas)) {
      expect(schemaProblem(`#/components/schemas/${name}`, 7), name).to.be.a('string');
    }
  });

  it('says of each object and each list that it may hold something, also to generators of clients', () => {
    const schemas = partsOf(DOCUMENT.components.schemas);
    const isOf = (type: string) => (schema: Schema) => [schema.type].flat().includes(type);
    const objects = schemas.filter(isOf('object'));
    expect(objects).to.have.length.above(20);
    for (const each of objects) {
      expect(each.properties ?? each.additionalProperties, JSON.stringify(each)).to.be.ok;
    }
    for (const each of schemas.filter(isOf('array'))) {
      expect(each.items, JSON.stringify(each)).to.be.an('object');
    }
  });

  it('says that errors are problems', () => {
    for (const path of Object.values(DOCUMENT.paths)) {
      for (const { responses } of Object.values(path)) {
        expect(responses[503]?.content).to.have.all.keys('application/problem+json');
      }
    }
  });
});
