// Curves with bands, on the budget axis that the reader picks.
import { useMemo, useState } from "preact/hooks";

import { Choice, LineChart, type Axis, type Mark, type Series } from "../charts";
import type { Comparison, Metric } from "./data";
import { valuesAxis } from "./figures";

const SECONDS = "seconds";

export function Curves({ data, metric }: { data: Comparison; metric: Metric }) {
  const curves = data.curves[metric.name];
  const [axis, setAxis] = useState(data.axis ?? "model_tokens");
  const options = useMemo(() => Object.keys(curves ?? {}).map((value) => ({ value, name: data.budgets[value] ?? value })), [curves]);
  const series = useMemo(() => seriesOf(data, metric, axis), [data, metric, axis]);
  const x: Axis = useMemo(() => ({ name: data.budgets[axis] ?? axis, format: axis === SECONDS ? "seconds" : "number" }), [data, axis]);
  const y = useMemo(() => valuesAxis(metric, series.flatMap((one) => [...one.y, ...(one.low ?? []), ...(one.high ?? [])]).filter((value) => value !== null)), [metric, series]);
  const marks = useMemo(() => marksOf(data, metric, axis), [data, metric, axis]);
  if (!curves) return null;
  return (
    <section id="curves">
      <h2>Curves</h2>
      <div class="controls near">
        <Choice name="Against" value={axis} options={options} onChange={setAxis} />
      </div>
      {series.length
        ? <LineChart key={axis} title={metric.label} note={noteOf(series)} x={x} y={y} series={series} marks={marks} height={360} />
        : <p class="quiet">No run has a curve of {metric.label}.</p>}
      <p class="quiet fine hint">Draw a box to zoom (or use two fingers), double-click to see all again; on a focused chart + − ← → 0 do the same. A name switches its curve off.</p>
    </section>
  );
}

function seriesOf(data: Comparison, metric: Metric, axis: string): Series[] {
  const curves = data.curves[metric.name]?.[axis] ?? {};
  return data.arms.flatMap(({ name }, look) => {
    const curve = curves[name];
    return curve ? [{ name, look, x: curve.x, y: curve.mean, low: curve.low, high: curve.high, points: curve.points }] : [];
  });
}

function noteOf(series: readonly Series[]): string {
  const banded = series.some((one) => one.low);
  const pointed = series.some((one) => one.points);
  return [banded && "mean over seeds with its 95% interval", pointed && "points: runs with no evaluation between beginning and end"].filter(Boolean).join("; ");
}

function marksOf(data: Comparison, metric: Metric, axis: string): Mark[] {
  const marks: Mark[] = axis === data.axis ? [{ axis: "x", value: data.amount, name: "the budget that arms are compared at" }] : [];
  return data.level !== null && metric === data.metrics[0] ? [...marks, { value: data.level, name: "the level asked for" }] : marks;
}
