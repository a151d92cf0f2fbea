// Names of series with their looks; a press switches one off and on.
import { useState } from "preact/hooks";

import { look } from "./style";

/** Names of series that are switched off, and how to switch one. */
export function useHidden(): [ReadonlySet<string>, (name: string) => void] {
  const [hidden, setHidden] = useState<ReadonlySet<string>>(new Set());
  const toggle = (name: string) =>
    setHidden((before) => new Set(before.has(name) ? [...before].filter((other) => other !== name) : [...before, name]));
  return [hidden, toggle];
}

interface LegendProps {
  series: readonly { name: string; look: number }[];
  hidden: ReadonlySet<string>;
  onToggle: (name: string) => void;
  /** Bars rather than lines. */
  filled?: boolean;
}

export function Legend({ series, hidden, onToggle, filled }: LegendProps) {
  return (
    <div class="legend">
      {series.map((one) => (
        <button type="button" key={one.name} aria-pressed={!hidden.has(one.name)} onClick={() => onToggle(one.name)}>
          <Swatch index={one.look} filled={filled} />
          <bdi>{one.name}</bdi>
        </button>
      ))}
    </div>
  );
}

const MARKERS = { circle: "M17 6a3 3 0 1 1-6 0a3 3 0 1 1 6 0z", rect: "M11 3h6v6h-6z", triangle: "M14 2.5l3.5 6.5h-7z", diamond: "M14 2l4 4l-4 4l-4-4z" };

/** A line with its dash and marker, or a filled box. */
export function Swatch({ index, filled }: { index: number; filled?: boolean }) {
  const { colour, dash, marker } = look(index);
  const paint = `var(--series-${colour})`;
  if (filled) return <svg width="12" height="12" aria-hidden="true"><rect width="12" height="12" rx="2" style={{ fill: paint }} /></svg>;
  return (
    <svg width="28" height="12" aria-hidden="true">
      <path d="M0 6h28" style={{ stroke: paint }} stroke-width="2" stroke-dasharray={dash === "solid" ? undefined : dash.join(" ")} />
      <path d={MARKERS[marker]} style={{ fill: paint }} />
    </svg>
  );
}
