// The keys of the viewer.
import type { Clock } from "./playback";

export interface Actions {
  playback: Clock;
  last: number;
  walk: (way: "parent" | "child" | "next" | "previous") => void;
  solution: () => void;
  confidentWrong: () => void;
  nextHit: (step: number) => void;
  search: () => void;
  cycleColour: (step: number) => void;
  fit: () => void;
  closer: (factor: number) => void;
  other: () => void;
  help: () => void;
  close: () => void;
}

export const KEYS: [string, string][] = [
  ["\u2190 \u2192", "the step above, a step below"],
  ["\u2191 \u2193", "the sibling before, after"],
  ["space", "play, pause"],
  [", .", "one expansion back, on"],
  ["Home End", "to the beginning, to the end"],
  ["s", "the next solution"],
  ["w", "the next wrong end, the most confident first"],
  ["/", "search in the steps"],
  ["n N", "the next hit, the one before"],
  ["c C", "another colouring"],
  ["f", "show the whole tree"],
  ["+ \u2212", "closer, further"],
  ["o", "the other tree"],
  ["?", "these keys"],
];

const TYPED = new Set(["INPUT", "SELECT", "TEXTAREA"]);

/** Do what a key says, if it says anything here. */
export function keyAction(event: KeyboardEvent, actions: Actions): void {
  const target = event.target as HTMLElement;
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "Escape") return actions.close();
  if (TYPED.has(target.tagName)) return;
  if (target.tagName === "BUTTON" && (event.key === " " || event.key === "Enter")) return;
  const act = meaning(event.key, actions);
  if (!act) return;
  event.preventDefault();
  act();
}

function meaning(key: string, a: Actions): (() => void) | undefined {
  const { playback } = a;
  const all: Record<string, () => void> = {
    ArrowLeft: () => a.walk("parent"), ArrowRight: () => a.walk("child"), ArrowUp: () => a.walk("previous"), ArrowDown: () => a.walk("next"),
    " ": () => playback.play(!playback.playing), ",": () => playback.go(playback.at - 1), ".": () => playback.go(playback.at + 1),
    Home: () => playback.go(0), End: () => playback.go(a.last), s: a.solution, w: a.confidentWrong, "/": a.search,
    n: () => a.nextHit(1), N: () => a.nextHit(-1), c: () => a.cycleColour(1), C: () => a.cycleColour(-1), f: a.fit,
    "+": () => a.closer(1.5), "=": () => a.closer(1.5), "-": () => a.closer(1 / 1.5), o: a.other, "?": a.help,
  };
  return Object.hasOwn(all, key) ? all[key] : undefined;
}
