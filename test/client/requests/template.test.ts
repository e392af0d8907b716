import { expect, test } from 'vitest';
import { WrongOptionError } from '../../../client/errors.ts';
import { parseTemplate } from '../../../client/requests/template.ts';
import { parseHostVariables, parseVariables, type Variables } from '../../../client/requests/variables.ts';

const VARIABLES = `{
  "port": 8080, "version": 2.0, "account": 123456789012345678901, "on": true, "text": "a \\"b\\"", "empty": "",
  "target": "own", "list": [1, 2.0, "x"], "tags": {"Name": "n", "Nested": {"a-b": 1e3}}, "nothing": null, "vars": "v",
  "braces": "{{ target }}"
}`;

const fill = (template: string, variables = parseVariables(VARIABLES)) =>
  parseTemplate(template)({
    target: 's1',
    group: 'shop/web',
    index: 3,
    count: 12,
    variables: variables as Variables,
  });

test.each([
  ['', ''],
  ['deploy', 'deploy'],
  ['{{ target }} {{group}} {{  index\n}}/{{count}}', 's1 shop/web 3/12'],
  ['{{ port }}', '8080'],
  ['{{ vars.port }}', '8080'],
  ['{{ vars.target }}', 'own'],
  ['{{ vars }}', 'v'],
  ['{{ version }} {{ account }} {{ on }}', '2.0 123456789012345678901 true'],
  ['{{ text }}{{ empty }}', 'a "b"'],
  ['{{ list }} {{ tags }}', '[1,2.0,"x"] {"Name":"n","Nested":{"a-b":1e3}}'],
  ['{{ tags.Name }} {{ vars.tags.Nested.a-b }}', 'n 1e3'],
  ['{"host": "{{ target }}", "a": {"b": {}}}', '{"host": "s1", "a": {"b": {}}}'],
  ['{{ braces }} } } {', '{{ target }} } } {'],
  ['$& {{ target }} $1', '$& s1 $1'],
])('%j becomes %j', (template, body) => {
  expect(fill(template)).toEqual({ text: body });
});

test.each([
  ['{{ family }}', 'has no variable family, which the body needs'],
  ['{{ vars.family }}', 'has no variable family, which the body needs'],
  ['{{ tags.Role }}', 'has no variable tags.Role, which the body needs'],
  ['{{ port.a }}', 'has no variable port.a, which the body needs'],
  ['{{ constructor }}', 'has no variable constructor, which the body needs'],
  ['{{ nothing }}', 'has no value in its variable nothing, which is null, which the body needs'],
])('%s is refused: the target %s', (template, problem) => {
  expect(fill(`x ${template} y`)).toEqual({ problem });
});

test.each<[string, object, string]>([
  [
    'a template',
    { x: '{{ y }}' },
    'has in its variable x the template "{{ y }}", which only a play resolves, which the body needs',
  ],
  [
    'a statement',
    { x: '{% if y %}' },
    'has in its variable x the template "{% if y %}", which only a play resolves, which the body needs',
  ],
  [
    'a template in a list',
    { x: [{ a: '{{ y }}' }] },
    'has in its variable x the template "{{ y }}", which only a play resolves, which the body needs',
  ],
  [
    'an encrypted text',
    { x: { __ansible_vault: 'x' } },
    'has a variable x that Ansible Vault has encrypted, which the body needs',
  ],
])('%s of an inventory is refused', (_, variables, problem) => {
  expect(fill('{{ x }}', parseHostVariables(JSON.stringify(variables)))).toEqual({ problem });
});

test('a text that Ansible marks as no template is taken as it is', () => {
  const variables = parseHostVariables(
    '{"x": {"__ansible_unsafe": "{{ y }}"}, "z": [{"__ansible_unsafe": "a"}]}',
  );
  expect(fill('{{ x }} {{ z }}', variables)).toEqual({ text: '{{ y }} ["a"]' });
});

test.each([
  ['{{ target', 'a {{ without }}, before " target"'],
  ['{{ target }} {{ x', 'a {{ without }}, before " x"'],
  ['{{ }}', '"" between braces; allowed are {{ target }}'],
  ['{{ target | upper }}', '"target | upper" between braces; allowed are'],
  ["{{ tags['Name'] }}", `"tags['Name']" between braces`],
  ['{{ 1 }}', '"1" between braces'],
  ['{{ a..b }}', '"a..b" between braces'],
])('the template %j is refused', (template, problem) => {
  expect(() => parseTemplate(template)).toThrow(WrongOptionError);
  expect(() => parseTemplate(template)).toThrow(problem);
});
