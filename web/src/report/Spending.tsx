// Where tokens and seconds went: one stacked bar a step, and the seconds of the whole run.
import { useMemo } from "preact/hooks";

import { BarChart, formatter, type Axis } from "../charts";
import type { Report } from "./data";
import { Totals } from "./Headline";

const STEP: Axis = { name: "step" };
const TOKENS: Axis = { name: "model tokens" };
const SECONDS: Axis = { name: "seconds", format: "seconds" };

export function Spending({ data }: { data: Report }) {
  const { bars: places, tokens, seconds } = data.steps;
  const tokenParts = useMemo(() => parts(tokens), [tokens]);
  const secondParts = useMemo(() => parts(seconds), [seconds]);
  const merged = places.length > 1 ? places[1]! - places[0]! : 1;
  const bar = merged > 1 ? `a bar is ${merged} steps` : "a bar is a step and what led up to it";
  return (
    <section id="spending">
      <h2>Where it went</h2>
      <Totals data={data} />
      <div class="charts">
        {tokenParts.length > 0 && <BarChart title="Model tokens" note={`${bar}; evaluation is not counted`} x={STEP} y={TOKENS} places={places} parts={tokenParts} />}
        {secondParts.length > 0 && <BarChart title="Seconds" note={`${bar}; evaluation included`} x={STEP} y={SECONDS} places={places} parts={secondParts} />}
      </div>
      <Phases seconds={data.spent.seconds} />
      <p class="quiet fine">Model tokens: sampled + re-encoded + scored + 3 × trained. Totals are up to the last step.</p>
    </section>
  );
}

function parts(values: Record<string, number[]>) {
  return Object.entries(values).map(([name, each]) => ({ name, values: each }));
}

function Phases({ seconds }: { seconds: Record<string, number> }) {
  const phases = Object.entries(seconds).sort((a, b) => b[1] - a[1]);
  const all = phases.reduce((sum, [, value]) => sum + value, 0);
  const write = formatter("seconds");
  if (!all) return null;
  return (
    <div class="scroll">
      <table class="figures phases">
        <thead><tr><th>phase</th><th class="number">time</th><th class="number">share</th></tr></thead>
        <tbody>
          {phases.map(([name, value]) => (
            <tr key={name}><td>{name}</td><td class="number">{write(value)}</td><td class="number">{((100 * value) / all).toFixed(1)}%</td></tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
