// What the page shows stands in its address, so that it can be kept and gone back from: the list, a run, or several.
import { useEffect, useState } from "preact/hooks";

export type Shown = { kind: "list" } | { kind: "run"; run: string } | { kind: "over"; runs: string[] };

export function useShown(): Shown {
  const [hash, setHash] = useState(location.hash);
  useEffect(() => {
    const change = () => {
      setHash(location.hash);
      scrollTo(0, 0);
    };
    addEventListener("hashchange", change);
    return () => removeEventListener("hashchange", change);
  }, []);
  const asked = new URLSearchParams(hash.slice(1));
  const over = asked.getAll("over");
  const run = asked.get("run");
  if (over.length) return { kind: "over", runs: over };
  return run === null ? { kind: "list" } : { kind: "run", run };
}

export function runAddress(run: string): string {
  return `#${new URLSearchParams({ run })}`;
}

export function overAddress(runs: readonly string[]): string {
  return `#${new URLSearchParams(runs.map((run) => ["over", run]))}`;
}
