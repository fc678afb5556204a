/**
 * CRC-32C, the checksum of a record batch.
 * Source: RFC 3720, appendix B.4 (the Castagnoli polynomial); eight table look-ups per eight bytes after Kounavis and
 * Berry, "A Systematic Approach to Building High Performance, Software-based, CRC Generators" (slicing-by-8).
 * @module
 */

const POLYNOMIAL = 0x82f63b78;
/** Eight tables of 256: table k moves a byte past k more zero bytes. */
const tables = buildTables();

function buildTables(): Int32Array {
  const built = new Int32Array(8 * 256);
  for (let byte = 0; byte < 256; byte++) {
    let crc = byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ POLYNOMIAL : crc >>> 1;
    built[byte] = crc;
  }
  for (let k = 1; k < 8; k++) {
    for (let byte = 0; byte < 256; byte++) {
      const before = built[(k - 1) * 256 + byte];
      built[k * 256 + byte] = built[before & 255] ^ (before >>> 8);
    }
  }
  return built;
}

/** The CRC-32C of `bytes` from `start` up to, not including, `end`: an unsigned 32-bit number. */
export function crc32c(bytes: Uint8Array, start: number, end: number): number {
  // DataView's little-endian reads need no alignment and compile to one load each.
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const t = tables;
  let crc = -1;
  let at = start;
  for (; at + 8 <= end; at += 8) {
    const low = crc ^ view.getInt32(at, true);
    const high = view.getInt32(at + 4, true);
    crc = t[1792 + (low & 255)] ^ t[1536 + ((low >>> 8) & 255)] ^ t[1280 + ((low >>> 16) & 255)] ^
      t[1024 + (low >>> 24)] ^ t[768 + (high & 255)] ^ t[512 + ((high >>> 8) & 255)] ^
      t[256 + ((high >>> 16) & 255)] ^ t[high >>> 24];
  }
  for (; at < end; at++) crc = t[(crc ^ bytes[at]) & 255] ^ (crc >>> 8);
  return (crc ^ -1) >>> 0;
}
