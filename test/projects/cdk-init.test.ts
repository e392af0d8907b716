import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { Project } from './project.ts';

const STACK = `
import * as cdk from 'aws-cdk-lib/core';
import { Construct } from 'constructs';
import { WorkerFleet } from 'mayfly/cdk';

export class ThumbnailsStack extends cdk.Stack {
  readonly fleet: WorkerFleet;

  constructor(scope: Construct, id: string, props?: cdk.StackProps) {
    super(scope, id, props);
    this.fleet = new WorkerFleet(this, 'Fleet', {
      command: ['./resize-image'],
      workerDirectory: 'worker',
      maxCapacity: 5,
      bakedImage: true,
    });
  }
}
`;

const TEST = `
import * as cdk from 'aws-cdk-lib/core';
import { Match, Template } from 'aws-cdk-lib/assertions';
import * as iam from 'aws-cdk-lib/aws-iam';
import { FleetPropsError, WorkerFleet } from 'mayfly/cdk';
import * as Thumbnails from '../lib/thumbnails-stack';

test('Fleet Created', () => {
  const stack = new Thumbnails.ThumbnailsStack(new cdk.App(), 'MyTestStack');
  const producer = new iam.Role(stack, 'Producer', { assumedBy: new iam.AnyPrincipal() });
  stack.fleet.grantEnqueue(producer);
  expect(stack.fleet).toBeInstanceOf(WorkerFleet);
  const template = Template.fromStack(stack);
  template.hasResourceProperties('AWS::AutoScaling::AutoScalingGroup', { MaxSize: '5' });
  template.hasResourceProperties('AWS::IAM::Policy', {
    PolicyDocument: { Statement: Match.arrayWith([Match.objectLike({ Action: Match.arrayWith(['sqs:SendMessage']) })]) },
  });
});

test('Wrong Prop Refused', () => {
  const stack = new cdk.Stack(new cdk.App(), 'MyTestStack');
  expect(() => new WorkerFleet(stack, 'Fleet', { maxCapacity: 0 })).toThrow(FleetPropsError);
});
`;

describe('a fresh project of cdk init app --language typescript', () => {
  const project = new Project('thumbnails');
  afterAll(() => project.remove());

  beforeAll(async () => {
    await project.run('cdk', 'init', 'app', '--language', 'typescript', '--generate-only');
    await project.install();
    await project.install(inject('archive'));
    project.write({
      'worker/resize-image': '#!/bin/sh\necho resized\n',
      'lib/thumbnails-stack.ts': STACK,
      'test/thumbnails.test.ts': TEST,
    });
    await project.run('chmod', '+x', 'worker/resize-image');
  });

  it('tests a stack with a fleet with npx jest', async () => {
    const { all } = await project.run('npx', 'jest');
    expect(all).toMatch(/^Tests: +2 passed, 2 total$/m);
  });

  it('synthesises it with npx cdk synth, and tsc accepts the types', async () => {
    const { all } = await project.run('npx', 'cdk', 'synth', '--quiet');
    expect(all).not.toMatch(/error|warn/i);
    const file = join(project.directory, 'cdk.out/ThumbnailsStack.template.json');
    const { Resources } = JSON.parse(readFileSync(file, 'utf8'));
    const types = Object.values(Resources as Record<string, { Type: string }>).map(({ Type }) => Type);
    expect(types).toEqual(
      expect.arrayContaining(['AWS::AutoScaling::AutoScalingGroup', 'AWS::ImageBuilder::Image']),
    );
  });
});
