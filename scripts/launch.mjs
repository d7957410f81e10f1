/**
 * The set-up, then the `freehold` command, in one process. npm runs it below a shell and passes signals to that shell alone, so the end of the shell is taken as
 * the signal: otherwise ending `npm start` would leave the network running.
 */
const PARENT_CHECK_MS = 200;

await import("./setup.mjs");
if (process.env.npm_lifecycle_event !== undefined) {
	const parent = process.ppid;
	const watch = setInterval(() => {
		if (process.ppid === parent) return;
		clearInterval(watch);
		process.kill(process.pid, "SIGTERM");
	}, PARENT_CHECK_MS);
	watch.unref();
}
const { run } = await import(new URL("../packages/cli/dist/main.js", import.meta.url).href);
process.exitCode = await run(process.argv.slice(2));
