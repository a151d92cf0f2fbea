// Trees on a page of their own.
import type { TreeData } from "./data";
import { Text } from "./Step";
import { plain } from "./text";
import { TreeViewer } from "./Viewer";

export function TreesPage({ data }: { data: { trees: TreeData[] } }) {
  const { problem } = data.trees[0]!;
  return (
    <main class="trees-page">
      <header>
        <h1>Search of <bdi>{plain(problem.id)}</bdi></h1>
        <div class="tree-problem"><Text text={problem.prompt} query="" folded={280} /></div>
        <p class="quiet">reference answer <b><bdi>{plain(problem.answer.slice(0, 200))}</bdi></b></p>
      </header>
      <TreeViewer trees={data.trees} standalone />
    </main>
  );
}
