// The clock of the playback.
import { useEffect, useState } from "preact/hooks";

import { pace, type Playback } from "./Player";

export interface Clock extends Playback {
  go: (at: number) => void;
  play: (playing: boolean) => void;
  faster: (speed: number) => void;
}

/** Begins at the end: the finished tree. Playing from there begins anew. */
export function usePlayback(last: number): Clock {
  const [at, set] = useState(last);
  const [playing, run] = useState(false);
  const [speed, faster] = useState(1);
  useEffect(() => {
    if (!playing) return;
    const { by, every } = pace(last, speed);
    const timer = setInterval(() => set((before) => Math.min(before + by, last)), every);
    return () => clearInterval(timer);
  }, [playing, speed, last]);
  useEffect(() => {
    if (at >= last) run(false);
  }, [at, last]);
  const go = (to: number) => {
    run(false);
    set(Math.min(Math.max(to, 0), last));
  };
  const play = (wanted: boolean) => {
    if (wanted && at >= last) set(0);
    run(wanted && last > 0);
  };
  return { at, playing, speed, go, play, faster };
}
