import { WrongOptionError } from '../errors.ts';
import { type Reading, readVariable, type Variables } from './variables.ts';

/** What a body can name. */
export interface TemplateValues {
  target: string;
  group: string;
  /** Place in the request, from 1. */
  index: number;
  /** Number of targets of the request. */
  count: number;
  variables: Variables;
}

export type Template = (values: TemplateValues) => Reading;

const PLACE = /\{\{(.*?)\}\}/gs;
const NAME = /^[A-Za-z_][\w-]*(\.[\w-]+)*$/;
const OWN = ['target', 'group', 'index', 'count'] as const;
const NAMES =
  '{{ target }}, {{ group }}, {{ index }}, {{ count }}, and the variables of the targets: {{ vars.NAME }} or {{ NAME }}';

/**
 * Parses the template of a body. In it `{{ target }}`, `{{ group }}`, `{{ index }}`, `{{ count }}` and variables
 * (`{{ vars.NAME }}`, `{{ NAME }}`, `{{ tags.Family }}`) are replaced. There is no logic, and nothing is escaped. Where a
 * variable has one of the four names, `vars.` means the variable.
 *
 * @throws WrongOptionError if something else is between braces, or a `{{` is not closed
 */
export function parseTemplate(template: string): Template {
  // Texts and names alternate.
  const parts = template.split(PLACE).map((part, at) => (at % 2 === 0 ? part : part.trim()));
  parts.forEach((part, at) => {
    const problem = at % 2 === 0 ? findTextProblem(part) : findNameProblem(part);
    if (problem !== undefined) throw new WrongOptionError(`The body's template has ${problem}.`);
  });
  return (values) => {
    let text = '';
    for (const [at, part] of parts.entries()) {
      const reading = at % 2 === 0 ? { text: part } : readName(part, values);
      if ('problem' in reading) return reading;
      text += reading.text;
    }
    return { text };
  };
}

function findTextProblem(text: string): string | undefined {
  const at = text.indexOf('{{');
  return at < 0 ? undefined : `a {{ without }}, before ${JSON.stringify(text.slice(at + 2, at + 22))}`;
}

function findNameProblem(name: string): string | undefined {
  return NAME.test(name) ? undefined : `${JSON.stringify(name)} between braces; allowed are ${NAMES}`;
}

function readName(name: string, values: TemplateValues): Reading {
  const own = OWN.find((one) => one === name);
  if (own !== undefined) return { text: String(values[own]) };
  const reading = readVariable(values.variables, name.replace(/^vars\./, ''));
  return 'problem' in reading ? { problem: `${reading.problem}, which the body needs` } : reading;
}
