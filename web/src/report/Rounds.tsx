// The rounds: how many problems were hard, searched, solved, and still hard.

const COLUMNS: [name: string, label: string][] = [
  ["round", "round"], ["hard", "hard"], ["cached", "cached"], ["unsolved", "to search"], ["steps", "steps"], ["solved", "solved"],
  ["filtered", "filtered"], ["still_hard", "still hard"], ["admitted", "admitted to the cache"],
];

export function Rounds({ rounds }: { rounds: Record<string, number>[] }) {
  if (!rounds.length) return null;
  return (
    <section id="rounds">
      <h2>Rounds</h2>
      <div class="scroll">
        <table class="figures">
          <thead><tr>{COLUMNS.map(([name, label]) => <th key={name} class="number">{label}</th>)}</tr></thead>
          <tbody>
            {rounds.map((round) => (
              <tr key={round.round}>{COLUMNS.map(([name]) => <td key={name} class="number">{round[name] ?? "–"}</td>)}</tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}
