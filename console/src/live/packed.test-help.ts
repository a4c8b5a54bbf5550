// For tests: a table as the registry sends it.

/** A table as chelu/codec/columns.py packs it. */
export function packed(rows: number, columns: readonly (readonly [string, string, ArrayBufferView])[], header: unknown, version = 1): ArrayBuffer {
  let offset = 0;
  const told = columns.map(([name, type, data]) => {
    const one = { name, type, offset };
    offset += Math.ceil(data.byteLength / 8) * 8;
    return one;
  });
  const text = new TextEncoder().encode(JSON.stringify({ columns: told, header }));
  const base = Math.ceil((16 + text.length) / 8) * 8;
  const bytes = new Uint8Array(base + offset);
  const view = new DataView(bytes.buffer);
  bytes.set(new TextEncoder().encode("CHCL"));
  view.setUint16(4, version, true);
  view.setUint32(8, text.length, true);
  view.setUint32(12, rows, true);
  bytes.set(text, 16);
  columns.forEach(([, , data], at) => bytes.set(new Uint8Array(data.buffer), base + (told[at]?.offset ?? 0)));
  return bytes.buffer;
}
