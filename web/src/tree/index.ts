export type { TreeData } from "./data";
export { TreesPage } from "./Page";
export { TreeViewer } from "./Viewer";
