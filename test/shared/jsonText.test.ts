import { expect } from 'chai';
import { faultInText } from '../../shared/jsonText.ts';

const faultOf = (text: string) => faultInText(text, 4);

describe('the look at a JSON text', () => {
  const held: readonly string[] = [
    '0',
    '-0',
    '9007199254740991',
    '9007199254740992',
    '-9007199254740992',
    '1234567890123456768',
    `${2n ** 1000n}`,
    // As programs write doubles: what an API has answered, it takes.
    `${2 ** 60}`,
    `-${2 ** 64}`,
    '123456789012345680000',
    '0.1',
    '0.12345678901234567890',
    '1.7976931348623157e308',
    '5e-324',
    '0e-400',
    '0.0e999999',
    '1E22',
    '[1,2,3]',
    '"9007199254740993"',
    '"\\"9007199254740993"',
    '"a\\\\" ',
    '{"9007199254740993": 1}',
    '[[[["deep"]]]]',
    '["[[[[[["]',
  ];
  for (const text of held) {
    it(`finds nothing in ${text.slice(0, 40)}`, () => {
      expect(JSON.parse(text)).to.not.equal(undefined);
      expect(faultOf(text)).to.equal(undefined);
    });
  }

  const changed: readonly [text: string, path: string, literal: string][] = [
    ['9007199254740993', '', '9007199254740993'],
    ['-9007199254740993', '', '9007199254740993'],
    ['[1, 12345678901234567]', '/1', '12345678901234567'],
    ['[1152921504606847001]', '/0', '1152921504606847001'],
    ['1000000000000000000001', '', '1000000000000000000001'],
    ['{"id":1e400}', '/id', '1e400'],
    ['{"id":-1E+400 }', '/id', '1E+400'],
    ['{"id":1e-400}', '/id', '1e-400'],
    ['{"a":{"b":[{"c":"x"},{"d/~":9007199254740993}]}}', '/a/b/1/d~1~0', '9007199254740993'],
    ['{"a":"x","b":9007199254740993}', '/b', '9007199254740993'],
    ['{"a":[1,"],[",{}],"b":[[],9007199254740993]}', '/b/1', '9007199254740993'],
    ['{"\\"a\\u0062":9007199254740993}', '/"ab', '9007199254740993'],
    ['{"a":9007199254740992,"b":9007199254740993}', '/b', '9007199254740993'],
  ];
  for (const [text, path, literal] of changed) {
    it(`finds the number that ${text} would change`, () => {
      expect(faultOf(text)).to.deep.equal({ kind: 'number', literal, path });
    });
  }

  it('finds what nests too deep', () => {
    expect(faultOf('[[[[]]]]')).to.equal(undefined);
    expect(faultOf('[[[[[]]]]]')).to.deep.equal({ kind: 'depth' });
    expect(faultOf('{"a":{"a":{"a":{"a":{}}}}}')).to.deep.equal({ kind: 'depth' });
    expect(faultOf('[[[]],[[]],[[]],[[]],[[]]]')).to.equal(undefined);
  });
});
