import { type CfnResource, Stack, TagManager } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import { EC2_MAX_TAG_VALUE_LENGTH } from '../../lib/limits.ts';

/**
 * With tags in the instance metadata a launch fails if a key has other characters or is reserved ("View tags for your EC2
 * instances using instance metadata").
 */
const KEY = /^[A-Za-z0-9+\-=.,_:@]{1,128}$/;
const RESERVED = new Set(['.', '..', '_index']);
const ALLOWED_KEY =
  'up to 128 letters (a-z, A-Z), digits and + - = . , _ : @, no space and no "/"; not ".", "..", "_index", and ' +
  'not beginning with "aws:"';

/**
 * Refuses tags that instances would inherit from their launch template, their group or the stack, and with which each launch
 * would fail. It runs at synth, after all aspects.
 */
export function validateTags(scope: Construct, resources: CfnResource[]): void {
  scope.node.addValidation({
    validate: () => {
      const tagged = [Stack.of(scope), ...resources];
      const problems = tagged.flatMap((resource) => Object.entries(tagsOf(resource)).flatMap(problemsOf));
      return [...new Set(problems)];
    },
  });
}

function tagsOf(resource: Stack | CfnResource): Record<string, string> {
  return TagManager.of(resource)?.tagValues() ?? {};
}

function problemsOf([key, value]: [string, string]): string[] {
  if (!KEY.test(key) || RESERVED.has(key) || key.toLowerCase().startsWith('aws:')) {
    return [`tag key is ${JSON.stringify(key)} (value ${JSON.stringify(value)}); allowed: ${ALLOWED_KEY}`];
  }
  if (value.length > EC2_MAX_TAG_VALUE_LENGTH) {
    return [
      `tag ${key} has a value of ${value.length} characters; allowed: at most ${EC2_MAX_TAG_VALUE_LENGTH}`,
    ];
  }
  return [];
}
