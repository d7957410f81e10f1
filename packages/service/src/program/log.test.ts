import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { createLog } from "./log.js";

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

it("hides what is secret wherever it stands, and changes nothing of what was handed to it", () => {
	const lines: string[] = [];
	const log = createLog({ role: "hub", level: "info", destination: { write: (line) => void lines.push(line) } });
	const request = { headers: { authorization: "Bearer s3cret", accept: "*/*" } };
	log.info({ privateKey: "s3cret", request, accounts: [{ name: "a", mnemonic: "s3cret" }], deep: { er: { password: "s3cret" } } }, "told");
	log.error({ err: Object.assign(new Error("failed"), { apiKey: "s3cret", config: { headers: { authorization: "s3cret" } } }) }, "failed");
	expect(lines.join("")).not.toContain("s3cret");
	expect(JSON.parse(lines[0] as string)).toMatchObject({
		privateKey: "[secret]",
		request: { headers: { authorization: "[secret]", accept: "*/*" } },
		accounts: [{ name: "a", mnemonic: "[secret]" }],
		deep: { er: { password: "[secret]" } },
	});
	expect(JSON.parse(lines[1] as string)).toMatchObject({ err: { type: "Error", message: "failed", apiKey: "[secret]" } });
	expect(request.headers.authorization).toBe("Bearer s3cret");
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
