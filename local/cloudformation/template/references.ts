import { chosenBranch, functionCall, getAttArgument } from './intrinsics.ts';
import { isRecord } from './parse.ts';
import { parseSub } from './sub.ts';

export type Reference =
  | { kind: 'ref'; name: string }
  | { kind: 'getAtt'; name: string; attribute: string }
  | { kind: 'mapping'; name: string }
  | { kind: 'condition'; name: string }
  | { kind: 'function'; name: string };

/** Everything that the value names, in order. It includes functions, so that unknown ones can be refused. */
export function findReferences(value: unknown): Reference[] {
  if (Array.isArray(value)) return value.flatMap(findReferences);
  if (!isRecord(value)) return [];
  const call = functionCall(value);
  if (!call) return Object.values(value).flatMap(findReferences);
  const [name, argument] = call;
  return [{ kind: 'function', name }, ...namedBy(name, argument)];
}

function namedBy(name: string, argument: unknown): Reference[] {
  switch (name) {
    case 'Ref':
      return [{ kind: 'ref', name: String(argument) }];
    case 'Fn::GetAtt': {
      const [logicalId, attribute] = getAttArgument(argument);
      const rest = Array.isArray(argument) ? findReferences(argument[1]) : [];
      return [{ kind: 'getAtt', name: logicalId, attribute }, ...rest];
    }
    case 'Fn::Sub':
      return namedBySub(argument);
    case 'Fn::If': {
      const condition = Array.isArray(argument) ? String(argument[0]) : '';
      // Also checks the argument's shape, whichever branch applies.
      chosenBranch(argument, () => true);
      return [{ kind: 'condition', name: condition }, ...findReferences((argument as unknown[]).slice(1))];
    }
    case 'Fn::FindInMap': {
      const map = Array.isArray(argument) ? argument[0] : undefined;
      const named: Reference[] = typeof map === 'string' ? [{ kind: 'mapping', name: map }] : [];
      return [...named, ...findReferences(argument)];
    }
    default:
      return findReferences(argument);
  }
}

function namedBySub(argument: unknown): Reference[] {
  const { parts, variables } = parseSub(argument);
  const named = parts.flatMap((part): Reference[] => {
    if (part.kind === 'text' || Object.hasOwn(variables, part.name)) return [];
    const { name, attribute } = part;
    return [attribute === undefined ? { kind: 'ref', name } : { kind: 'getAtt', name, attribute }];
  });
  return [...named, ...findReferences(variables)];
}

/** Replaces every `Fn::If` in the value by the selected branch: a branch left out makes no dependency. */
export function resolveIfs(value: unknown, condition: (name: string) => boolean): unknown {
  if (Array.isArray(value)) return value.map((item) => resolveIfs(item, condition));
  if (!isRecord(value)) return value;
  const call = functionCall(value);
  if (call?.[0] === 'Fn::If') return resolveIfs(chosenBranch(call[1], condition), condition);
  return Object.fromEntries(
    Object.entries(value).map(([key, member]) => [key, resolveIfs(member, condition)]),
  );
}
