/** `freehold logs`: the log of a process, the names of all, or one call through all of them. */
import { open, readdir } from "node:fs/promises";
import { join } from "node:path";
import { FreeholdError } from "@freehold/protocol";
import type { CommandContext } from "../context.js";
import { callTrail } from "../logs/call-trail.js";
import type { Action } from "../main.js";

const LOG_TAIL_BYTES = 256 * 1024;

export const logs: Action = async (context, [name], options) => {
	const { output, folder } = context;
	const all = await readdir(folder.logs).catch(() => []);
	const files = all.filter((file) => file.endsWith(".log"));
	const older = all.filter((file) => file.endsWith(".log.1"));
	if (typeof options["call"] === "string") return showCall(context, [...files, ...older], options["call"]);
	if (name === undefined) {
		output.result({ logs: files.map((file) => join(folder.logs, file)) }, () =>
			files.length === 0 ? "No logs yet." : files.map((file) => file.slice(0, -4)).join("\n"),
		);
		return 0;
	}
	if (!files.includes(`${name}.log`))
		throw new FreeholdError("request.invalid", {
			field: "process",
			reason: `there is no log of ${name}; there are: ${files.map((file) => file.slice(0, -4)).join(", ") || "none"}`,
		});
	const count = Number(options["lines"]);
	if (!Number.isInteger(count) || count < 1) throw new FreeholdError("config.invalid", { option: "--lines", reason: "must be a whole number above zero" });
	const lines = (await tail(folder.logFile(name))).slice(-count);
	output.result({ process: name, lines }, () => lines.join("\n"));
	return 0;
};

async function showCall({ output, folder }: CommandContext, files: readonly string[], callId: string): Promise<number> {
	if (!/^0x[0-9a-f]{64}$/.test(callId)) throw new FreeholdError("config.invalid", { option: "--call", reason: "must be a call id: 0x and 64 hex digits" });
	const trail = await callTrail(
		files.map((file) => ({ process: file.slice(0, file.indexOf(".log")), path: join(folder.logs, file) })),
		callId,
	);
	output.result({ callId, lines: trail }, () =>
		trail.length === 0
			? "No log knows this call."
			: trail
					.map(({ process, time, msg, fields }) => {
						const { callId: _, ...rest } = fields;
						return `${new Date(time).toISOString()}  ${process.padEnd(10)} ${msg}  ${output.dim(JSON.stringify(rest))}`;
					})
					.join("\n"),
	);
	return trail.length === 0 ? 1 : 0;
}

async function tail(path: string): Promise<readonly string[]> {
	const file = await open(path, "r");
	try {
		const { size } = await file.stat();
		const length = Math.min(size, LOG_TAIL_BYTES);
		const { buffer } = await file.read(Buffer.alloc(length), 0, length, size - length);
		const lines = buffer.toString("utf8").split("\n");
		if (length < size) lines.shift();
		return lines.filter((line) => line !== "");
	} finally {
		await file.close();
	}
}
