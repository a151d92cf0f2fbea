// A run's report while it goes on. Its figures and its texts are asked for apart: the first are quick to make.
import { useEffect, useRef, useState } from "preact/hooks";

import { Report } from "../report/Report";
import { Trees } from "../report/Trees";
import type { KeptTrees } from "../report/data";
import { Bar } from "./Bar";
import type { LiveReport, Texts } from "./data";
import { usePolled } from "./poll";

export function LiveRun({ run }: { run: string }) {
  const asked = new URLSearchParams({ run });
  const report = usePolled<LiveReport>(`/api/run?${asked}`);
  const texts = usePolled<Texts>(`/api/texts?${asked}`);
  const { data } = report;
  useEffect(() => {
    document.title = data ? `${data.name}: ${data.status}` : "dsk watch";
  }, [data?.name, data?.status]);
  const fault = report.fault ?? (data && texts.fault);
  return (
    <div class="watch">
      <Bar back silent={report.silent} fault={fault} waiting={!data && !fault} />
      {data && <Report data={{ ...data, examples: texts.data?.examples ?? [] }} trees={<LiveTrees kept={texts.data?.trees ?? null} />} />}
    </div>
  );
}

/** The newest trees; whoever has begun to look into some keeps them until asking for others. */
function LiveTrees({ kept }: { kept: KeptTrees | null }) {
  const [held, hold] = useState<KeptTrees | null>(null);
  const box = useRef<HTMLDivElement>(null);
  const shown = held ?? kept;
  const looking = () => held === null && hold(kept);
  return (
    <div ref={box} class="live-trees" onPointerDown={looking} onKeyDown={looking}>
      {held && kept && held.step !== kept.step && (
        <p class="watch-newer"><button type="button" onPointerDown={(event) => event.stopPropagation()} onClick={() => hold(null)}>Show the trees of step {kept.step}</button></p>
      )}
      <Trees kept={shown} />
    </div>
  );
}
