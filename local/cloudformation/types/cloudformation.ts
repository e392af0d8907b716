/** Types without a service behind them. */
import * as v from 'valibot';
import { type ResourceType, resourceType } from '../resource-type.ts';
import { properties, textProperty } from './properties.ts';

const metadata = resourceType({
  type: 'AWS::CDK::Metadata',
  schema: properties({ Analytics: v.optional(textProperty) }),
  createOnly: [],
  attributes: [],
  create: async (_props, { generatedName }) => ({ physicalId: generatedName(), attributes: {} }),
  update: async (resource) => resource,
  async delete() {},
});

const waitConditionHandle = resourceType({
  type: 'AWS::CloudFormation::WaitConditionHandle',
  schema: properties({}),
  createOnly: [],
  attributes: [],
  create: async (_props, { generatedName }) => ({ physicalId: generatedName(), attributes: {} }),
  async delete() {},
});

export const cloudFormationTypes: ResourceType[] = [metadata, waitConditionHandle];
