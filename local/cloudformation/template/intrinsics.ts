import { validationError } from '../errors.ts';
import { isUnknown, PLAIN_FUNCTIONS, UNKNOWN_VALUE } from './functions.ts';
import { isRecord } from './parse.ts';
import { parseSub } from './sub.ts';

/** Resolves the names in a value. */
export interface Scope {
  /** A parameter, a pseudo parameter or a resource; `NO_VALUE` for `AWS::NoValue`. */
  ref(name: string): unknown;
  getAtt(logicalId: string, attribute: string): unknown;
  condition(name: string): boolean;
  mappings: Record<string, Record<string, Record<string, unknown>>>;
  importValue(exportName: string): unknown;
  availabilityZones(region: string): string[];
  region: string;
}

/** `AWS::NoValue`: the property or list member with this value is left out. */
export const NO_VALUE = Symbol('AWS::NoValue');

/** The function's name and argument, if the value is a function call. */
export function functionCall(value: unknown): [name: string, argument: unknown] | undefined {
  if (!isRecord(value)) return undefined;
  const keys = Object.keys(value);
  const name = keys.find((key) => key.startsWith('Fn::') || (key === 'Ref' && keys.length === 1));
  if (name === undefined) return undefined;
  if (keys.length > 1) {
    throw validationError(`Template format error: ${name} must stand alone, not beside [${keys.join(', ')}]`);
  }
  return [name, value[name]];
}

/** Replaces every function call in the value by its result. */
export function resolve(value: unknown, scope: Scope): unknown {
  if (Array.isArray(value))
    return value.map((item) => resolve(item, scope)).filter((item) => item !== NO_VALUE);
  if (!isRecord(value)) return value;
  const call = functionCall(value);
  if (call) return evaluate(call[0], call[1], scope);
  const members = Object.entries(value).map(([key, member]) => [key, resolve(member, scope)] as const);
  return Object.fromEntries(members.filter(([, member]) => member !== NO_VALUE));
}

function evaluate(name: string, argument: unknown, scope: Scope): unknown {
  switch (name) {
    case 'Ref':
      return scope.ref(String(argument));
    case 'Fn::GetAtt':
      return scope.getAtt(...getAttArgument(argument, scope));
    case 'Fn::Sub':
      return substitute(argument, scope);
    case 'Fn::If':
      return resolve(chosenBranch(argument, scope.condition), scope);
    case 'Fn::FindInMap':
      return findInMap(resolve(argument, scope), scope);
    case 'Fn::ImportValue':
      return scope.importValue(String(resolve(argument, scope)));
    case 'Fn::GetAZs':
      return scope.availabilityZones(String(resolve(argument, scope) || scope.region));
    default:
      return evaluatePlain(name, resolve(argument, scope));
  }
}

function evaluatePlain(name: string, argument: unknown): unknown {
  const plain = PLAIN_FUNCTIONS[name];
  if (!plain) throw validationError(`Template error: function ${name} is not supported`);
  // An unknown value cannot be selected from or counted.
  if (name !== 'Fn::Join' && isUnknown(argument)) return UNKNOWN_VALUE;
  return plain(argument);
}

/** `["Id", "Attribute"]` or `"Id.Attribute"`; the attribute may be a `Ref` to a parameter. */
export function getAttArgument(argument: unknown, scope?: Scope): [logicalId: string, attribute: string] {
  if (typeof argument === 'string') {
    const dot = argument.indexOf('.');
    if (dot > 0) return [argument.slice(0, dot), argument.slice(dot + 1)];
  }
  if (Array.isArray(argument) && argument.length === 2 && typeof argument[0] === 'string') {
    const attribute = scope ? resolve(argument[1], scope) : argument[1];
    if (typeof attribute === 'string') return [argument[0], attribute];
    if (!scope && isRecord(attribute)) return [argument[0], ''];
  }
  throw validationError(
    'Template error: every Fn::GetAtt object requires two non-empty parameters, the resource name and the ' +
      'resource attribute',
  );
}

/** The branch of an `Fn::If` that its condition selects. */
export function chosenBranch(argument: unknown, condition: (name: string) => boolean): unknown {
  if (Array.isArray(argument) && argument.length === 3 && typeof argument[0] === 'string') {
    return condition(argument[0]) ? argument[1] : argument[2];
  }
  throw validationError(
    'Template error: Fn::If requires a list argument with three elements, the first being a condition name',
  );
}

function substitute(argument: unknown, scope: Scope): string {
  const { parts, variables } = parseSub(argument);
  const values = resolve(variables, scope) as Record<string, unknown>;
  return parts
    .map((part) => {
      if (part.kind === 'text') return part.text;
      const value =
        part.attribute !== undefined ? scope.getAtt(part.name, part.attribute) : nameOf(part.name);
      return asText(value, part.name);
    })
    .join('');

  function nameOf(name: string): unknown {
    return Object.hasOwn(values, name) ? values[name] : scope.ref(name);
  }
}

function asText(value: unknown, name: string): string {
  if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean')
    return String(value);
  // A list parameter in a string is joined by commas, as it was given.
  if (Array.isArray(value)) return value.join(',');
  throw validationError(
    `Template error: variable ${name} in Fn::Sub expression does not resolve to a string`,
  );
}

function findInMap(argument: unknown, scope: Scope): unknown {
  const [map, top, second, options] = Array.isArray(argument) ? argument : [];
  if ([map, top, second].some((key) => typeof key !== 'string' && typeof key !== 'number')) {
    throw validationError(
      'Template error: every Fn::FindInMap object requires three parameters, the map name, map key and the ' +
        'attribute for return value',
    );
  }
  const found = scope.mappings[String(map)]?.[String(top)]?.[String(second)];
  if (found !== undefined) return resolve(found, scope);
  if (isRecord(options) && 'DefaultValue' in options) return options['DefaultValue'];
  throw validationError(`Template error: Unable to get mapping for ${map}::${top}::${second}`);
}
