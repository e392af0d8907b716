// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the placeholders are Fn::Sub's own syntax.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { evaluateCondition } from '../../cloudformation/template/conditions.ts';
import { NO_VALUE, resolve, type Scope } from '../../cloudformation/template/intrinsics.ts';

const names: Record<string, unknown> = {
  'AWS::Region': 'eu-west-1',
  'AWS::NoValue': NO_VALUE,
  Text: 'hello',
  Many: ['a', 'b', 'c'],
  Queue: 'https://queue',
};
const scope: Scope = {
  ref: (name) => names[name],
  getAtt: (logicalId, attribute) => `${logicalId}/${attribute}`,
  condition: (name) => name === 'Yes',
  mappings: { Sizes: { big: { cpu: 8, zones: ['x', 'y'] } } },
  importValue: (name) => `imported ${name}`,
  availabilityZones: (region) => [`${region}a`, `${region}b`],
  region: 'eu-west-1',
};

describe('a value resolves', () => {
  test.each<[what: string, value: unknown, result: unknown]>([
    ['plain values', { a: [1, true, 'x'] }, { a: [1, true, 'x'] }],
    ['Ref', { Ref: 'Text' }, 'hello'],
    ['Ref to a list', { Ref: 'Many' }, ['a', 'b', 'c']],
    ['NoValue as a property', { a: { Ref: 'AWS::NoValue' }, b: 1 }, { b: 1 }],
    ['NoValue in a list', [1, { Ref: 'AWS::NoValue' }, 2], [1, 2]],
    ['GetAtt as a list', { 'Fn::GetAtt': ['Queue', 'Arn'] }, 'Queue/Arn'],
    ['GetAtt as text', { 'Fn::GetAtt': 'Queue.Arn' }, 'Queue/Arn'],
    ['GetAtt of a nested attribute', { 'Fn::GetAtt': 'Db.Endpoint.Port' }, 'Db/Endpoint.Port'],
    ['Join', { 'Fn::Join': ['-', ['a', { Ref: 'Text' }, 3]] }, 'a-hello-3'],
    ['Join of a list', { 'Fn::Join': ['', { Ref: 'Many' }] }, 'abc'],
    ['Join of nothing', { 'Fn::Join': [',', []] }, ''],
    ['Split', { 'Fn::Split': ['|', 'a||b'] }, ['a', '', 'b']],
    ['Select', { 'Fn::Select': ['1', { Ref: 'Many' }] }, 'b'],
    ['Select of Split', { 'Fn::Select': [2, { 'Fn::Split': [':', 'a:b:c'] }] }, 'c'],
    [
      'Sub of references',
      { 'Fn::Sub': '${Text} in ${AWS::Region}: ${Queue.Arn}' },
      'hello in eu-west-1: Queue/Arn',
    ],
    ['Sub of a literal', { 'Fn::Sub': '${!Text} ${Text}' }, '${Text} hello'],
    [
      'Sub of own variables',
      { 'Fn::Sub': ['${Mine}/${Text}', { Mine: { Ref: 'Queue' }, Text: 'own' }] },
      'https://queue/own',
    ],
    ['Sub of a value that looks like a variable', { 'Fn::Sub': ['${A}', { A: '${Text}' }] }, '${Text}'],
    ['If, true', { 'Fn::If': ['Yes', { Ref: 'Text' }, 'no'] }, 'hello'],
    ['If, false', { 'Fn::If': ['No', 'yes', { Ref: 'AWS::NoValue' }] }, NO_VALUE],
    ['FindInMap', { 'Fn::FindInMap': ['Sizes', 'big', 'cpu'] }, 8],
    ['FindInMap with a default', { 'Fn::FindInMap': ['Sizes', 'tiny', 'cpu', { DefaultValue: 1 }] }, 1],
    ['ImportValue', { 'Fn::ImportValue': { 'Fn::Sub': '${Text}-x' } }, 'imported hello-x'],
    ['GetAZs of here', { 'Fn::GetAZs': '' }, ['eu-west-1a', 'eu-west-1b']],
    ['GetAZs of a region', { 'Fn::GetAZs': 'us-east-2' }, ['us-east-2a', 'us-east-2b']],
    ['Base64', { 'Fn::Base64': 'schön' }, 'c2Now7Zu'],
    ['Cidr', { 'Fn::Cidr': ['10.0.0.0/22', 3, '8'] }, ['10.0.0.0/24', '10.0.1.0/24', '10.0.2.0/24']],
    ['Cidr of IPv6', { 'Fn::Cidr': ['2001:db8::/56', 2, 64] }, ['2001:db8::/64', '2001:db8:0:1::/64']],
    ['Length', { 'Fn::Length': { Ref: 'Many' } }, 3],
    ['ToJsonString', { 'Fn::ToJsonString': { a: { Ref: 'Text' } } }, '{"a":"hello"}'],
    [
      'Condition is a mere key',
      { Condition: { StringEquals: { a: 'b' } } },
      { Condition: { StringEquals: { a: 'b' } } },
    ],
  ])('%s', (_what, value, result) => {
    expect(resolve(value, scope)).toEqual(result);
  });

  test('Fn::Sub returns text without a placeholder unchanged', () => {
    const plain = fc.string().filter((text) => !text.includes('${'));
    fc.assert(fc.property(plain, (text) => resolve({ 'Fn::Sub': text }, scope) === text));
  });

  test('Split undoes Join where the delimiter is not in the items', () => {
    const items = fc.array(
      fc.string().filter((text) => !text.includes('|')),
      { minLength: 1 },
    );
    fc.assert(
      fc.property(items, (list) => {
        expect(resolve({ 'Fn::Split': ['|', { 'Fn::Join': ['|', list] }] }, scope)).toEqual(list);
      }),
    );
  });
});

describe('an invalid value', () => {
  test.each<[value: unknown, complaint: string]>([
    [{ 'Fn::Nonsense': 1 }, 'function Fn::Nonsense is not supported'],
    [{ 'Fn::Join': ['-', 'a'], other: 1 }, 'Fn::Join must stand alone, not beside [Fn::Join, other]'],
    [{ 'Fn::Join': ['-', 'text'] }, 'every Fn::Join object requires a string delimiter and a list'],
    [{ 'Fn::Select': [3, ['a']] }, 'Fn::Select cannot select nonexistent value at index 3'],
    [{ 'Fn::Select': [-1, ['a']] }, 'Fn::Select cannot select nonexistent value at index -1'],
    [{ 'Fn::Split': [',', ['a']] }, 'every Fn::Split object requires'],
    [{ 'Fn::FindInMap': ['Sizes', 'tiny', 'cpu'] }, 'Unable to get mapping for Sizes::tiny::cpu'],
    [{ 'Fn::GetAtt': 'Queue' }, 'every Fn::GetAtt object requires two'],
    [{ 'Fn::If': ['Yes', 1] }, 'Fn::If requires a list argument with three elements'],
    [{ 'Fn::Sub': '${a b}' }, 'variable names in Fn::Sub syntax'],
    [{ 'Fn::Sub': { a: 1 } }, 'Fn::Sub intrinsic functions do not specify expected arguments'],
    [{ 'Fn::Cidr': ['10.0.0.0/24', 3, 8] }, '3 blocks of 8 bits do not fit in 10.0.0.0/24'],
    [{ 'Fn::Cidr': ['10.0.0.0', 1, 8] }, 'Fn::Cidr cannot make 1 blocks of 8 bits in 10.0.0.0'],
  ])('%j: %s', (value, complaint) => {
    expect(() => resolve(value, scope)).toThrow(complaint);
  });
});

describe('a condition', () => {
  const yes = { Condition: 'Yes' };
  const no = { Condition: 'No' };
  test.each<[expression: unknown, result: boolean]>([
    [yes, true],
    [{ 'Fn::Not': [no] }, true],
    [{ 'Fn::And': [yes, no] }, false],
    [{ 'Fn::And': [yes, yes] }, true],
    [{ 'Fn::Or': [no, yes] }, true],
    [{ 'Fn::Or': [no, no] }, false],
    [{ 'Fn::Equals': [{ Ref: 'Text' }, 'hello'] }, true],
    [{ 'Fn::Equals': [1, '1'] }, true],
    [{ 'Fn::Equals': [true, 'false'] }, false],
    [{ 'Fn::Contains': [['a', 'b'], 'b'] }, true],
    [{ 'Fn::Not': [{ 'Fn::Contains': [['1', '2'], '30'] }] }, true],
    [{ 'Fn::EachMemberIn': [{ Ref: 'Many' }, ['a', 'b', 'c', 'd']] }, true],
    [{ 'Fn::EachMemberIn': [{ Ref: 'Many' }, ['a', 'b']] }, false],
    [{ 'Fn::EachMemberEquals': [['x', 'x'], 'x'] }, true],
  ])('%j is %s', (expression, result) => {
    expect(evaluateCondition(expression, scope)).toBe(result);
  });

  test.each([[{ 'Fn::And': [yes] }], [{ 'Fn::Not': [yes, no] }], [{ 'Fn::Equals': [1] }], ['perhaps']])(
    '%j is refused',
    (expression) => {
      expect(() => evaluateCondition(expression, scope)).toThrow('Template');
    },
  );
});
