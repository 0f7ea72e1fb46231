import { expect } from 'chai';
import { InvalidRequestError } from '../../shared/errors.ts';
import { parseTaskQuery } from '../../shared/taskQuery.ts';

const TIME = '2026-11-22T10:00:00.000Z';

const RIGHT: readonly (readonly [text: object, query: object])[] = [
  [{}, { limit: 50 }],
  [{ state: '', name: '', cursor: '', limit: '' }, { limit: 50 }],
  [{ limit: '1' }, { limit: 1 }],
  [{ limit: '200' }, { limit: 200 }],
  [{ state: 'SUCCESS' }, { limit: 50, states: ['SUCCESS'] }],
  [{ state: 'RETRY, UPLOADING' }, { limit: 50, states: ['RETRY', 'UPLOADING'] }],
  [
    { name: 'add', queue: 'mail', tag: 'a,b', cursor: 'x' },
    { limit: 50, name: 'add', queue: 'mail', tag: 'a,b', cursor: 'x' },
  ],
  [
    { since: TIME, until: '2026-11-22T12:00:00+01:00' },
    { limit: 50, since: Date.parse(TIME), until: Date.parse('2026-11-22T11:00:00Z') },
  ],
];

const WRONG: readonly (readonly [text: object, path: string, message: RegExp])[] = [
  [
    { state: 'RETRY,Sucess' },
    '/state',
    /unknown state "Sucess" - did you mean "SUCCESS"\?; expected P/,
  ],
  [{ state: 'success' }, '/state', /unknown state "success" - did you mean "SUCCESS"\?/],
  [{ state: 'FAILURE,' }, '/state', /unknown state ""/],
  [{ state: ['FAILURE', 'RETRY'] }, '/state', /expected string, got array/],
  [{ limit: '0' }, '/limit', />= 1/],
  [{ limit: '201' }, '/limit', /<= 200/],
  [{ limit: '2.5' }, '/limit', /expected integer/],
  [{ limit: 'all' }, '/limit', /expected integer/],
  [{ since: 'yesterday' }, '/since', /expected a date-time with its zone/],
  [{ until: '2026-11-22T10:00:00' }, '/until', /expected a date-time with its zone/],
  [{ since: '2016-12-31T23:59:60Z' }, '/since', /a time that exists/],
  [{ states: 'FAILURE' }, '/states', /unknown field "states" - did you mean "state"/],
];

describe('a question for tasks', () => {
  for (const [text, query] of RIGHT) {
    it(`is understood: ${JSON.stringify(text)}`, () => {
      expect(parseTaskQuery({ ...text })).to.deep.equal(query);
    });
  }

  for (const [text, path, message] of WRONG) {
    it(`is refused by name: ${JSON.stringify(text)}`, () => {
      const parse = () => parseTaskQuery({ ...text });
      expect(parse)
        .to.throw(InvalidRequestError, message)
        .with.nested.property('errors[0].path', path);
    });
  }
});
