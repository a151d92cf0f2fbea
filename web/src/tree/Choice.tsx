// Why a node was expanded: the candidates, their scores under the selector, and the terms those are made of.
import { useMemo, useState } from "preact/hooks";

import { sum } from "./colours";
import type { Choice, Formula, Row } from "./data";
import type { TreeModel } from "./model";
import { counted, oneLine, signed } from "./text";

const SHOWN = 12;
const MOST = 500;
const LEVEL = 1e-9;

interface Props {
  model: TreeModel;
  number: number;
  choose: (node: number) => void;
}

export function ChoiceCard({ model, number, choose }: Props) {
  const choice = model.data.choices[number]!;
  const formula = model.data.rules?.how[choice.how ?? "root"];
  const levels = useMemo(() => (formula ? model.candidates(choice, number) : []), [model, number]);
  const winners = winnersOf(model, choice, levels);
  return (
    <section class="tree-choice" aria-label="Why this step was expanded">
      <h3>Expansion {number + 1} of {model.expansions}</h3>
      <p class="why">
        <button type="button" class="link" onClick={() => choose(choice.node)}>{choice.node ? `Step ${choice.node}` : "The prompt"}</button> {reason(choice, formula, levels.at(-1))}
      </p>
      {formula && (
        <p class="formula"><b>{formula.name}</b> <code>{formula.formula}</code></p>
      )}
      {levels.map((rows, level) => (
        <Candidates key={level} model={model} rows={rows} terms={formula!.terms} winner={winners[level]!} choose={choose} title={levels.length > 1 ? `Level ${level + 1}` : ""} />
      ))}
      {!levels.length && choice.how !== "root" && model.data.note && <p class="quiet">{model.data.note}.</p>}
    </section>
  );
}

/** At each level the candidate on the way to the chosen node. */
function winnersOf(model: TreeModel, choice: Choice, levels: Row[][]): number[] {
  const path = new Set(model.path(choice.node));
  return levels.map((rows) => rows.find(([node]) => path.has(node!))?.[0] ?? choice.node);
}

/** In words, with the term that told it from the runner-up. */
function reason(choice: Choice, formula: Formula | undefined, rows: Row[] | undefined): string {
  if (choice.how === "root" || !choice.node) return "is where every search begins.";
  if (!choice.among) return "is where steps were asked for; no selector chose it.";
  const among = counted(choice.among, where(choice), wheres(choice));
  if (!formula || !rows) return `was chosen among ${among}${choice.score === null ? "" : `, with a score of ${signed(choice.score)}`}.`;
  const mine = rows.find(([node]) => node === choice.node);
  const others = rows.filter((row) => row !== mine);
  if (!mine) return `was chosen among ${among}.`;
  if (!others.length) return `was the only ${where(choice)}.`;
  const next = others.reduce((best, row) => (sum(row) > sum(best) ? row : best));
  const lead = sum(mine) - sum(next);
  if (lead <= LEVEL) {
    const level = others.filter((row) => sum(mine) - sum(row) <= LEVEL).length;
    return `has the highest score of ${among}, level with ${counted(level, "other")}: the first in the tree's order is taken.`;
  }
  const gains = formula.terms.map((term, place) => ({ term, gain: mine[place + 1]! - next[place + 1]! }));
  const most = gains.reduce((best, each) => (each.gain > best.gain ? each : best));
  return `has the highest score of ${among}: ${signed(lead)} over the next, by its ${most.term} (${signed(most.gain)}).`;
}

function where(choice: Choice): string {
  return choice.how === "siblings" ? "new step" : choice.how === "descent" ? "branch at its level" : choice.how === "frontier" ? "open step" : "candidate";
}

function wheres(choice: Choice): string {
  return choice.how === "descent" ? "branches at its level" : `${where(choice)}s`;
}

/** The winner, then the others from the highest score down, as many as asked for. */
function best(rows: Row[], winner: number, most: number): Row[] {
  const first = rows.filter((row) => row[0] === winner);
  const others = rows.filter((row) => row[0] !== winner).map((row) => ({ row, score: sum(row) }));
  return [...first, ...others.sort((a, b) => b.score - a.score).slice(0, most - first.length).map(({ row }) => row)];
}

/** The lowest score, and how far it is to the highest; a little below where all are level, so that bars are full. */
function range(scores: number[]): [number, number] {
  const [low, high] = scores.reduce(([least, most], score) => [Math.min(least, score), Math.max(most, score)], [Infinity, -Infinity]);
  return high - low > LEVEL ? [low, high - low] : [low - 1, 1];
}

interface TableProps {
  model: TreeModel;
  rows: Row[];
  terms: string[];
  winner: number;
  title: string;
  choose: (node: number) => void;
}

function Candidates({ model, rows, terms, winner, title, choose }: TableProps) {
  const [all, showAll] = useState(false);
  const shown = useMemo(() => best(rows, winner, all ? Math.min(rows.length, MOST) : SHOWN), [rows, winner, all]);
  const [low, wide] = useMemo(() => range(rows.map(sum)), [rows]);
  return (
    <div class="tree-candidates">
      <table>
        {title && <caption>{title}</caption>}
        <thead>
          <tr><th scope="col">candidate</th>{terms.length > 1 && terms.map((term) => <th key={term} scope="col" class="number">{term}</th>)}<th scope="col" class="number">score</th></tr>
        </thead>
        <tbody>
          {shown.map((row) => (
            <tr key={row[0]} class={row[0] === winner ? "chosen" : ""}>
              <td>
                <button type="button" class="link" onClick={() => choose(row[0]!)}>{row[0] === winner && <span aria-label="chosen">{"\u25b8 "}</span>}<span class="id">{row[0]}</span> <span class="mono">{oneLine(model.data.nodes.text[row[0]!]!.trim(), 40)}</span></button>
              </td>
              {terms.length > 1 && row.slice(1).map((term, place) => <td key={place} class="number">{signed(term)}</td>)}
              <td class="number score">
                {signed(sum(row))}
                <span class="bar" style={{ width: `${(100 * (sum(row) - low)) / wide}%` }} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      {!all && rows.length > shown.length && (
        <button type="button" class="more" onClick={() => showAll(true)}>Show {Math.min(rows.length, MOST) - shown.length} more</button>
      )}
      {all && rows.length > shown.length && <p class="quiet">and {counted(rows.length - shown.length, "more candidate")} with lower scores</p>}
    </div>
  );
}
