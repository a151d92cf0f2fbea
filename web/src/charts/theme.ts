// The page's colours, read from its style sheet, so that charts follow light, dark and print.

export interface Theme {
  ground: string;
  raised: string;
  text: string;
  quiet: string;
  line: string;
  /** Colours of series, in order: Okabe and Ito (2008), each of which stands out on this ground. */
  series: string[];
}

const NAMES = ["ground", "raised", "text", "quiet", "line"] as const;
export const SERIES = 7;

/** Resolves `light-dark()` as the browser would here and now. */
export function readTheme(): Theme {
  const probe = document.body.appendChild(document.createElement("i"));
  const read = (name: string) => {
    probe.style.color = `var(--${name})`;
    return getComputedStyle(probe).color;
  };
  const plain = Object.fromEntries(NAMES.map((name) => [name, read(name)])) as Record<(typeof NAMES)[number], string>;
  const series = Array.from({ length: SERIES }, (_, index) => read(`series-${index}`));
  probe.remove();
  return { ...plain, series };
}

/** Calls back whenever the colours may have changed; returns how to stop. */
export function watchTheme(changed: () => void): () => void {
  const queries = ["(prefers-color-scheme: dark)", "print"].map((query) => matchMedia(query));
  for (const query of queries) query.addEventListener("change", changed);
  return () => queries.forEach((query) => query.removeEventListener("change", changed));
}
