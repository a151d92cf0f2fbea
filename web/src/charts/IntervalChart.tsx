// Estimates below each other: a mean with its interval, and under it the values that it is the mean of.
import { useCallback } from "preact/hooks";

import { frame, tooltip, valueAxis, type Axis } from "./axes";
import { Chart } from "./Chart";
import type { EChartsOption } from "./echarts";
import { inFull } from "./format";
import { look } from "./style";
import type { Theme } from "./theme";
import { tip } from "./tooltip";

export interface IntervalRow {
  name: string;
  look: number;
  /** Null where there is no estimate; `low` and `high` null where it has no interval. */
  mean: number | null;
  low: number | null;
  high: number | null;
  dots: readonly { name: string; value: number }[];
  /** What is said of it when it is hovered. */
  told?: string;
}

export interface IntervalChartProps {
  title: string;
  note?: string;
  x: Axis;
  rows: readonly IntervalRow[];
  /** A value that a line is drawn at. */
  zero?: number;
  /** How the values are written when a row is hovered; as the axis where left out. */
  write?: (value: number) => string;
}

const ROW = 46;
const LABEL = 128;
const GLANCE = 52; // characters of a name: three lines

/** Give `rows`, `x` and `write` stable identities. */
export function IntervalChart({ title, note, x, rows, zero, write }: IntervalChartProps) {
  const draw = useCallback((theme: Theme) => intervals(x, rows, zero, write ?? inFull(x.format), theme), [x, rows, zero, write]);
  return (
    <figure class="chart intervals">
      <figcaption>{title}{note && <small>{note}</small>}</figcaption>
      <Chart draw={draw} label={`${title}: ${rows.map((row) => `${row.name} ${spoken(row, write ?? inFull(x.format))}`).join("; ")}`} height={rows.length * ROW + 62} />
    </figure>
  );
}

function glance(name: string): string {
  return name.length <= GLANCE ? name : `${name.slice(0, GLANCE - 1)}…`;
}

function spoken(row: IntervalRow, write: (value: number) => string): string {
  if (row.mean === null) return "no result";
  return row.low === null || row.high === null ? write(row.mean) : `${write(row.mean)} [${write(row.low)}, ${write(row.high)}]`;
}

function intervals(x: Axis, rows: readonly IntervalRow[], zero: number | undefined, write: (value: number) => string, theme: Theme): EChartsOption {
  const colour = (index: number) => theme.series[look(rows[index]!.look).colour]!;
  const whole = rows.flatMap((row, index) => (row.low === null || row.high === null ? [] : [[row.low, index, row.high]]));
  const y = valueAxis({ name: "" }, theme, "y");
  const across = valueAxis(x, theme, "x");
  return {
    ...frame(theme),
    xAxis: { ...across, splitNumber: 4, splitLine: { show: true, lineStyle: { color: theme.line, opacity: 0.7 } } },
    yAxis: {
      type: "category", inverse: true, data: rows.map((row) => row.name), axisTick: { show: false }, axisLine: { show: false },
      axisLabel: { ...y.axisLabel, color: theme.text, width: LABEL, overflow: "breakAll", lineHeight: 14, interval: 0, formatter: glance },
    },
    tooltip: { ...tooltip(theme, (hits) => hovered(hits, rows, write, colour)), axisPointer: { type: "shadow", shadowStyle: { color: theme.quiet, opacity: 0.1 } } },
    series: [
      {
        type: "custom", name: "interval", silent: true, data: whole, encode: { x: [0, 2], y: 1 }, z: 2,
        renderItem: (_: unknown, api: any) => {
          const index = api.value(1) as number;
          const [from, to] = [api.coord([api.value(0), index]), api.coord([api.value(2), index])];
          const style = { stroke: colour(index), lineWidth: 2.5, fill: "none" };
          return { type: "polyline", shape: { points: [from, to] }, style };
        },
      },
      {
        type: "scatter", name: "mean", z: 4, symbolSize: 12, silent: true,
        data: rows.flatMap((row, index) => (row.mean === null ? [] : [{ value: [row.mean, index], symbol: look(row.look).marker, itemStyle: { color: colour(index), borderColor: theme.ground, borderWidth: 1.5 } }])),
        markLine: zero === undefined ? undefined : { silent: true, symbol: "none", label: { show: false }, lineStyle: { color: theme.quiet, type: "solid", width: 1.5 }, data: [{ xAxis: zero }] },
      },
      {
        type: "scatter", name: "seeds", z: 3, symbolSize: 6, symbolOffset: [0, 12], silent: true,
        data: rows.flatMap((row, index) => row.dots.map((dot) => ({ value: [dot.value, index], itemStyle: { color: "transparent", borderColor: colour(index), borderWidth: 1.4 } }))),
      },
    ] as EChartsOption["series"],
  };
}

function hovered(hits: any[], rows: readonly IntervalRow[], write: (value: number) => string, colour: (index: number) => string) {
  const index = rows.findIndex((row) => row.name === hits[0]?.axisValue);
  const row = rows[index];
  if (!row) return "" as const;
  const mean = { name: row.told ?? "mean and 95% interval", value: spoken(row, write), colour: colour(index) };
  return tip(row.name, [mean, ...row.dots.map((dot) => ({ name: dot.name, value: write(dot.value), colour: "transparent" }))]);
}
