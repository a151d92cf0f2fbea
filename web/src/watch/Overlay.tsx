// Several runs on shared axes: one colour a run, the same in every chart.
import { useEffect, useMemo, useState } from "preact/hooks";

import { Choice, LineChart, Smoothing, type Axis, type Range, type Series } from "../charts";
import { AXES, AXIS_CHOICES, plain, SHARE } from "../report/axes";
import type { AxisName } from "../report/data";
import { CURVES, type Curve } from "../report/figures";
import { runAddress } from "./address";
import { Bar } from "./Bar";
import type { CurvesOf } from "./data";
import { usePolled } from "./poll";

interface Drawn {
  title: string;
  note: string;
  y: Axis;
  series: Series[];
}

export function Overlay({ runs }: { runs: string[] }) {
  const { data, fault, silent } = usePolled<{ runs: CurvesOf[] }>(`/api/curves?${new URLSearchParams(runs.map((run) => ["run", run]))}`);
  const [name, setName] = useState<AxisName>("model_tokens");
  const [smoothing, setSmoothing] = useState(0);
  const [range, setRange] = useState<Range>(null);
  const found = data?.runs ?? [];
  const x = useMemo(() => spanning(found, name), [data, name]);
  const heldOut = useMemo(() => heldOutOf(found, name), [data, name]);
  const groups = useMemo(() => CURVES.map(({ title, charts }) => ({ title, charts: charts.flatMap((chart) => drawnOf(chart, found, name)) })), [data, name]);
  useEffect(() => {
    document.title = `${runs.length} runs`;
  }, [runs.length]);
  const change = (next: AxisName) => {
    setName(next);
    setRange(null);
  };
  const draw = (one: Drawn, height?: number) => (
    <LineChart key={one.title} title={one.title} note={one.note} x={x} y={one.y} series={one.series} smoothing={height ? 0 : smoothing}
      height={height} range={range} onRange={setRange} />
  );
  return (
    <div class="watch">
      <Bar back silent={silent} fault={fault} waiting={!data && !fault} />
      <main class="report">
        <h1>{runs.length} runs laid over each other</h1>
        <ul class="watch-chosen">
          {found.map((run) => <li key={run.run}><a href={runAddress(run.run)}><bdi>{run.name}</bdi></a>{run.fault && <span class="wrong"> <bdi>{run.fault}</bdi></span>}</li>)}
        </ul>
        <section id="curves">
          <div class="controls">
            <Choice name="Against" value={name} options={AXIS_CHOICES} onChange={change} />
            <Smoothing value={smoothing} onChange={setSmoothing} />
            <button type="button" class="reset" disabled={!range} onClick={() => setRange(null)}>Show all</button>
          </div>
          <p class="quiet hint">Draw a box to zoom (or use two fingers), double-click to see all again. Runs of one setting that differ only by seed are compared by <code>dsk compare</code>.</p>
          {heldOut.series.length > 0 && draw(heldOut, 300)}
          {groups.filter(({ charts }) => charts.length).map(({ title, charts }) => (
            <div key={title}>
              <h3>{title}</h3>
              <div class="charts">{charts.map((one) => draw(one))}</div>
            </div>
          ))}
          {data && !heldOut.series.length && groups.every(({ charts }) => !charts.length) && <p>None of them has a figure yet.</p>}
        </section>
      </main>
    </div>
  );
}

function heldOutOf(runs: readonly CurvesOf[], axis: AxisName): Drawn {
  const series = runs.flatMap(({ name, evaluations: found }, index) => {
    const { pass_at_1: y, low, high } = found ?? {};
    return y ? [{ name, look: index, x: plain(found![axis]), y, low, high }] : [];
  });
  return { title: "Held-out pass@1", note: "with the 95% interval over problems", y: SHARE, series };
}

/** A chart for each figure, with the runs that have recorded it; none where all are 0 throughout. */
function drawnOf(chart: Curve, runs: readonly CurvesOf[], axis: AxisName): Drawn[] {
  return chart.series.flatMap(([figure, column]) => {
    const series = runs.flatMap(({ name, steps }, index) => {
      const y = steps?.columns[column];
      return y ? [{ name, look: index, x: plain(steps!.columns[axis]), y }] : [];
    });
    const title = chart.series.length > 1 ? `${chart.title}: ${figure}` : chart.title;
    const moving = series.some(({ y }) => y.some((value) => value));
    return moving ? [{ title, note: chart.note, y: { name: chart.title, format: chart.format, log: chart.log }, series }] : [];
  });
}

function spanning(runs: readonly CurvesOf[], name: AxisName): Axis {
  const ends = runs.flatMap(({ steps, evaluations }) => [...plain(steps?.columns[name]).slice(-1), ...plain(evaluations?.[name]).slice(-1)]);
  return { ...AXES[name], min: 0, max: Math.max(0, ...ends) || undefined };
}
