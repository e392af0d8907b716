import { expect, test } from 'vitest';
import { computeSignature, sha256 } from '../../front-door/signature.ts';

const EMPTY = sha256('');

/** From the published "Signature Version 4 test suite" and the examples of the Amazon S3 API Reference. */
const SUITE = {
  secret: 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY',
  scope: {
    date: '20150830',
    region: 'us-east-1',
    service: 'service',
    signedHeaders: ['host', 'x-amz-date'],
    time: '20150830T123600Z',
  },
  rawHeaders: ['Host', 'example.amazonaws.com', 'X-Amz-Date', '20150830T123600Z'],
};
const S3 = {
  secret: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY',
  scope: { date: '20130524', region: 'us-east-1', service: 's3', time: '20130524T000000Z' },
};

test.each([
  ['/', '5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31'],
  ['/./', '5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31'],
  ['/example/..', '5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31'],
  ['/?Param2=value2&Param1=value1', 'b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500'],
])('GET %s of the suite', (url, signature) => {
  const request = { method: 'GET', url, rawHeaders: SUITE.rawHeaders, payload: EMPTY };
  expect(computeSignature(request, SUITE.scope, SUITE.secret)).toBe(signature);
});

test('an object of S3, by its header', () => {
  const signedHeaders = ['host', 'range', 'x-amz-content-sha256', 'x-amz-date'];
  const rawHeaders = [
    ...['Host', 'examplebucket.s3.amazonaws.com', 'Range', 'bytes=0-9'],
    ...['x-amz-content-sha256', EMPTY, 'x-amz-date', '20130524T000000Z'],
  ];
  const request = { method: 'GET', url: '/test.txt', rawHeaders, payload: EMPTY };
  expect(computeSignature(request, { ...S3.scope, signedHeaders }, S3.secret)).toBe(
    'f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41',
  );
});

test('an object of S3, presigned', () => {
  const query =
    'X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request' +
    '&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host&X-Amz-Signature=ignored';
  const request = {
    method: 'GET',
    url: `/test.txt?${query}`,
    rawHeaders: ['Host', 'examplebucket.s3.amazonaws.com'],
    payload: 'UNSIGNED-PAYLOAD',
  };
  expect(computeSignature(request, { ...S3.scope, signedHeaders: ['host'] }, S3.secret)).toBe(
    'aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404',
  );
});
