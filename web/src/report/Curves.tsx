// The curves, on the budget axis that the reader picks; a zoom into one is a zoom into all.
import { useMemo, useState } from "preact/hooks";

import { Choice, LineChart, Smoothing, type Axis, type Range, type Series } from "../charts";
import { AXES, AXIS_CHOICES, plain, SHARE } from "./axes";
import { CURVES, type Curve } from "./figures";
import type { AxisName, Numbers, Report } from "./data";

interface View {
  name: AxisName;
  x: Axis;
  smoothing: number;
  range: Range;
  onRange: (range: Range) => void;
}

export function Curves({ data }: { data: Report }) {
  const [x, setX] = useState<AxisName>("model_tokens");
  const [smoothing, setSmoothing] = useState(0);
  const [range, setRange] = useState<Range>(null);
  const axis = useMemo(() => spanning(data, x), [data, x]);
  const view: View = { name: x, x: axis, smoothing, range, onRange: setRange };
  const change = (name: AxisName) => {
    setX(name);
    setRange(null);
  };
  return (
    <section id="curves">
      <h2>Curves</h2>
      <div class="controls">
        <Choice name="Against" value={x} options={AXIS_CHOICES} onChange={change} />
        <Smoothing value={smoothing} onChange={setSmoothing} />
        <button type="button" class="reset" disabled={!range} onClick={() => setRange(null)}>Show all</button>
      </div>
      <p class="quiet hint">
        Draw a box to zoom (or use two fingers), double-click to see all again; on a focused chart + − ← → 0 do the same. The axes leave evaluation out.
        {data.steps.merged > 1 && ` Each point stands for ${data.steps.merged} steps: their mean; of extremes, the most extreme.`}
      </p>
      <HeldOut data={data} view={view} />
      {CURVES.map(({ title, charts }) => <Group key={title} title={title} charts={charts} data={data} view={view} />)}
    </section>
  );
}

function HeldOut({ data, view }: { data: Report; view: View }) {
  const { evaluations } = data;
  const series = useMemo(() => {
    const x = plain(evaluations[view.name]);
    const { pass_at_1: y, low, high, mean_score: score } = evaluations;
    return y ? [{ name: "pass@1", x, y, low, high }, ...(score ? [{ name: "mean score", x, y: score }] : [])] : [];
  }, [evaluations, view.name]);
  if (!series.length) return null;
  return (
    <LineChart title="Held-out pass@1" note="with the 95% interval over problems" x={view.x} y={SHARE} series={series}
      height={300} range={view.range} onRange={view.onRange} />
  );
}

function Group({ title, charts, data, view }: { title: string; charts: Curve[]; data: Report; view: View }) {
  const { columns } = data.steps;
  const recorded = charts.filter((chart) => chart.series.some(([, column]) => columns[column]));
  const moving = recorded.filter((chart) => chart.series.some(([, column]) => columns[column]?.some((value) => value)));
  const still = recorded.filter((chart) => !moving.includes(chart)).map((chart) => chart.title);
  if (!recorded.length) return null;
  return (
    <>
      <h3>{title}</h3>
      <div class="charts">
        {moving.map((chart) => <StepChart key={chart.title} chart={chart} data={data} view={view} />)}
      </div>
      {still.length > 0 && <p class="quiet fine">0 in every step, so not drawn: {still.join(", ")}.</p>}
    </>
  );
}

function StepChart({ chart, data, view }: { chart: Curve; data: Report; view: View }) {
  const { columns } = data.steps;
  const series = useMemo(() => seriesOf(chart, columns, view.name), [chart, columns, view.name]);
  const y = useMemo(() => ({ name: chart.title, format: chart.format, log: chart.log }), [chart]);
  const bound = chart.bound && data.bounds[chart.bound];
  const marks = useMemo(() => (bound ? [{ value: bound, name: `${chart.bound} ${bound}` }] : []), [bound, chart]);
  return (
    <LineChart title={chart.title} note={chart.note} x={view.x} y={y} series={series} marks={marks}
      smoothing={view.smoothing} range={view.range} onRange={view.onRange} />
  );
}

function seriesOf(chart: Curve, columns: Record<string, Numbers>, axis: AxisName): Series[] {
  const x = plain(columns[axis]);
  return chart.series.flatMap(([name, column]) => (columns[column] ? [{ name, x, y: columns[column] }] : []));
}

/** The axis from nothing spent to the last record, the same for every chart. */
function spanning({ steps, evaluations }: Report, name: AxisName): Axis {
  return { ...AXES[name], min: 0, max: Math.max(...plain(steps.columns[name]), ...plain(evaluations[name])) };
}
