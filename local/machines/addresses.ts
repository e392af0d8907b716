import { macAddress } from '../instances/metadata.ts';

/** The cloud's address for machines. It is in the range for network benchmarks (RFC 2544), which nobody else uses. */
export const CLOUD_ADDRESS = '198.18.0.1';
/** "Instance metadata service": the same address on every EC2 instance. */
export const METADATA_ADDRESS = '169.254.169.254';
export const AWS_PORT = 4566;

const PER_BLOCK = 250;
const BLOCKS = 16;

/** The private address of the n-th machine (from 0) of a cloud. After 4,000 they are reused. */
export function addressOf(number: number): string {
  const place = number % (PER_BLOCK * BLOCKS);
  return `198.18.${1 + Math.floor(place / PER_BLOCK)}.${2 + (place % PER_BLOCK)}`;
}

/** dnsmasq's `--dhcp-hostsfile`: gives every possible machine the address that its MAC address determines. */
export function dhcpHosts(): string {
  const all = Array.from({ length: PER_BLOCK * BLOCKS }, (_, number) => addressOf(number));
  return all.map((address) => `${macAddress(address)},${address}\n`).join('');
}
