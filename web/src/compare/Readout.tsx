// The problem that is pointed at: what it asks and how each arm does on it.
import { Swatch } from "../charts";
import type { Arm, Problem } from "./data";

const GLANCE = 280;

export function Readout({ arms, problem, untold }: { arms: readonly Arm[]; problem: Problem | null; untold: string }) {
  if (!problem) {
    return <div class="readout quiet"><p>Point at a problem to read it, press it to open it; with the keyboard: arrows and Enter.{untold && <> Problems' texts are not shown: <bdi>{untold}</bdi></>}</p></div>;
  }
  const { prompt } = problem;
  return (
    <div class="readout">
      <p><strong><bdi>{problem.id}</bdi></strong> <bdi class="quiet asked-text">{prompt.length > GLANCE ? `${prompt.slice(0, GLANCE)}…` : prompt}</bdi></p>
      <ul>{arms.map((arm, index) => <li key={arm.name}><Swatch index={index} filled /> <bdi>{arm.name}</bdi> <strong>{percent(problem.rates[index] ?? null)}</strong></li>)}</ul>
    </div>
  );
}

export function percent(rate: number | null): string {
  return rate === null ? "–" : `${Math.round(100 * rate)}%`;
}
