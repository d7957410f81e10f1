import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";

const SERVICE = fileURLToPath(new URL("../../dist/index.js", import.meta.url));

/** What a program printed that logs and then ends as the last line says. */
async function printed(script: string): Promise<readonly string[]> {
	const text = `import { createLog } from ${JSON.stringify(SERVICE)}; const log = createLog({ role: "hub", level: "info" }); ${script}`;
	const child = spawn(process.execPath, ["--input-type=module", "-e", text], { stdio: ["ignore", "pipe", "inherit"] });
	let output = "";
	child.stdout.on("data", (chunk: Buffer) => (output += chunk.toString()));
	await once(child, "close");
	return output
		.split("\n")
		.filter((line) => line !== "")
		.map((line) => (JSON.parse(line) as { msg: string }).msg);
}

it("has every line in order when the program ends, by itself or by process.exit", async () => {
	expect(await printed(`for (let n = 0; n < 500; n++) log.info(String(n));`)).toEqual(Array.from({ length: 500 }, (_, n) => String(n)));
	expect(await printed(`log.info("first"); log.info("second"); process.exit(0);`)).toEqual(["first", "second"]);
});

it("has a warning, and all before it, on the disk before the call returns", async () => {
	expect(await printed(`log.info("before"); log.warn("warned"); process.kill(process.pid, "SIGKILL");`)).toEqual(["before", "warned"]);
});

it("writes what is no warning within a moment, without the program's doing", async () => {
	const text = `import { createLog } from ${JSON.stringify(SERVICE)}; createLog({ role: "hub", level: "info" }).info("told"); setInterval(() => {}, 1_000);`;
	const child = spawn(process.execPath, ["--input-type=module", "-e", text], { stdio: ["ignore", "pipe", "inherit"] });
	const [line] = (await once(child.stdout, "data")) as [Buffer];
	expect(line.toString()).toContain('"told"');
	child.kill("SIGKILL");
	await once(child, "close");
});
