import { describe, expect, it } from 'vitest';
import local from '../local/package.json' with { type: 'json' };
import product from '../package.json' with { type: 'json' };

/** One version and no other: what was tested is what is used. */
const EXACT = /^\d+\.\d+\.\d+$/;
/** A version and the compatible ones that follow it: npm can share one copy with what else a project depends on. */
const RANGE = /^[\^~]\d+\.\d+\.\d+$/;

describe.each([product, local])('package.json of $name', ({ dependencies, devDependencies }) => {
  it('takes ranges of what is installed with it', () => {
    for (const [name, version] of Object.entries(dependencies)) expect(version, name).toMatch(RANGE);
  });

  it('takes exact versions for development', () => {
    for (const [name, version] of Object.entries(devDependencies)) expect(version, name).toMatch(EXACT);
  });

  it('names nothing twice', () => {
    const names = [...Object.keys(dependencies), ...Object.keys(devDependencies)];
    expect(new Set(names).size).toBe(names.length);
  });
});

describe('the two packages', () => {
  it('have one version, licence and oldest Node', () => {
    const { version, license, engines } = product;
    expect(local).toMatchObject({ version, license, engines });
  });

  it('fit each other: the command takes the embedded cloud of its own version', () => {
    expect(product.peerDependencies['mayfly-local']).toBe(`^${local.version}`);
    expect(product.peerDependenciesMeta['mayfly-local']).toEqual({ optional: true });
  });

  it('need the same versions of what both need', () => {
    const shared = Object.entries(local.dependencies).filter(([name]) => name in product.dependencies);
    expect(shared.length).toBeGreaterThan(0);
    for (const [name, version] of shared) expect(product.dependencies).toHaveProperty([name], version);
  });
});
