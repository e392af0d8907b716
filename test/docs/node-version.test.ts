import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { packageRoot } from '../../lib/package-files.ts';
import packageJson from '../../package.json' with { type: 'json' };

const COLLECTION = 'ansible/ansible_collections/mayfly/fleet';

/** What runs `npm install` in a checkout, which brings the Node for all else. */
const CHECKOUT = '20';
const INSTALLED = packageJson.engines.node.replace('>=', '');

describe('the oldest Node', () => {
  it.each([
    ['README.md', [CHECKOUT]],
    ['CONTRIBUTING.md', [CHECKOUT]],
    ['docs/deploying.md', [INSTALLED]],
    ['docs/playbooks.md', [INSTALLED]],
    [`${COLLECTION}/README.md`, [INSTALLED]],
    [`${COLLECTION}/plugins/doc_fragments/fleet.py`, [INSTALLED]],
  ])('is in %s what package.json says', (file, versions) => {
    const text = readFileSync(join(packageRoot, file), 'utf8');
    const named = [...text.matchAll(/Node(?:\.js)? ([\d.]+) or later/g)].map(([, version]) => version);
    expect(named).toEqual(versions);
  });
});
