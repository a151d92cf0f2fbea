// The order of expansion, played back.
export interface Playback {
  at: number;
  playing: boolean;
  speed: number;
}

interface Props extends Playback {
  last: number;
  go: (at: number) => void;
  play: (playing: boolean) => void;
  faster: (speed: number) => void;
}

export const SPEEDS = [0.5, 1, 2, 4];

/** How many expansions every so many milliseconds: the whole in about 20 seconds at speed 1, none longer than 0.8 s. */
export function pace(last: number, speed: number): { by: number; every: number } {
  const each = Math.min(800, 20000 / Math.max(last, 1)) / speed;
  const by = Math.ceil(33 / each);
  return { by, every: by * each };
}

export function Player({ at, playing, speed, last, go, play, faster }: Props) {
  const done = at >= last;
  return (
    <div class="tree-player" role="group" aria-label="Playback">
      <button type="button" onClick={() => go(0)} disabled={!at} aria-label="To the beginning" title="To the beginning (Home)"><Icon of="start" /></button>
      <button type="button" onClick={() => go(at - 1)} disabled={!at} aria-label="One expansion back" title="One expansion back (,)"><Icon of="back" /></button>
      <button type="button" class="main" onClick={() => play(!playing)} aria-label={playing ? "Pause" : "Play"} title="Play or pause (space)"><Icon of={playing ? "pause" : "play"} /></button>
      <button type="button" onClick={() => go(at + 1)} disabled={done} aria-label="One expansion on" title="One expansion on (.)"><Icon of="on" /></button>
      <button type="button" onClick={() => go(last)} disabled={done} aria-label="To the end" title="To the end (End)"><Icon of="end" /></button>
      <input
        type="range" min={0} max={last} value={at} aria-label="Expansions done"
        aria-valuetext={`${at} of ${last} expansions`} onInput={(event) => go(Number(event.currentTarget.value))}
      />
      <output>{at} / {last}</output>
      <label class="tree-speed">
        <span class="unseen">Speed</span>
        <select value={speed} onChange={(event) => faster(Number(event.currentTarget.value))}>
          {SPEEDS.map((each) => <option key={each} value={each}>{each}{"\u00d7"}</option>)}
        </select>
      </label>
    </div>
  );
}

const SHAPES = {
  start: "M3 3h2v10H3zM13 3v10L6 8z",
  end: "M11 3h2v10h-2zM3 3v10l7-5z",
  back: "M10.5 3v10L4 8z",
  on: "M5.5 3v10L12 8z",
  play: "M4 2.5v11L13 8z",
  pause: "M4 3h3v10H4zM9 3h3v10H9z",
};

function Icon({ of }: { of: keyof typeof SHAPES }) {
  return <svg width="16" height="16" viewBox="0 0 16 16" fill="currentColor" aria-hidden="true"><path d={SHAPES[of]} /></svg>;
}
