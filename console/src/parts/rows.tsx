// A table of any number of rows, of which only those in sight exist: ten thousand scroll as twenty do.

import { type ReactNode, useEffect, useRef, useState } from "react";

export interface Column<T> {
  readonly name: string;
  /** A CSS grid width, such as "10rem" or "2fr". */
  readonly width: string;
  readonly cell: (row: T) => ReactNode;
}

interface RowsProps<T> {
  readonly label: string;
  readonly columns: readonly Column<T>[];
  readonly rows: readonly T[];
  readonly keyOf: (row: T) => string;
}

const ROW_PX = 36;
const LEAST_ROWS = 3; // that stay in sight, the head among them, however little room there is
const BEYOND = 8; // rows above and below the sight, so that scrolling does not show what is not there yet

/** Which rows are in sight. */
export function inSight(scrolledPx: number, heightPx: number, count: number): { first: number; last: number } {
  const first = Math.max(0, Math.floor(scrolledPx / ROW_PX) - BEYOND);
  return { first, last: Math.min(count, Math.ceil((scrolledPx + heightPx) / ROW_PX) + BEYOND) };
}

/** What all columns need at least: a narrower table scrolls, with its rows as wide as what is in them. */
export function leastWidth(columns: readonly { readonly width: string }[]): string {
  const least = columns.map(({ width }) => /^minmax\(([^,]+),/.exec(width)?.[1] ?? width).filter((width) => !width.endsWith("fr"));
  return `calc(${least.join(" + ")})`;
}

export function Rows<T>({ label, columns, rows, keyOf }: RowsProps<T>) {
  const frame = useRef<HTMLDivElement>(null);
  const [sight, setSight] = useState({ scrolledPx: 0, heightPx: 600 });
  useEffect(() => {
    const box = frame.current;
    if (!box) return;
    const look = () => setSight({ scrolledPx: box.scrollTop, heightPx: box.clientHeight });
    const watcher = new ResizeObserver(look);
    watcher.observe(box);
    box.addEventListener("scroll", look, { passive: true });
    return () => {
      watcher.disconnect();
      box.removeEventListener("scroll", look);
    };
  }, []);
  const { first, last } = inSight(sight.scrolledPx, sight.heightPx, rows.length);
  const minWidth = leastWidth(columns);
  const gridTemplateColumns = columns.map((column) => column.width).join(" ");
  const grid = { gridTemplateColumns, height: ROW_PX };
  return (
    <div className="rows" ref={frame} role="table" aria-label={label} aria-rowcount={rows.length + 1} tabIndex={0} style={{ minHeight: Math.min(rows.length + 1, LEAST_ROWS) * ROW_PX }}>
      <div className="head" role="rowgroup" style={{ minWidth }}>
        <div role="row" style={{ gridTemplateColumns, minHeight: ROW_PX }} aria-rowindex={1}>
          {columns.map((column) => (
            <span key={column.name} role="columnheader">
              {column.name}
            </span>
          ))}
        </div>
      </div>
      <div className="body" role="rowgroup" style={{ height: rows.length * ROW_PX, minWidth }}>
        {rows.slice(first, last).map((row, index) => (
          <div
            key={keyOf(row)}
            role="row"
            aria-rowindex={first + index + 2}
            style={{ ...grid, transform: `translateY(${(first + index) * ROW_PX}px)` }}
          >
            {columns.map((column) => (
              <span key={column.name} role="cell">
                {column.cell(row)}
              </span>
            ))}
          </div>
        ))}
      </div>
    </div>
  );
}
