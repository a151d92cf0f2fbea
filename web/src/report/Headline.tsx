// What the run was and whether it learnt, in figures to be read from across the room.
import { formatter } from "../charts";
import type { Evaluated, Report } from "./data";

const percent = (value: number) => `${(100 * value).toFixed(1)}%`;
const bare = (value: number) => (100 * value).toFixed(1);

export function Headline({ data }: { data: Report }) {
  return (
    <header>
      <h1><bdi>{data.name}</bdi> <span class={`status ${data.status}`}>{data.status}</span></h1>
      <p class="quiet meta">
        <bdi>{data.folder}</bdi> · seed {data.seed} · <bdi>{data.model}</bdi>
        {data.reason && <> · <bdi>{data.reason}</bdi></>}
      </p>
      {data.first ? <Figures first={data.first} last={data.last} data={data} /> : <p class="headline">Not evaluated yet.</p>}
    </header>
  );
}

function Figures({ first, last, data }: { first: Evaluated; last: Evaluated | null; data: Report }) {
  return (
    <>
      <p class="headline">
        <span class="headline-name">Held-out pass@1 on {data.hard_only ? "hard problems" : "all problems"}</span>
        <span class="headline-figures">
          <Rate of={first} />
          {last && <><span class="arrow" aria-label="to">→</span><Rate of={last} /></>}
        </span>
      </p>
      {isGraded(first) && (
        <p>Mean score of its responses: {percent(first.mean_score!)}{last && isGraded(last) && ` → ${percent(last.mean_score!)}`}</p>
      )}
      <p class="quiet fine">
        {first.problems} problems × {first.samples} samples at temperature {data.temperature}; in brackets the 95% interval over problems. It
        does not tell how much another seed would differ: <code>dsk compare</code> with several seeds does.
      </p>
    </>
  );
}

function isGraded(of: Evaluated): boolean {
  return typeof of.mean_score === "number";
}

function Rate({ of }: { of: Evaluated }) {
  return (
    <span class="rate">
      <strong>{percent(of.pass_at_1)}</strong> <span class="quiet">[{bare(of.low)}, {bare(of.high)}]</span>
    </span>
  );
}

const TOTALS: [name: string, label: string][] = [
  ["step", "steps"], ["updates", "updates"], ["model_tokens", "model tokens"], ["sampled_tokens", "tokens sampled"], ["trained_tokens", "tokens trained"],
];

export function Totals({ data }: { data: Report }) {
  const { totals } = data.spent;
  const whole = new Intl.NumberFormat("en");
  if (!totals.step) return null;
  return (
    <dl class="totals">
      {TOTALS.map(([name, label]) => <div key={name}><dt>{label}</dt><dd>{whole.format(totals[name] ?? 0)}</dd></div>)}
      <div><dt>peak memory</dt><dd>{formatter("bytes")(totals.peak_memory_bytes)}</dd></div>
    </dl>
  );
}
