/** A table whose rows can be sorted by each column. On a narrow screen each row becomes a block. */

import type { ComponentChildren } from 'preact';
import { useState } from 'preact/hooks';

export interface Column<Row> {
  readonly title: string;
  readonly show: (row: Row) => ComponentChildren;
  /** Left out, it is no column to sort by. */
  readonly sortBy?: (row: Row) => string | number;
  readonly isNumber?: boolean;
}

interface SortedTableProps<Row> {
  readonly label: string;
  readonly rows: readonly Row[];
  readonly columns: readonly Column<Row>[];
  readonly keyOf: (row: Row) => string | number;
  /** What is said when there are none. */
  readonly empty: ComponentChildren;
}

export function SortedTable<Row>(props: SortedTableProps<Row>) {
  const { label, rows, columns, keyOf, empty } = props;
  const [order, setOrder] = useState<{ column: number; isDown: boolean } | null>(null);
  if (rows.length === 0) return <p class="empty">{empty}</p>;
  const turn = (column: number): void => {
    const isSame = order?.column === column;
    setOrder({ column, isDown: isSame ? !order.isDown : columns[column]?.isNumber === true });
  };
  return (
    <table aria-label={label}>
      <thead>
        <tr>
          {columns.map(({ title, sortBy, isNumber }, index) => (
            <th
              key={title}
              scope="col"
              class={isNumber ? 'number' : undefined}
              aria-sort={
                order?.column === index ? (order.isDown ? 'descending' : 'ascending') : undefined
              }
            >
              {sortBy === undefined ? (
                title
              ) : (
                <button type="button" class="sort" onClick={() => turn(index)}>
                  {title}
                </button>
              )}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {sorted(rows, columns, order).map((row) => (
          <tr key={keyOf(row)}>
            {columns.map(({ title, show, isNumber }) => (
              <td key={title} data-title={title} class={isNumber ? 'number' : undefined}>
                {show(row)}
              </td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function sorted<Row>(
  rows: readonly Row[],
  columns: readonly Column<Row>[],
  order: { readonly column: number; readonly isDown: boolean } | null,
): readonly Row[] {
  const by = order === null ? undefined : columns[order.column]?.sortBy;
  if (order === null || by === undefined) return rows;
  const sign = order.isDown ? -1 : 1;
  return rows.toSorted((one, other) => {
    const [a, b] = [by(one), by(other)];
    if (typeof a === 'string' && typeof b === 'string') return sign * a.localeCompare(b);
    return sign * (Number(a) - Number(b));
  });
}
