// The selected step: its figures, its text, and the path that leads to it.
import { useState } from "preact/hooks";

import { selectorScore } from "./colours";
import type { TreeModel } from "./model";
import { counted, oneLine, pieces, plain, signed } from "./text";

const FOLDED = 600;
const UNFOLDED = 20000;

interface Props {
  model: TreeModel;
  node: number;
  at: number;
  query: string;
  choose: (node: number) => void;
  go: (at: number) => void;
}

export function StepPanel({ model, node, at, query, choose, go }: Props) {
  const path = model.path(node);
  const expanded = model.expandedAt[node]!;
  return (
    <section class="tree-step" aria-label="Selected step">
      <h3>{node ? `Step ${node}` : "The prompt"} <Verdict model={model} node={node} /></h3>
      <Figures model={model} node={node} at={at} />
      {expanded < Infinity && node > 0 && (
        <p class="quiet">
          Expanded as number {expanded + 1}. {expanded !== at && <button type="button" class="link" onClick={() => go(expanded)}>Show the choice</button>}
        </p>
      )}
      <h4>{node ? "Its text" : "Its text, and what was given"}</h4>
      <Text key={`own ${node}`} text={textOf(model, node)} query={query} />
      {path.length > 1 && (
        <>
          <h4>The path to it</h4>
          <ol class="path">
            {path.map((step) => (
              <li key={step} class={step === node ? "here" : ""}>
                <button type="button" class="link id" onClick={() => choose(step)}>{step || "prompt"}</button>
                <Text text={textOf(model, step)} query={query} folded={240} />
              </li>
            ))}
          </ol>
        </>
      )}
    </section>
  );
}

function textOf(model: TreeModel, node: number): string {
  const { nodes, problem } = model.data;
  return node ? nodes.text[node]! : problem.prompt + nodes.text[0]!;
}

export function Verdict({ model, node }: { model: TreeModel; node: number }) {
  const end = model.end[node];
  if (end) {
    const answer = end.answer === null ? "no answer" : oneLine(end.answer, 40);
    return <span class={end.correct ? "right" : "wrong"}>{end.correct ? "\u2713 right" : "\u2717 wrong"}: <bdi>{answer}</bdi></span>;
  }
  return model.data.nodes.terminal[node] ? <span class="quiet">ends here</span> : null;
}

function Figures({ model, node, at }: { model: TreeModel; node: number; at: number }) {
  const now = model.momentAt(at);
  const { nodes, trained } = model.data;
  const end = model.end[node];
  const select = selectorScore(model, now, node);
  const taken = trained?.trajectories[node] ?? 0;
  const rows: [string, string, string][] = [
    ["mean value Q", signed(model.mean(now, node)), "backed-up rewards over visits, at this moment"],
    ["visits N", now.visits[node]!.toLocaleString("en"), "how many backups went through, at this moment"],
  ];
  if (node) rows.push(["entropy H", nodes.entropy[node]!.toFixed(3), "mean of \u2212log p over the step's tokens"]);
  if (select !== null) rows.push(["selector score", signed(select), "when chosen, or now where it is open"]);
  if (nodes.score[node] !== null) rows.push(["scorer", nodes.score[node]!.toFixed(3), "what the scorer said of the step"]);
  if (end) rows.push(["reward", signed(end.reward), "of the whole response"]);
  if (end) rows.push(["response entropy", end.entropy.toFixed(3), "mean of \u2212log p over the whole response"]);
  if (end) rows.push(["backed up", end.recorded ? "yes" : "no", "whether its reward changed the values on its path"]);
  const probes = model.probes.filter((probe) => probe.node === node);
  if (probes.length) rows.push(["probes", `${probes.filter((probe) => probe.correct).length} of ${probes.length} right`, "responses sampled from here to learn its value"]);
  if (trained) {
    const says = taken ? `mean of ${counted(taken, "trained response")} through the step` : "no trained response goes through it";
    rows.push(["trained advantage", taken ? signed(trained.advantage[node]) : "none", says]);
  }
  rows.push(["tokens", nodes.tokens[node]!.toLocaleString("en"), "of the step itself"], ["depth", String(model.depth[node]), "steps from the prompt"]);
  return (
    <>
      <dl class="figures">{rows.map(([name, figure, says]) => <div key={name} title={says}><dt>{name}</dt><dd>{figure}</dd></div>)}</dl>
      {trained?.note && taken > 0 && <p class="quiet">Of the advantage, {trained.note}.</p>}
    </>
  );
}

/** A text of a model or a data set: folded where it is long, hits of the search marked. */
export function Text({ text, query, folded = FOLDED }: { text: string; query: string; folded?: number }) {
  const [open, unfold] = useState(false);
  const cut = text.length > folded && !open;
  const shown = cut ? around(text, query, folded) : text.slice(0, UNFOLDED);
  const left = text.length - shown.length;
  return (
    <>
      <pre dir="ltr">{pieces(plain(shown), query).map((piece, place) => (piece.hit ? <mark key={place}>{piece.text}</mark> : piece.text))}{cut && "\u2026"}</pre>
      {cut && <button type="button" class="more" onClick={() => unfold(true)}>Show {counted(Math.min(left, UNFOLDED), "more character")}</button>}
      {!cut && left > 0 && <p class="quiet">and {counted(left, "more character")}</p>}
    </>
  );
}

/** The beginning of a long text, or where the search finds something. */
function around(text: string, query: string, most: number): string {
  const found = query.trim() ? text.toLowerCase().indexOf(query.trim().toLowerCase()) : -1;
  return found > most ? text.slice(found - most / 4, found + (3 * most) / 4) : text.slice(0, most);
}
