import type { Duration, Size } from 'aws-cdk-lib';

export const toSeconds = (duration: Duration): number => duration.toSeconds({ integral: false });

export const toBytes = (size: Size): number => size.toBytes();

export const toMebibytes = (size: Size): number => size.toMebibytes();
