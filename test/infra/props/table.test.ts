import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Duration, RemovalPolicy, Size } from 'aws-cdk-lib';
import { describe, expect, it } from 'vitest';
import type { Check } from '../../../infra/props/checks.ts';
import { isDuration, isSize } from '../../../infra/props/errors.ts';
import { groupRows } from '../../../infra/props/groups.ts';
import { bakedImageRows, rootVolumeRows } from '../../../infra/props/instances.ts';
import { retryBackoffRows } from '../../../infra/props/retry-backoff.ts';
import { scaleOutRows } from '../../../infra/props/scale-out.ts';
import { encryptionKeyRows } from '../../../infra/props/stores.ts';
import { propTable } from '../../../infra/props/table.ts';
import { warmPoolRows } from '../../../infra/props/warm-pool.ts';
import { packageRoot } from '../../../lib/package-files.ts';

const directory = join(packageRoot, 'infra/props');
const sources = readdirSync(directory).map((name) => readFileSync(join(directory, name), 'utf8'));

interface DocumentedProp {
  name: string;
  /** Its documentation without the tags, and what is documented as its default. */
  text: string;
  byDefault: string | undefined;
}

/** The interfaces of props, each with its props and their documentation. */
function interfacesOf(source: string): [name: string, props: DocumentedProp[]][] {
  const found = source.matchAll(/^export interface (\w+(?:Props|Volume|Keys))\b[^{]*\{\n(.*?)^\}/gms);
  return [...found].map(([, name = '', body = '']) => [name, propsOf(body)]);
}

function propsOf(body: string): DocumentedProp[] {
  return [...body.matchAll(/( {2}\/\*\*.*?\*\/\n)?^ {2}readonly (\w+)\?: /gms)].map(
    ([, doc = '', name = '']) => {
      const words = doc.replaceAll(/^\s*(\/\*\*|\*\/|\*)/gm, ' ').replaceAll(/\s+/g, ' ');
      const [text = '', byDefault] = words.replace('*/', '').split('@default');
      return { name, text: text.trim(), byDefault: byDefault?.trim() };
    },
  );
}

const interfaces = new Map(sources.flatMap(interfacesOf));
const ofFleet = [...interfaces].filter(([name]) => /^(Fleet\w+|WorkerFleet)Props$/.test(name));
const rowsByInterface: [string, Record<string, object>][] = [
  ...ofFleet.map(([name]): [string, Record<string, object>] => [name, propTable]),
  ['BakedImageProps', bakedImageRows],
  ['EncryptionKeys', encryptionKeyRows],
  ['GroupProps', groupRows],
  ['RetryBackoffProps', retryBackoffRows],
  ['RootVolume', rootVolumeRows],
  ['ScaleOutProps', scaleOutRows],
  ['WarmPoolProps', warmPoolRows],
];

/** The value of a documented default that is a literal of TypeScript; undefined for a description. */
function literal(documented: string): unknown {
  const [, kind, unit = '', amount] = /^(Duration|Size)\.(\w+)\((\d+)\)$/.exec(documented) ?? [];
  if (kind === 'Duration') return Duration[unit as 'seconds'](Number(amount));
  if (kind === 'Size') return Size[unit as 'gibibytes'](Number(amount));
  const [, policy] = /^RemovalPolicy\.(\w+)$/.exec(documented) ?? [];
  if (policy !== undefined) return RemovalPolicy[policy as keyof typeof RemovalPolicy];
  if (documented.startsWith('- ')) return undefined;
  return JSON.parse(documented.replaceAll("'", '"'));
}

/** Durations and sizes as numbers, so that the unit in which they were given does not matter. */
function comparable(value: unknown): unknown {
  if (isDuration(value)) return { seconds: value.toSeconds({ integral: false }) };
  return isSize(value) ? { bytes: value.toBytes() } : value;
}

const documented = rowsByInterface.flatMap(([name, rows]) =>
  (interfaces.get(name) ?? []).map((prop) => ({ ...prop, of: name, row: rows[prop.name] })),
);

describe('the table of the props', () => {
  it('has a row for each prop, and no other', () => {
    const props = ofFleet.flatMap(([, all]) => all.map(({ name }) => name));
    expect(props.length).toBeGreaterThanOrEqual(53);
    expect(props.sort()).toEqual(Object.keys(propTable).sort());
  });

  it('has a row for each prop of each prop that is an object', () => {
    const nested = rowsByInterface.filter(([, rows]) => rows !== propTable);
    for (const [name, rows] of nested) {
      expect(
        interfaces.get(name)?.map((prop) => prop.name),
        name,
      ).toEqual(Object.keys(rows));
    }
    expect([...interfaces.keys()].sort()).toEqual(rowsByInterface.map(([name]) => name).sort());
  });

  it('names each setting, each key of agent.json and each fact once', () => {
    const rows: [string, { check: Check; setting?: string; agent?: string; fact?: string }][] =
      Object.entries(propTable);
    for (const names of [
      rows.map(([key, { setting }]) => setting ?? key),
      rows.flatMap(([, { agent }]) => agent ?? []),
      rows.flatMap(([, { fact }]) => fact ?? []),
    ]) {
      expect(new Set(names).size).toBe(names.length);
    }
  });
});

describe('the documentation of', () => {
  it.each(documented)('$of: $name has a text and a default', ({ text, byDefault }) => {
    expect(text).not.toBe('');
    expect(byDefault).toBeTruthy();
  });

  const literals = documented.filter(({ byDefault = '- ' }) => !byDefault.startsWith('- '));

  it.each(literals)('$of: $name has the default of the table: $byDefault', ({ byDefault = '', row = {} }) => {
    expect(row).toHaveProperty('default');
    expect(comparable(literal(byDefault))).toEqual(comparable((row as { default: unknown }).default));
  });

  it('defaults has literals, which are compared', () => {
    expect(literals.length).toBeGreaterThan(30);
  });
});
