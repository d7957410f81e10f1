/**
 * The set-up, then the `freehold` command, in one process: a signal to `npm start` reaches the network, since no shell stands between.
 */
await import("./setup.mjs");
const { run } = await import(new URL("../packages/cli/dist/main.js", import.meta.url).href);
process.exitCode = await run(process.argv.slice(2));
