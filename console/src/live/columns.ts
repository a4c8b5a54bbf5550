// The column format (docs/formats/columns.md): one byte string that is read as typed arrays in place.

export type Column = Uint8Array | Int8Array | Uint16Array | Int16Array | Uint32Array | Int32Array | Float32Array | Float64Array | BigUint64Array | BigInt64Array;

export interface Table<H> {
  readonly rows: number;
  readonly header: H;
  readonly columns: ReadonlyMap<string, Column>;
}

export class MalformedError extends Error {}

const TYPES: Readonly<Record<string, { new (buffer: ArrayBuffer, offset: number, length: number): Column; BYTES_PER_ELEMENT: number }>> = {
  "|b1": Uint8Array,
  "|u1": Uint8Array,
  "|i1": Int8Array,
  "<u2": Uint16Array,
  "<i2": Int16Array,
  "<u4": Uint32Array,
  "<i4": Int32Array,
  "<u8": BigUint64Array,
  "<i8": BigInt64Array,
  "<f4": Float32Array,
  "<f8": Float64Array,
};
const MAGIC = 0x4c434843; // "CHCL", little-endian
const FIXED_BYTES = 16;

/** The table in a buffer. Columns of text are passed over; anything else that this cannot read is a MalformedError. */
export function readTable<H>(buffer: ArrayBuffer): Table<H> {
  const view = new DataView(buffer);
  if (buffer.byteLength < FIXED_BYTES || view.getUint32(0, true) !== MAGIC) throw new MalformedError("these bytes are no table");
  const version = view.getUint16(4, true);
  if (version !== 1) throw new MalformedError(`version ${version} of the column format, where this page knows 1`);
  const [length, rows] = [view.getUint32(8, true), view.getUint32(12, true)];
  const base = Math.ceil((FIXED_BYTES + length) / 8) * 8;
  if (base > buffer.byteLength) throw new MalformedError(`${buffer.byteLength} bytes where the JSON alone needs ${base}`);
  const text = new TextDecoder().decode(new Uint8Array(buffer, FIXED_BYTES, length));
  const told = JSON.parse(text) as { columns: { name: string; type: string; offset: number }[]; header: H };
  const columns = new Map<string, Column>();
  for (const { name, type, offset } of told.columns) {
    const Type = TYPES[type];
    if (!Type) continue;
    if (base + offset + rows * Type.BYTES_PER_ELEMENT > buffer.byteLength) throw new MalformedError(`column ${name} is cut off`);
    columns.set(name, new Type(buffer, base + offset, rows));
  }
  return { rows, header: told.header, columns };
}
