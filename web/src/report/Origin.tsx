// What the run was made of, what it said, and how to run it again.
import type { Report } from "./data";

export function Origin({ data }: { data: Report }) {
  return (
    <>
      <section id="made-of">
        <h2>Made of</h2>
        <dl class="parts">
          {data.parts.map(([path, kind, fields]) => (
            <div key={path}>
              <dt>{path}</dt>
              <dd><code>{kind}</code> <span class="quiet">{fields}</span></dd>
            </div>
          ))}
        </dl>
      </section>
      {data.notices.length > 0 && (
        <section id="notices"><h2>Notices</h2><ul>{data.notices.map((text, index) => <li key={index}><bdi>{text}</bdi></li>)}</ul></section>
      )}
      <section id="again">
        <h2>Again</h2>
        <p><code><bdi>dsk run {data.folder}/spec.json --folder another-folder</bdi></code> repeats this run.</p>
        <p class="quiet fine">{Object.entries(data.versions).map(([name, version]) => `${name} ${version}`).join(" · ")}</p>
      </section>
    </>
  );
}
