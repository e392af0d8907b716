import { validationError } from '../errors.ts';

/**
 * The first `count` blocks of `2^bits` addresses in `block` ("Fn::Cidr").
 */
export function cidrBlocks(block: string, count: number, bits = 8): string[] {
  const [address = '', prefix = ''] = block.split('/');
  const width = address.includes(':') ? 128 : 32;
  const size = Number(prefix);
  const valid = /^\d+$/.test(prefix) && size <= width && count >= 1 && count <= 256 && bits >= 1;
  if (!valid || !Number.isInteger(count) || !Number.isInteger(bits)) {
    throw validationError(`Template error: Fn::Cidr cannot make ${count} blocks of ${bits} bits in ${block}`);
  }
  if (BigInt(count) << BigInt(bits) > 1n << BigInt(width - size)) {
    throw validationError(`Template error: Fn::Cidr: ${count} blocks of ${bits} bits do not fit in ${block}`);
  }
  const host = BigInt(width - size);
  const base = (toNumber(address, width) >> host) << host;
  const blocks = Array.from({ length: count }, (_, index) => base + (BigInt(index) << BigInt(bits)));
  return blocks.map((start) => `${toAddress(start, width)}/${width - bits}`);
}

function toNumber(address: string, width: number): bigint {
  if (width === 32) return address.split('.').reduce((sum, part) => (sum << 8n) + BigInt(Number(part)), 0n);
  const [head = '', tail] = address.split('::');
  const front = head === '' ? [] : head.split(':');
  const back = tail === undefined || tail === '' ? [] : tail.split(':');
  const zeros = Array.from({ length: 8 - front.length - back.length }, () => '0');
  const groups = tail === undefined ? front : [...front, ...zeros, ...back];
  return groups.reduce((sum, group) => (sum << 16n) + BigInt(`0x${group}`), 0n);
}

function toAddress(value: bigint, width: number): string {
  const step = width === 32 ? 8n : 16n;
  const count = width / Number(step);
  const parts = Array.from({ length: count }, (_, index) => {
    const part = (value >> (step * BigInt(count - 1 - index))) & ((1n << step) - 1n);
    return width === 32 ? part.toString() : part.toString(16);
  });
  if (width === 32) return parts.join('.');
  return parts.join(':').replace(/(^|:)0(:0)+(:|$)/, '::');
}
