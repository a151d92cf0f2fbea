// Every problem's history: its pass rate at each measurement, and where its solutions came from.
import { useMemo, useState } from "preact/hooks";

import type { Problem, Problems as Split, Report, Standing } from "./data";

const STANDINGS: [standing: Standing, name: string, meaning: string][] = [
  ["never", "Never solved", "not once, in no measurement and no step"],
  ["new", "Newly solved", "unsolved at first, solved at last or in training"],
  ["forgotten", "Forgotten", "solved at first, unsolved at last"],
  ["known", "Solved throughout", "solved at first and at last"],
];
const FEW = 20;

export function Problems({ data }: { data: Report }) {
  const splits = [["Training", data.trained_problems], ["Held out", data.held_out_problems]] as const;
  const filled = splits.filter(([, split]) => split.of > 0);
  const [chosen, choose] = useState(0);
  if (!filled.length) return null;
  const [, split] = filled[Math.min(chosen, filled.length - 1)]!;
  return (
    <section id="problems">
      <h2>Problems</h2>
      <div class="tabs" role="group" aria-label="Split">
        {filled.map(([name, { of }], index) => (
          <button type="button" key={name} aria-pressed={index === chosen} onClick={() => choose(index)}>{name} <span class="quiet">{of}</span></button>
        ))}
      </div>
      <History key={chosen} split={split} />
    </section>
  );
}

function History({ split }: { split: Split }) {
  const [standing, setStanding] = useState<Standing | null>(null);
  const [all, setAll] = useState(false);
  const rows = useMemo(() => split.rows.filter((row) => !standing || row.standing === standing), [split, standing]);
  const of = standing ? split.counts[standing] : split.of;
  const shown = all ? rows : rows.slice(0, FEW);
  return (
    <>
      <div class="tabs small" role="group" aria-label="Which problems">
        <button type="button" aria-pressed={standing === null} onClick={() => setStanding(null)}>Hardest first <span class="quiet">{split.of}</span></button>
        {STANDINGS.map(([key, name, meaning]) => (
          <button type="button" key={key} title={meaning} disabled={!split.counts[key]} aria-pressed={standing === key} onClick={() => setStanding(key)}>
            {name} <span class="quiet">{split.counts[key]}</span>
          </button>
        ))}
      </div>
      <Table when={split.when} rows={shown} trained={split.rows.some((row) => row.trained > 0)} />
      <p class="quiet fine">
        {rows.length > shown.length && <button type="button" class="more" onClick={() => setAll(true)}>Show all {rows.length}</button>}
        {of > rows.length && ` The page lists ${rows.length} of ${of}, the hardest of each kind.`}
        {" "}Shares of correct samples{split.rows.some((row) => row.trained > 0) && "; solved by: steps with a correct response, by where it came from"}.
      </p>
    </>
  );
}

function Table({ when, rows, trained }: { when: string[]; rows: Problem[]; trained: boolean }) {
  return (
    <div class="scroll">
      <table class="figures problems">
        <thead>
          <tr>
            <th>problem</th>
            {when.map((name) => <th key={name} class="number">{name}</th>)}
            {trained && <><th>solved by</th><th class="number">first at step</th></>}
          </tr>
        </thead>
        <tbody>{rows.map((row) => <Row key={row.id} row={row} trained={trained} />)}</tbody>
      </table>
    </div>
  );
}

function Row({ row, trained }: { row: Problem; trained: boolean }) {
  return (
    <tr>
      <td class="asked">
        {row.prompt ? <details><summary><bdi>{row.id}</bdi> <span class="quiet glance"><bdi>{row.prompt}</bdi></span></summary><pre>{row.prompt}</pre></details> : <bdi>{row.id}</bdi>}
      </td>
      {row.rates.map((rate, index) => <Rate key={index} rate={rate} />)}
      {trained && (
        <>
          <td class="origins">{solvedBy(row)}</td>
          <td class="number">{row.first_solved ?? "–"}</td>
        </>
      )}
    </tr>
  );
}

function Rate({ rate }: { rate: number | null }) {
  if (rate === null) return <td class="number quiet">–</td>;
  return <td class="number rate-cell" style={{ "--share": `${Math.round(45 * rate)}%` }}>{Math.round(100 * rate)}%</td>;
}

function solvedBy(row: Problem): string {
  if (!row.trained) return "not trained";
  const origins = Object.entries(row.solved_by).map(([origin, steps]) => `${origin} ${steps}`);
  return `${origins.join(", ") || "none"} of ${row.trained}`;
}
