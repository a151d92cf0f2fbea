// The keys, and what the marks mean.
import { useEffect, useRef } from "preact/hooks";

import { KEYS } from "./keys";

export function Help({ close, several }: { close: () => void; several: boolean }) {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => dialog.current?.showModal(), []);
  return (
    <dialog class="tree-help" ref={dialog} onClose={close} onClick={(event) => event.target === dialog.current && close()}>
      <h2>Keys</h2>
      <dl>
        {KEYS.filter(([key]) => several || key !== "o").map(([key, says]) => (
          <div key={key}><dt>{key.split(" ").map((each) => <kbd key={each}>{each}</kbd>)}</dt><dd>{says}</dd></div>
        ))}
      </dl>
      <h2>Marks</h2>
      <ul>
        <li>A circle is a step, as large as its visits; a square is the end of a response: a tick if right, a cross if wrong.</li>
        <li>A dashed ring: could be expanded next. A halo: is expanded next. What is yet to come is faint.</li>
        <li>Drag to move, turn the wheel or pinch to come closer, click a step to read it.</li>
      </ul>
      <form method="dialog"><button type="submit">Close</button></form>
    </dialog>
  );
}
