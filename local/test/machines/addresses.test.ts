import { expect, test } from 'vitest';
import { macAddress } from '../../instances/metadata.ts';
import { addressOf, dhcpHosts } from '../../machines/addresses.ts';

test('machines have addresses of their own, which are not the network’s or the cloud’s', () => {
  const all = Array.from({ length: 4000 }, (_, number) => addressOf(number));
  expect(new Set(all).size).toBe(4000);
  expect(
    all.filter((address) => !/^198\.18\.([1-9]|1[0-6])\.([2-9]|\d\d|1\d\d|2[0-4]\d|25[01])$/.test(address)),
  ).toEqual([]);
  expect(addressOf(4000)).toBe(addressOf(0));
});

test('DHCP assigns each by its MAC address', () => {
  expect(macAddress('198.18.1.2')).toBe('06:00:c6:12:01:02');
  expect(dhcpHosts().split('\n', 2)).toEqual([
    '06:00:c6:12:01:02,198.18.1.2',
    '06:00:c6:12:01:03,198.18.1.3',
  ]);
});
