/** Holds every answer that a test gets against the OpenAPI document of the API. */
import { Ajv2020 } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { createOpenApi } from '../../api/openapi.ts';

interface Media {
  readonly schema: { readonly $ref: string };
}

export interface OpenApi {
  readonly openapi: string;
  readonly paths: Record<string, Record<string, Operation>>;
  readonly components: { readonly schemas: Record<string, object> };
}

export interface Operation {
  readonly operationId: string;
  readonly parameters: { name: string; in: string }[];
  readonly requestBody?: { readonly content: Record<string, Media> };
  readonly responses: Record<string, { readonly content?: Record<string, Media> }>;
}

export const DOCUMENT = createOpenApi() as OpenApi;

const ajv = new Ajv2020({ strict: false, allErrors: true });
// The package is CommonJS; its types hide that the function is the default's default.
addFormats.default(ajv);
ajv.addSchema(DOCUMENT, 'kaje');

/** What is wrong with `value` by a schema of the document, such as `#/components/schemas/Queue`. */
export function schemaProblem(ref: string, value: unknown): string | undefined {
  const validate = ajv.getSchema(`kaje${ref}`);
  if (!validate) throw new Error(`The document has no ${ref}`);
  return validate(value) ? undefined : `${ref}: ${ajv.errorsText(validate.errors)}`;
}

/** Throws where an answer of the API is none that its contract names. */
export function checkContract(method: string, path: string, answer: ContractAnswer): void {
  const { status, type, body } = answer;
  const problem = method === 'HEAD' ? undefined : contractProblem(method, path, answer);
  if (!problem) return;
  throw new Error(`${method} ${path} -> ${status} ${type}: ${problem}\n${JSON.stringify(body)}`);
}

export interface ContractAnswer {
  readonly status: number;
  /** Media type, without parameters. */
  readonly type: string;
  readonly body: unknown;
}

function contractProblem(method: string, path: string, { status, type, body }: ContractAnswer) {
  const operation = operationOf(method, path);
  if (!operation) {
    if (status < 400) return undefined;
    return type === PROBLEM ? schemaProblem(`#/components/schemas/Problem`, body) : 'is no problem';
  }
  const response = operation.responses[status];
  if (!response) return 'the contract does not name this status';
  if (!response.content) return body === undefined ? undefined : 'expected no body';
  const media = response.content[type];
  if (!media) return `expected ${Object.keys(response.content)}`;
  return type === 'text/event-stream' ? undefined : schemaProblem(media.schema.$ref, body);
}

const PROBLEM = 'application/problem+json';

export function operationOf(method: string, path: string): Operation | undefined {
  const [plain = ''] = path.split('?');
  const template = Object.keys(DOCUMENT.paths).find((each) =>
    new RegExp(`^${each.replaceAll(/\{\w+\}/g, '[^/]+')}$`).test(plain),
  );
  return template === undefined ? undefined : DOCUMENT.paths[template]?.[method.toLowerCase()];
}
