import { once } from 'node:events';
import { type AddressInfo, connect, createServer } from 'node:net';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { selectExcess } from '../../../agent/credentials/connection-limiter.ts';
import { findConnectionUsers, parseConnectionUsers } from '../../../agent/credentials/connection-users.ts';

describe('which connections are closed when there are too many', () => {
  test.each([
    [[['a', 'b', 'c'], ['x']], 1, ['c']],
    [[['x'], ['a', 'b', 'c']], 2, ['c', 'b']],
    [
      [
        ['a', 'b', 'c'],
        ['x', 'y'],
      ],
      3,
      ['c', 'b', 'y'],
    ],
    [[], 2, []],
    [[['a']], 2, ['a']],
  ])('of %j, %i are: %j', (held, count, gone) => {
    expect(selectExcess(held, count)).toEqual(gone);
  });

  test('never one of a user that has fewer than another user keeps', () => {
    const numbers = fc.array(fc.nat(20), { minLength: 1, maxLength: 6 });
    fc.assert(
      fc.property(numbers, fc.nat(60), (sizes, count) => {
        const held = sizes.map((size, user) => Array.from({ length: size }, () => ({ user })));
        const gone = selectExcess(held, count);
        expect(gone.length).toBe(Math.min(count, held.flat().length));
        const kept = held.map((list) => list.filter((one) => !gone.includes(one)).length);
        for (const { user } of gone) expect(Math.max(...kept)).toBeLessThanOrEqual((kept[user] ?? 0) + 1);
      }),
    );
  });
});

/** As Linux prints them on x86 and ARM. */
const TABLE = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1 1 0 100 0 0 10 0
   1: 0100007F:9C40 0100007F:1F90 01 00000000:00000000 00:00000000 00000000   991        0 2 1 0 20 4 30 10 -1
   2: 0200007F:9C40 0100007F:1F90 01 00000000:00000000 00:00000000 00000000   992        0 3 1 0 20 4 30 10 -1
   3: 0100007F:1F90 0100007F:9C40 01 00000000:00000000 00:00000000 00000000   990        0 4 1 0 20 4 30 10 -1
   4: 0100007F:9C41 0100007F:1F91 01 00000000:00000000 00:00000000 00000000   993        0 5 1 0 20 4 30 10 -1
`;
const TABLE_6 = `  sl  local_address                         remote_address                        st tx_queue
   0: 0000000000000000FFFF00000100007F:9C42 0000000000000000FFFF00000100007F:1F90 01 00000000:00000000 00:00000000 00000000   994        0 6
`;

describe('the user of a connection', () => {
  test('is read from the table of sockets', () => {
    expect(parseConnectionUsers(TABLE, 8080)).toEqual([
      ['127.0.0.1:40000', 991],
      ['127.0.0.2:40000', 992],
    ]);
  });

  test('is also read for an IPv6 socket with an IPv4 address', () => {
    expect(parseConnectionUsers(TABLE_6, 8080)).toEqual([['127.0.0.1:40002', 994]]);
  });

  test('is found for a real connection', async ({ skip }) => {
    if (process.platform !== 'linux') skip('needs Linux');
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const client = connect(port, '127.0.0.1');
    await once(client, 'connect');
    expect((await findConnectionUsers(port)).get(`127.0.0.1:${client.localPort}`)).toBe(process.getuid?.());
    client.destroy();
    server.close();
  });
});
