// The top of every watched page: the way back, and whether what is shown is still alive.
import type { ComponentChildren } from "preact";

interface Props {
  /** Whether there is a list to go back to from here. */
  back?: boolean;
  silent: Date | null;
  fault?: string | null;
  /** While the first answer is awaited. */
  waiting?: boolean;
  children?: ComponentChildren;
}

export function Bar({ back, silent, fault, waiting, children }: Props) {
  return (
    <>
      <nav class="watch-bar">
        {back && <a href="#">← all runs</a>}
        {children}
        <span class={`watch-pulse${silent ? " silent" : ""}`} role="status">{silent ? "no answer" : waiting ? "asking…" : "live"}</span>
      </nav>
      {silent && (
        <p class="watch-fault">
          The server has not answered since {silent.toLocaleTimeString()}; what is shown is from before. <code>dsk watch</code> starts it again.
        </p>
      )}
      {fault && <p class="watch-fault"><bdi>{fault}</bdi></p>}
    </>
  );
}
