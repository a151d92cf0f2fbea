// Every arm with its interval and its seeds, and the paired differences from the baseline.
import { useMemo } from "preact/hooks";

import { IntervalChart, type IntervalRow } from "../charts";
import type { Comparison, Metric } from "./data";
import { better, differenceWriter, valuesAxis, writer } from "./figures";

interface Props {
  data: Comparison;
  metric: Metric;
}

export function Arms(props: Props) {
  return (
    <section id="arms">
      <h2>Who is ahead</h2>
      <div class="charts">
        <Differences {...props} />
        <Values {...props} />
      </div>
      <p class="quiet fine">A filled mark is the mean, the line its 95% interval over seeds and problems; below them each circle is a seed. Hover a row for the figures; they are in the table too.</p>
    </section>
  );
}

function Differences({ data, metric }: Props) {
  const rows = useMemo(() => data.arms.flatMap((arm, look): IntervalRow[] => {
    const found = arm.differences[metric.name];
    if (!found) return [];
    const dots = (arm.pairs[metric.name] ?? []).map(([seed, value]) => ({ name: `seed ${seed}`, value: scaled(value, metric) }));
    const [mean, low, high] = [found.mean, found.low, found.high].map((value) => (value === null ? null : scaled(value, metric)));
    return [{ name: arm.name, look, mean: mean!, low: low!, high: high!, dots, told: data.judged ? arm.verdicts[metric.name] : "one run each" }];
  }), [data, metric]);
  const x = useMemo(() => ({ name: [metric.share ? "points" : metric.label, better(metric)].filter(Boolean).join("    ") }), [metric]);
  const write = useMemo(() => {
    const tell = differenceWriter(metric);
    return (value: number) => tell(metric.share ? value / 100 : value);
  }, [metric]);
  if (!rows.length) return null;
  const note = `${metric.label}, arm minus ${data.baseline}, on the same seeds and problems; the line at 0 is ${data.baseline}`;
  return <IntervalChart title={`Difference from ${data.baseline}`} note={note} x={x} rows={rows} zero={0} write={write} />;
}

function scaled(value: number, metric: Metric): number {
  return metric.share ? 100 * value : value;
}

function Values({ data, metric }: Props) {
  const rows = useMemo(() => data.arms.map((arm, look): IntervalRow => {
    const found = arm.estimates[metric.name];
    const dots = (arm.values[metric.name] ?? []).map(([seed, value]) => ({ name: `seed ${seed}`, value }));
    return { name: arm.name, look, mean: found?.mean ?? null, low: found?.low ?? null, high: found?.high ?? null, dots };
  }), [data, metric]);
  const x = useMemo(() => valuesAxis(metric, rows.flatMap((row) => [row.low, row.mean, row.high, ...row.dots.map((dot) => dot.value)].filter((v) => v !== null))), [metric, rows]);
  const write = useMemo(() => writer(metric), [metric]);
  const lead = metric.best === null ? "no arm is ahead of every other beyond chance" : `${metric.best} is ahead of every other arm beyond chance`;
  return <IntervalChart title={`${metric.label} of each arm`} note={data.judged ? lead : undefined} x={x} rows={rows} write={write} />;
}
