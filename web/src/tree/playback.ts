// The clock of the playback.
import { useEffect, useState } from "preact/hooks";

import { pace, type Playback } from "./Player";

export interface Clock extends Playback {
  go: (at: number) => void;
  play: (playing: boolean) => void;
  faster: (speed: number) => void;
}

/** How long the finished tree is shown before a playback that repeats begins anew, in milliseconds. */
const REST = 3000;

/** Whether the page was asked for as `tree.html#play`, by a reader who does not mind motion. */
export function playsByItself(): boolean {
  return location.hash === "#play" && !matchMedia("(prefers-reduced-motion: reduce)").matches;
}

/** Begins at the end: the finished tree. Playing from there begins anew. With `repeats` it plays over and over until it is touched. */
export function usePlayback(last: number, repeats = false): Clock {
  const [at, set] = useState(repeats ? 0 : last);
  const [playing, run] = useState(repeats && last > 0);
  const [repeating, repeat] = useState(repeats && last > 0);
  const [speed, faster] = useState(1);
  useEffect(() => {
    if (!playing) return;
    const { by, every } = pace(last, speed);
    const timer = setInterval(() => set((before) => Math.min(before + by, last)), every);
    return () => clearInterval(timer);
  }, [playing, speed, last]);
  useEffect(() => {
    if (at < last) return;
    run(false);
    if (!repeating) return;
    const timer = setTimeout(() => {
      set(0);
      run(true);
    }, REST);
    return () => clearTimeout(timer);
  }, [at, last, repeating]);
  const go = (to: number) => {
    repeat(false);
    run(false);
    set(Math.min(Math.max(to, 0), last));
  };
  const play = (wanted: boolean) => {
    repeat(false);
    if (wanted && at >= last) set(0);
    run(wanted && last > 0);
  };
  return { at, playing, speed, go, play, faster };
}
