/** Version of the programs: all packages of a release carry the same. */
import { createRequire } from "node:module";

const { version } = createRequire(import.meta.url)("../../package.json") as { version: string };

export const programVersion = version;
