/**
 * Gives back the memory of what was read from a pipe or a socket, after all who wanted it have had it. Node reads each
 * time into 64 KiB of fresh memory outside of its heap, of which a worker that prints fast makes tens of megabytes of
 * garbage between two collections.
 */
export function giveBack(read: Buffer): void {
  const { buffer } = read;
  // Only what is this read's alone, and nobody else's.
  if (buffer instanceof ArrayBuffer && buffer.byteLength === read.length) buffer.transfer(0);
}
