// `dsk watch`: the list of runs, one run as it goes on, or several laid over each other.
import "../report/report.css";
import "./watch.css";

import { useShown } from "./address";
import { LiveRun } from "./LiveRun";
import { Overlay } from "./Overlay";
import { Runs } from "./Runs";

export function Watch() {
  const shown = useShown();
  if (shown.kind === "run") return <LiveRun key={shown.run} run={shown.run} />;
  return shown.kind === "over" ? <Overlay runs={shown.runs} /> : <Runs />;
}
