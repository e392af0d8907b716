import { App, Stack, Tags } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import { describe, expect, it } from 'vitest';
import { WorkerFleet } from '../../../infra/worker-fleet.ts';
import { synthFleet } from '../../support/synthesised.ts';

/** Synthesises a fleet in an app that has a tag, as owners tag whole apps and stacks. */
function synthWithTag(key: string, value: string): void {
  const { stack } = synthFleet();
  Tags.of(stack.node.root).add(key, value);
  Template.fromStack(stack);
}

describe('a tag that instances would inherit', () => {
  it.each([
    ['cost center', '42'],
    ['team/name', 'x'],
    ['_index', 'x'],
    ['..', 'x'],
    ['Größe', 'x'],
    ['aws:mine', 'x'],
    ['k'.repeat(129), 'x'],
  ])('with the key %j is refused at synth', (key, value) => {
    expect(() => synthWithTag(key, value)).toThrow(
      `tag key is ${JSON.stringify(key)} (value ${JSON.stringify(value)}); allowed: up to 128 letters`,
    );
  });

  it('with a value that is too long is refused at synth', () => {
    expect(() => synthWithTag('team', 'v'.repeat(257))).toThrow(
      /tag team has a value of 257 characters; allowed: at most 256/,
    );
  });

  it('with another key is accepted', () => {
    expect(() => synthWithTag('cost-center:team.name=a+b@c_d', 'any value / at all')).not.toThrow();
  });

  it('of the stack alone is refused too, as CloudFormation propagates it', () => {
    const app = new App();
    new WorkerFleet(new Stack(app, 'Test', { tags: { 'cost center': '42' } }), 'Fleet');
    expect(() => app.synth()).toThrow(/tag key is "cost center"/);
  });
});
