// The table, sorted by the column whose head is pressed.
import { useMemo, useState } from "preact/hooks";

import type { Cell, Table } from "./data";

type Order = { column: number; falling: boolean } | null;

export function Sorted({ table }: { table: Table }) {
  const [order, setOrder] = useState<Order>(null);
  const rows = useMemo(() => sorted(table.rows, order), [table, order]);
  const press = (column: number) => setOrder(next(order, column, !table.heads[column]!.words));
  return (
    <section id="table">
      <h2>Table</h2>
      <div class="scroll" tabIndex={0} role="region" aria-label="Table of arms">
        <table class="figures sorted">
          <thead>
            <tr>{table.heads.map((head, column) => <Head key={head.text} {...head} way={way(order, column)} press={() => press(column)} />)}</tr>
          </thead>
          <tbody>{rows.map((row) => <Row key={row[0]!.text} row={row} table={table} />)}</tbody>
        </table>
      </div>
      <p class="quiet fine hint">A press on a head sorts, again turns it round, a third time restores the order.</p>
    </section>
  );
}

type Way = "ascending" | "descending" | "none";

function Head({ text, words, way, press }: { text: string; words: boolean; way: Way; press: () => void }) {
  return (
    <th class={words ? "" : "number"} aria-sort={way}>
      <button type="button" onClick={press}><bdi>{text}</bdi><span class="way" aria-hidden="true">{{ ascending: "▲", descending: "▼", none: "" }[way]}</span></button>
    </th>
  );
}

function Row({ row, table }: { row: Cell[]; table: Table }) {
  return (
    <tr>
      {row.map((cell, index) => (
        <td key={index} class={table.heads[index]!.words ? "" : "number"}>{cell.bold ? <strong><bdi>{cell.text}</bdi></strong> : <bdi>{cell.text}</bdi>}</td>
      ))}
    </tr>
  );
}

function way(order: Order, column: number): Way {
  return order?.column !== column ? "none" : order.falling ? "descending" : "ascending";
}

/** Figures begin with the greatest, words with the first. */
function next(order: Order, column: number, figures: boolean): Order {
  if (order?.column !== column) return { column, falling: figures };
  return order.falling === figures ? { column, falling: !figures } : null;
}

/** What has no key comes last either way. */
function sorted(rows: Cell[][], order: Order): Cell[][] {
  if (!order) return rows;
  const sign = order.falling ? -1 : 1;
  return [...rows].sort((a, b) => {
    const [one, other] = [a[order.column]!.key, b[order.column]!.key];
    if (one === null || other === null) return Number(one === null) - Number(other === null);
    return sign * (typeof one === "number" ? one - (other as number) : one.localeCompare(other as string));
  });
}
