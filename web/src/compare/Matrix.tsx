// The cells: a grid that is pointed at with the mouse or the arrow keys, and opened with a click or Enter.
import { useRef } from "preact/hooks";

import { Swatch } from "../charts";
import type { Arm, Problem } from "./data";

export type Colouring = "rate" | "difference";

interface Props {
  arms: readonly Arm[];
  problems: readonly Problem[];
  /** The arm that colours are differences from; null where they are rates. */
  base: number | null;
  opened: Problem | null;
  point: (problem: Problem) => void;
  open: (problem: Problem | null) => void;
}

const FEW = 24; // so few problems have room for figures
const STRONG = 0.55; // colours that figures stand out on in the colour of the ground

export function Matrix({ arms, problems, base, opened, point, open }: Props) {
  const box = useRef<HTMLTableElement>(null);
  const hit = (event: Event) => problems[column(event.target as HTMLElement)];
  const pointAt = (event: Event) => {
    const problem = hit(event);
    if (problem) point(problem);
  };
  const press = (event: Event) => {
    const problem = hit(event);
    if (problem) open(problem === opened ? null : problem);
  };
  const keys = (event: KeyboardEvent) => {
    if (event.key === "Enter" || event.key === " ") press(event);
    else if (event.key === "Escape") open(null);
    else if (!moved(event, box.current!)) return;
    event.preventDefault();
  };
  return (
    <div class="scroll matrix-box">
      <table ref={box} class={`matrix ${problems.length <= FEW ? "few" : ""}`} role="grid" aria-label="Arms by problems; arrow keys move, Enter opens"
        style={{ "--columns": problems.length }} onMouseOver={pointAt} onFocusIn={pointAt} onClick={press} onKeyDown={keys}>
        <thead aria-hidden="true"><tr><th /><Marks problems={problems} opened={opened} /></tr></thead>
        <tbody>
          {arms.map((arm, row) => (
            <tr key={arm.name}>
              <th scope="row" title={arm.name}><span><Swatch index={row} filled /> <bdi>{arm.name}</bdi></span></th>
              {problems.map((problem, index) => (
                <Cell key={problem.id} arm={arm} problem={problem} rate={problem.rates[row] ?? null} row={row} column={index}
                  from={base === null ? null : (problem.rates[base] ?? null)} differing={base !== null} figures={problems.length <= FEW} />
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Marks({ problems, opened }: Pick<Props, "problems" | "opened">) {
  return <>{problems.map((problem) => <td key={problem.id} class="mark">{problem === opened ? "▾" : ""}</td>)}</>;
}

interface CellProps {
  arm: Arm;
  problem: Problem;
  rate: number | null;
  from: number | null;
  differing: boolean;
  row: number;
  column: number;
  figures: boolean;
}

function Cell({ arm, problem, rate, from, differing, row, column: place, figures }: CellProps) {
  const value = differing ? (rate === null || from === null ? null : rate - from) : rate;
  const look = value === null ? "missing" : `${value < 0 ? "less" : ""} ${Math.abs(value) > STRONG ? "strong" : ""}`;
  const told = value === null ? "no result" : `${Math.round(100 * value)}${differing ? " points" : "%"}`;
  return (
    <td role="gridcell" class={`cell ${look}`} tabIndex={row === 0 && place === 0 ? 0 : -1} data-row={row} data-column={place}
      aria-label={`${arm.name}, ${problem.id}: ${told}`} style={{ "--share": `${Math.round(100 * Math.abs(value ?? 0))}%` }}>
      {figures && value !== null ? Math.round(100 * value) : null}
    </td>
  );
}

function column(element: HTMLElement): number {
  return Number(element.closest<HTMLElement>("[data-column]")?.dataset.column ?? NaN);
}

const MOVES: Record<string, [rows: number, columns: number]> = {
  ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0], Home: [0, -Infinity], End: [0, Infinity],
};

/** Moves the focus by an arrow key, and says whether the key was one. */
function moved(event: KeyboardEvent, box: HTMLElement): boolean {
  const move = MOVES[event.key];
  const cell = (event.target as HTMLElement).closest<HTMLElement>("[data-column]");
  if (!move || !cell) return false;
  const cells = [...cell.parentElement!.querySelectorAll<HTMLElement>("[data-column]")];
  const place = Math.min(Math.max(column(cell) + move[1], 0), cells.length - 1);
  const row = Number(cell.dataset.row) + move[0];
  const next = box.querySelector<HTMLElement>(`[data-row="${row}"][data-column="${place}"]`);
  if (!next) return true;
  cell.tabIndex = -1;
  next.tabIndex = 0;
  next.focus();
  return true;
}
