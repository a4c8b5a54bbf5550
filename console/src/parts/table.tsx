// A plain table of some rows; of thousands it is parts/rows.

import type { ReactNode } from "react";

interface TableProps<T> {
  readonly label: string;
  readonly heads: readonly string[];
  readonly rows: readonly T[];
  readonly keyOf: (row: T) => string | number;
  /** The first cell heads its row. */
  readonly cells: (row: T) => readonly ReactNode[];
  /** What is said where there are none. */
  readonly none: string;
}

export function Table<T>({ label, heads, rows, keyOf, cells, none }: TableProps<T>) {
  if (!rows.length) return <p className="faint">{none}</p>;
  return (
    <div className="wide" role="region" aria-label={label} tabIndex={0}>
      <table className="plain" aria-label={label}>
        <thead>
          <tr>
            {heads.map((head, at) => (
              <th key={at} scope="col">
                {head}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={keyOf(row)}>{cells(row).map((cell, at) => (at ? <td key={at}>{cell}</td> : <th key={at} scope="row">{cell}</th>))}</tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
