/** A clone runs TypeScript on the Node.js that it brings; the published package runs JavaScript on the user's. */
export const IS_CLONE: boolean = import.meta.url.endsWith(".ts");

/** The oldest Node.js that runs this installation, as `major.minor`; `bin/local-node.mjs` refuses older ones. */
export const MINIMUM_NODE: string = IS_CLONE ? "24.0" : "22.15";
