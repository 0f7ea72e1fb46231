/** Finds what can be changed in TypeScript, by its syntax tree. */
import { parse } from '@babel/parser';
import type * as t from '@babel/types';
import { type Change, isName, OPERATORS, otherNumber } from './mutation.ts';

interface Place {
  readonly source: string;
  readonly parent: t.Node;
}

export function changesOfTypeScript(source: string): Change[] {
  const changes: Change[] = [];
  const visit = (node: t.Node, parent: t.Node): void => {
    if (node.type.startsWith('TS') && !HOLDS_CODE.has(node.type)) return;
    changes.push(...changesOf(node, { source, parent }));
    for (const child of childrenOf(node)) visit(child, node);
  };
  const { program } = parse(source, { sourceType: 'module', plugins: ['typescript'] });
  visit(program, program);
  return changes;
}

/** Types are the compiler's; these of its nodes stand around code. */
const HOLDS_CODE = new Set(['TSAsExpression', 'TSSatisfiesExpression', 'TSNonNullExpression']);
const NAMES_A_FILE = new Set([
  'ImportDeclaration',
  'ExportNamedDeclaration',
  'ExportAllDeclaration',
  'ImportExpression',
]);

function childrenOf(node: t.Node): t.Node[] {
  if (NAMES_A_FILE.has(node.type) && !('declaration' in node && node.declaration)) return [];
  return Object.entries(node)
    .filter(([key]) => !key.endsWith('Comments') && key !== 'loc')
    .flatMap(([, value]) => value)
    .filter(isNode);
}

function isNode(value: unknown): value is t.Node {
  return typeof value === 'object' && value !== null && 'type' in value && 'start' in value;
}

function changesOf(node: t.Node, place: Place): Change[] {
  return RULES.flatMap((rule) => rule(node, place));
}

type Rule = (node: t.Node, place: Place) => Change[];

/** Positions are missing only from nodes that no parser has made. */
const span = (node: t.Node) => ({ start: node.start ?? 0, end: node.end ?? 0 });

const removedCall: Rule = (node) => {
  if (node.type !== 'ExpressionStatement' || !isCall(node.expression)) return [];
  return [{ kind: 'call removed', ...span(node), text: '{}' }];
};

function isCall(node: t.Expression): boolean {
  if (node.type === 'AwaitExpression') return isCall(node.argument);
  if (node.type === 'UnaryExpression' && node.operator === 'void') return isCall(node.argument);
  return node.type === 'CallExpression' || node.type === 'OptionalCallExpression';
}

const negatedCondition: Rule = (node, { source }) => {
  if (node.type === 'LogicalExpression' && node.operator !== '??') {
    const text = node.operator === '&&' ? '||' : '&&';
    return [{ kind: 'condition negated', ...operatorOf(node, source), text }];
  }
  if (node.type === 'BooleanLiteral') {
    return [{ kind: 'condition negated', ...span(node), text: `${!node.value}` }];
  }
  if (node.type !== 'IfStatement' && node.type !== 'ConditionalExpression') return [];
  const { start, end } = span(node.test);
  return [{ kind: 'condition negated', start, end, text: `!(${source.slice(start, end)})` }];
};

/** Where the operator stands; brackets around the operands are no part of them. */
function operatorOf(
  { left, right, operator }: t.BinaryExpression | t.LogicalExpression,
  source: string,
) {
  const from = span(left).end;
  const code = source
    .slice(from, span(right).start)
    .replaceAll(COMMENTS, (comment) => ' '.repeat(comment.length));
  const start = from + code.indexOf(operator);
  return { start, end: start + operator.length };
}

const COMMENTS = /\/\/[^\n]*|\/\*[\s\S]*?\*\//g;

const otherArithmetic: Rule = (node, { source }) => {
  if (node.type !== 'BinaryExpression') return [];
  const operator = OPERATORS[node.operator];
  const isText = [node.left, node.right].some(({ type }) => /^(String|Template)Literal/.test(type));
  if (!operator || isText) return [];
  return [{ kind: 'bound or arithmetic', ...operatorOf(node, source), text: operator }];
};

const otherConstant: Rule = (node, { parent }) => {
  if (node.type === 'NumericLiteral') {
    return [{ kind: 'constant', ...span(node), text: otherNumber(node.value) }];
  }
  if (node.type !== 'StringLiteral' || !isName(node.value)) return [];
  if (NAMES_A_FILE.has(parent.type)) return [];
  return [{ kind: 'constant', ...span(node), text: `'${node.value}~'` }];
};

/** Where what it waits for is used, the compiler notices. */
const removedAwait: Rule = (node, { source, parent }) => {
  if (node.type !== 'AwaitExpression' || parent.type !== 'ExpressionStatement') return [];
  const { start, end } = span(node.argument);
  return [{ kind: 'await removed', ...span(node), text: source.slice(start, end) }];
};

const removedReturn: Rule = (node) => {
  if (node.type !== 'IfStatement' || node.alternate) return [];
  const { consequent } = node;
  const last = consequent.type === 'BlockStatement' ? consequent.body.at(-1) : consequent;
  if (!last || !LEAVES.has(last.type)) return [];
  return [{ kind: 'return removed', ...span(last), text: '{}' }];
};

const LEAVES = new Set(['ReturnStatement', 'ContinueStatement', 'BreakStatement']);

const emptied: Rule = (node) => {
  if (!('body' in node) || !isNode(node.body) || node.body.type !== 'BlockStatement') return [];
  if (!/Function|ObjectMethod|ClassMethod/.test(node.type)) return [];
  // One that gives something back would not compile.
  if (node.body.body.length === 0 || node.body.body.some(isReturnOfValue)) return [];
  return [{ kind: 'function emptied', ...span(node.body), text: '{}' }];
};

function isReturnOfValue(node: t.Statement): boolean {
  return node.type === 'ReturnStatement' && Boolean(node.argument);
}

const RULES: readonly Rule[] = [
  removedCall,
  negatedCondition,
  otherArithmetic,
  otherConstant,
  removedAwait,
  removedReturn,
  emptied,
];
