export type { TreeData } from "./data";
export { TreesPage } from "./Page";
export { Text } from "./Step";
export { TreeViewer } from "./Viewer";
