// Asking the server again and again, without another answer while nothing has changed.
import { useEffect, useState } from "preact/hooks";

const EVERY = 3000;

export interface Polled<Data> {
  data: Data | null;
  /** What is wrong with what was asked for, in the server's words. */
  fault: string | null;
  /** Since when the server has not answered; null while it does. */
  silent: Date | null;
}

/** Asks at `path` every few seconds, and at once when the page is looked at again; a page in the background asks nothing. */
export function usePolled<Data extends object>(path: string): Polled<Data> {
  const [polled, set] = useState<Polled<Data>>({ data: null, fault: null, silent: null });
  useEffect(() => {
    set({ data: null, fault: null, silent: null });
    return polling<Data>(path, (change) => set((before) => changed(before, change)));
  }, [path]);
  return polled;
}

/** The same object where nothing is new, so that nothing is drawn again; silence counts from its beginning. */
function changed<Data>(before: Polled<Data>, change: Partial<Polled<Data>>): Polled<Data> {
  const next = { ...before, ...change };
  if (next.silent && before.silent) next.silent = before.silent;
  return next.data === before.data && next.fault === before.fault && next.silent === before.silent ? before : next;
}

function polling<Data extends object>(path: string, tell: (change: Partial<Polled<Data>>) => void): () => void {
  const stop = new AbortController();
  const { signal } = stop;
  let timer = 0;
  let tag = "";
  let asking = false;
  const ask = async () => {
    if (asking || signal.aborted || document.hidden) return;
    asking = true;
    clearTimeout(timer);
    try {
      const answer = await fetch(path, { signal, cache: "no-store", headers: tag ? { "If-None-Match": tag } : {} });
      if (answer.status !== 304) {
        const found = (await answer.json()) as Data | { fault: string };
        tag = answer.headers.get("ETag") ?? "";
        if ("fault" in found) tell({ fault: found.fault });
        else tell({ data: found, fault: null });
      }
      tell({ silent: null });
    } catch {
      if (!signal.aborted) tell({ silent: new Date() });
    }
    asking = false;
    if (!signal.aborted) timer = setTimeout(ask, EVERY);
  };
  const look = () => void ask();
  document.addEventListener("visibilitychange", look, { signal });
  addEventListener("focus", look, { signal });
  look();
  return () => {
    stop.abort();
    clearTimeout(timer);
  };
}
