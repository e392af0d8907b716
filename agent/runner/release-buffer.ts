/**
 * Releases the memory of a buffer that was read from a pipe or a socket and is not used any more. Node reads into 64 KiB of
 * new memory outside its heap each time. A worker that prints fast makes tens of megabytes of it between two garbage
 * collections.
 */
export function releaseBuffer(read: Buffer): void {
  const { buffer } = read;
  // Only if no other buffer shares the memory.
  if (buffer instanceof ArrayBuffer && buffer.byteLength === read.length) buffer.transfer(0);
}
