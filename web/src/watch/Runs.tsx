// The list of runs: what each is doing, how far it is, its last figures; ticked ones are laid over each other.
import { useEffect, useMemo, useState } from "preact/hooks";

import { formatter } from "../charts";
import { overAddress, runAddress } from "./address";
import { Bar } from "./Bar";
import type { List, Row } from "./data";
import { usePolled } from "./poll";

const MOST = 12; // as MOST_LAID_OVER in dsk/watch/watched.py
const number = formatter();
const duration = formatter("seconds");

export function Runs() {
  const { data, fault, silent } = usePolled<List>("/api/runs");
  const [query, setQuery] = useState("");
  const [ticked, tick] = useState<ReadonlySet<string>>(new Set());
  const rows = useMemo(() => [...(data?.runs ?? [])].sort(byInterest), [data]);
  const shown = rows.filter((row) => row.name.toLowerCase().includes(query.toLowerCase()));
  const chosen = rows.filter((row) => ticked.has(row.run)).map((row) => row.run);
  const running = rows.filter((row) => row.status === "running").length;
  useEffect(() => {
    document.title = data ? `${running} of ${rows.length} runs going on` : "dsk watch";
  }, [running, rows.length, data !== null]);
  const toggle = (run: string) => tick((before) => new Set(before.has(run) ? [...before].filter((other) => other !== run) : [...before, run]));
  return (
    <div class="watch">
      <Bar silent={silent} fault={fault} waiting={!data && !fault}><strong>dsk watch</strong></Bar>
      <main class="report">
        {data && <h1>Runs in <bdi>{data.folder}</bdi> <span class="quiet watch-count">{rows.length ? `${running} of ${rows.length} going on` : ""}</span></h1>}
        {data && !rows.length && <p>There are no runs in this folder yet. They appear here as they begin.</p>}
        {rows.length > 0 && (
          <div class="controls">
            <label class="control"><span>Name has</span><input type="search" aria-label="Name has" value={query} onInput={(event) => setQuery(event.currentTarget.value)} /></label>
            {chosen.length > 0 && chosen.length <= MOST
              ? <a class="watch-over" href={overAddress(chosen)}>Lay {chosen.length} over each other</a>
              : <span class="quiet fine">{chosen.length ? `At most ${MOST} can be laid over each other.` : "Tick runs to lay them over each other."}</span>}
          </div>
        )}
        {shown.length > 0 && <Table rows={shown} ticked={ticked} toggle={toggle} />}
        {rows.length > 0 && !shown.length && <p>No run's name has that.</p>}
        {data?.more && <p class="quiet fine">There are more folders than are looked into: watch one further down.</p>}
      </main>
    </div>
  );
}

function Table({ rows, ticked, toggle }: { rows: Row[]; ticked: ReadonlySet<string>; toggle: (run: string) => void }) {
  return (
    <table class="figures watch-runs">
      <thead>
        <tr>
          <th><span class="unseen">chosen</span></th><th>run</th><th>status</th><th>progress</th><th class="number">held-out pass@1</th><th class="number">reward</th>
          <th class="number">entropy</th><th class="number">model tokens</th><th class="number">time</th><th class="number">last record</th>
        </tr>
      </thead>
      <tbody>{rows.map((row) => (row.fault ? <Broken key={row.run} row={row} /> : <Whole key={row.run} row={row} ticked={ticked.has(row.run)} toggle={() => toggle(row.run)} />))}</tbody>
    </table>
  );
}

function Broken({ row }: { row: Row }) {
  return (
    <tr class="broken">
      <td />
      <td class="watch-name"><bdi>{row.name}</bdi></td>
      <td colSpan={8} class="watch-why"><bdi>{row.fault}</bdi></td>
    </tr>
  );
}

function Whole({ row, ticked, toggle }: { row: Row; ticked: boolean; toggle: () => void }) {
  const last = row.written ? new Date(1000 * row.written) : null;
  return (
    <tr>
      <td><input type="checkbox" aria-label={`Choose ${row.name}`} checked={ticked} onChange={toggle} /></td>
      <td class="watch-name"><a href={runAddress(row.run)}><bdi>{row.name}</bdi></a> <span class="quiet">{row.task}, seed {row.seed}</span></td>
      <td><span class={`status ${row.status}`}>{row.status}</span>{row.reason && row.status !== "running" && <span class="quiet watch-reason" title={row.reason}><bdi>{row.reason}</bdi></span>}</td>
      <td><Progress row={row} /></td>
      <td class="number" data-name="pass@1">{row.pass_at_1 == null ? "–" : `${bare(row.pass_at_1)}%`}{row.low != null && <span class="quiet"> [{bare(row.low)}, {bare(row.high!)}]</span>}</td>
      <td class="number" data-name="reward">{number(row.group_reward)}</td>
      <td class="number" data-name="entropy">{number(row.trajectory_entropy)}</td>
      <td class="number" data-name="tokens">{number(row.model_tokens)}</td>
      <td class="number" data-name="time">{duration(row.seconds)}</td>
      <td class="number" data-name="last"><time dateTime={last?.toISOString()} title={last?.toLocaleString()}>{last ? said(last) : "–"}</time></td>
    </tr>
  );
}

function Progress({ row }: { row: Row }) {
  const step = row.step ?? 0;
  const most = row.steps ?? 0;
  return (
    <>
      {most > 0 && <progress max={most} value={row.status === "finished" ? most : step} aria-label={`${step} of at most ${most} steps`} />}
      <span class="watch-progress">step {step}{most > 0 && ` of ${most}`}{(row.rounds ?? 0) > 1 && <span class="quiet">, round {Math.min((row.round ?? 0) + 1, row.rounds!)} of {row.rounds}</span>}</span>
    </>
  );
}

/** What goes on first, then what was written last. */
function byInterest(one: Row, other: Row): number {
  const going = (row: Row) => (row.status === "running" ? 1 : 0);
  return going(other) - going(one) || (other.written ?? 0) - (one.written ?? 0) || one.name.localeCompare(other.name);
}

function bare(share: number): string {
  return (100 * share).toFixed(1);
}

function said(when: Date): string {
  const today = when.toDateString() === new Date().toDateString();
  return today ? when.toLocaleTimeString() : when.toLocaleDateString();
}
