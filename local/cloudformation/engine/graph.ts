import { validationError } from '../errors.ts';
import { unresolved } from '../template/check.ts';
import { findReferences, resolveIfs } from '../template/references.ts';
import type { Template } from '../template/template.ts';

/** The resources that each resource depends on. It has only resources whose condition holds. */
export type Graph = ReadonlyMap<string, ReadonlySet<string>>;

/** The dependencies of a template's resources. Refuses a circle, and a reference to what a condition leaves out. */
export function dependencyGraph(template: Template, conditions: Record<string, boolean>): Graph {
  const holds = (name: string) => conditions[name] === true;
  const present = Object.entries(template.resources).filter(
    ([, { Condition }]) => Condition === undefined || holds(Condition),
  );
  const names = new Set(present.map(([name]) => name));
  const graph = new Map<string, Set<string>>();
  for (const [name, resource] of present) {
    const value = [resource.Properties, resource.UpdatePolicy];
    const referred = resourcesIn(template, resolveIfs(value, holds));
    const missing = referred.find((other) => !names.has(other));
    if (missing !== undefined) throw unresolved(missing, 'Resources');
    // DependsOn of a resource that a condition leaves out has no effect.
    graph.set(name, new Set([...referred, ...resource.DependsOn.filter((other) => names.has(other))]));
  }
  const circle = findCircularDependency(graph);
  if (circle) throw validationError(`Circular dependency between resources: [${circle.join(', ')}]`);
  return graph;
}

function resourcesIn(template: Template, value: unknown): string[] {
  return findReferences(value)
    .filter(
      ({ kind, name }) => (kind === 'ref' || kind === 'getAtt') && Object.hasOwn(template.resources, name),
    )
    .map(({ name }) => name);
}

/** The members of one circular dependency, in order; undefined if there is none. */
function findCircularDependency(graph: Graph): string[] | undefined {
  const done = new Set<string>();
  const walk = (name: string, path: string[]): string[] | undefined => {
    if (path.includes(name)) return path.slice(path.indexOf(name));
    if (done.has(name)) return undefined;
    for (const next of graph.get(name) ?? []) {
      const circle = walk(next, [...path, name]);
      if (circle) return circle;
    }
    done.add(name);
    return undefined;
  };
  for (const name of graph.keys()) {
    const circle = walk(name, []);
    if (circle) return circle;
  }
  return undefined;
}

/** Names in an order in which each comes after its dependencies. */
export function sortByDependencies(graph: Graph): string[] {
  const ordered = new Set<string>();
  const seen = new Set<string>();
  const visit = (name: string) => {
    if (seen.has(name)) return;
    seen.add(name);
    for (const next of graph.get(name) ?? []) visit(next);
    ordered.add(name);
  };
  for (const name of graph.keys()) visit(name);
  return [...ordered];
}

/**
 * Runs a task for each name, in parallel, each after its dependencies. Dependents of a failed one are not started, and
 * after `calledOff` aborts none is. Resolves to the names that failed, when all tasks have ended.
 */
export async function runByDependencies(
  graph: Graph,
  task: (name: string) => Promise<void>,
  calledOff?: AbortSignal,
): Promise<string[]> {
  const failed: string[] = [];
  const runs = new Map<string, Promise<boolean>>();
  for (const name of sortByDependencies(graph)) {
    const awaited = [...(graph.get(name) ?? [])].map((other) => runs.get(other) ?? Promise.resolve(true));
    runs.set(name, run(name, awaited));
  }
  await Promise.all(runs.values());
  return failed;

  async function run(name: string, awaited: Promise<boolean>[]): Promise<boolean> {
    const ready = (await Promise.all(awaited)).every(Boolean);
    if (!ready || calledOff?.aborted) return false;
    try {
      await task(name);
      return true;
    } catch {
      failed.push(name);
      return false;
    }
  }
}
