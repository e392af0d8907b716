import { expect, test } from 'vitest';
import { handler } from '../../keeper/main.ts';
import { openFleet } from '../support/agent-fleet.ts';
import { createKeeper } from '../support/keeper.ts';

const open = openFleet();

test('the handler reads region and configuration from the environment, once', async () => {
  const fleet = await open({ desired: 0 });
  const { config } = await createKeeper(fleet);
  delete process.env['AWS_REGION'];
  delete process.env['KEEPER_CONFIG'];
  await expect(handler()).rejects.toThrow('KEEPER_CONFIG is not set');
  process.env['KEEPER_CONFIG'] = JSON.stringify(config);
  await expect(handler()).rejects.toThrow('AWS_REGION is not set');
  process.env['AWS_REGION'] = 'us-east-1';
  expect(await handler()).toEqual({ actions: ['suspend-az-rebalance', 'report-breaker'] });
  expect(await handler()).toEqual({ actions: [] });
});
