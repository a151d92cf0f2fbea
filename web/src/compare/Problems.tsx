// Arms by problems, the hardest first: a look tells which arm solves what; a press opens a problem.
import { useMemo, useState } from "preact/hooks";

import { Choice } from "../charts";
import type { Comparison, Problem, Split } from "./data";
import { Matrix, type Colouring } from "./Matrix";
import { Opened } from "./Opened";
import { Readout } from "./Readout";

const WHAT: Record<Split["name"], string> = {
  "held out": "pass rate on held-out problems at the compared budget, the mean over seeds: what the table is the mean of",
  "trained on": "share of a problem's groups in training that had a correct response, over seeds; arms may have trained on a problem more or less often",
  searched: "share of seeds whose search solved the problem",
};
type Order = "difficulty" | "disagreement";
const ORDERS: { value: Order; name: string }[] = [{ value: "difficulty", name: "hardest first" }, { value: "disagreement", name: "arms differ most" }];

export function Problems({ data }: { data: Comparison }) {
  const { splits } = data.problems;
  const [chosen, choose] = useState(0);
  const split = splits[chosen];
  if (!split) return null;
  return (
    <section id="problems">
      <h2>Problem by problem</h2>
      {splits.length > 1 && (
        <div class="tabs" role="group" aria-label="Split">
          {splits.map(({ name, of }, index) => (
            <button type="button" key={name} aria-pressed={index === chosen} onClick={() => choose(index)}>{name} <span class="quiet">{of}</span></button>
          ))}
        </div>
      )}
      <Board key={split.name} data={data} split={split} />
    </section>
  );
}

function Board({ data, split }: { data: Comparison; split: Split }) {
  const [order, setOrder] = useState<Order>("difficulty");
  const [colouring, setColouring] = useState<Colouring>("rate");
  const [pointed, point] = useState<Problem | null>(null);
  const [opened, open] = useState<Problem | null>(null);
  const problems = useMemo(() => (order === "difficulty" ? split.problems : [...split.problems].sort((a, b) => spread(b) - spread(a))), [split, order]);
  const base = data.arms.findIndex((arm) => arm.name === data.baseline);
  const matrix = useMemo(
    () => <Matrix arms={data.arms} problems={problems} base={colouring === "rate" ? null : base} opened={opened} point={point} open={open} />,
    [data, problems, colouring, opened],
  );
  const colourings: { value: Colouring; name: string }[] = [{ value: "rate", name: "rate" }, { value: "difference", name: `difference from ${data.baseline}` }];
  return (
    <>
      <p class="quiet fine">
        Colour: {WHAT[split.name]}. {split.of > problems.length && `The page holds ${problems.length} of ${split.of} problems, those that arms differ on most. `}
      </p>
      <div class="controls near">
        <Choice name="Order" value={order} options={ORDERS} onChange={setOrder} />
        {data.arms.length > 1 && <Choice name="Colour" value={colouring} options={colourings} onChange={setColouring} />}
        <Scale colouring={colouring} />
      </div>
      {matrix}
      <Readout arms={data.arms} problem={pointed} untold={split.untold} />
      {opened && <Opened key={opened.id} data={data} split={split} problem={opened} close={() => open(null)} />}
    </>
  );
}

function spread({ rates }: Problem): number {
  const known = rates.filter((rate) => rate !== null);
  return Math.max(...known) - Math.min(...known);
}

function Scale({ colouring }: { colouring: Colouring }) {
  const [low, high] = colouring === "rate" ? ["0%", "100%"] : ["−100", "+100 points"];
  return (
    <span class="scale">
      <small>{low}</small><span class={`ramp ${colouring}`} /><small>{high}</small>
      <span class="sample" /><small>no result</small>
    </span>
  );
}
