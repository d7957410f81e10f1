/**
 * One call through the logs of all processes, by its id: what gateway and node say of it, the batch that it went into, and the ledger's block with that batch's
 * transaction. Logs are read as streams, however long they are.
 */
import { createReadStream } from "node:fs";
import { createInterface } from "node:readline";

export interface LogFile {
	readonly process: string;
	readonly path: string;
}

export interface TrailLine {
	readonly process: string;
	/** Unix milliseconds. */
	readonly time: number;
	readonly level: string;
	readonly msg: string;
	readonly fields: Readonly<Record<string, unknown>>;
}

/** A call that somebody asks for has few lines; more than this is not one call. */
const MOST_LINES = 1_000;

/** Lines of a call, earliest first; empty when no log knows it. */
export async function callTrail(files: readonly LogFile[], callId: string): Promise<readonly TrailLine[]> {
	const direct = await find(files, [callId]);
	const trail = [...direct];
	for (const { process, fields } of direct) {
		const { seq } = fields;
		if (typeof seq !== "number") continue;
		// The number is the gateway's own: another process means another batch by it.
		const batch = await find(
			files.filter((file) => file.process === process),
			[`"seq":${seq},`, `"seq":${seq}}`],
		);
		// A gateway logs each call with its batch; only lines about the batch itself belong to every call of it.
		const own = batch.filter((line) => line.fields["callId"] === undefined);
		const hashes = own.flatMap((line) => (typeof line.fields["transaction"] === "string" ? [line.fields["transaction"]] : []));
		const elsewhere =
			hashes.length === 0
				? []
				: await find(
						files.filter((file) => file.process !== process),
						hashes,
					);
		trail.push(...own, ...elsewhere);
	}
	return trail.sort((a, b) => a.time - b.time);
}

async function find(files: readonly LogFile[], needles: readonly string[]): Promise<readonly TrailLine[]> {
	const found: TrailLine[] = [];
	for (const { process, path } of files) {
		for await (const text of createInterface({ input: createReadStream(path, "utf8"), crlfDelay: Number.POSITIVE_INFINITY })) {
			if (!needles.some((needle) => text.includes(needle)) || found.length >= MOST_LINES) continue;
			const line = parse(process, text);
			if (line !== undefined) found.push(line);
		}
	}
	return found;
}

/** Undefined for what is no line of our log: a stack that the runtime printed, a line that a kill cut off. */
function parse(process: string, text: string): TrailLine | undefined {
	try {
		const { time, level, msg, role: _, ...fields } = JSON.parse(text) as { time: number; level: string; msg: string; role: string };
		return { process, time, level, msg, fields };
	} catch {
		return undefined;
	}
}
