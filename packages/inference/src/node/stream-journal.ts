/**
 * What running streams have handed out, on disk before it leaves: a node that was killed signs, after its restart, for what its callers received. One file a
 * stream, written without waiting for the disk: it outlives the process, and not a loss of power, after which such a stream is given up.
 */
import { closeSync, openSync, writeSync } from "node:fs";
import { mkdir, readdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import type { EngineDescription, Hex } from "@freehold/protocol";

/** First line of a file; each further one is a delta as it was sent. */
export interface StreamHead {
	readonly version: 1;
	/** Body of the order. */
	readonly body: unknown;
	readonly inputTokens: number;
	readonly engine: EngineDescription;
	/** Unix milliseconds. */
	readonly startedAt: number;
}

export interface KeptStream {
	readonly digest: string;
	readonly head: StreamHead;
	/** `{delta}` each, as they were sent. */
	readonly lines: readonly unknown[];
}

export interface StreamLog {
	/** Before the lines leave. The first call says what the stream is. */
	write(head: () => StreamHead, lines: readonly string[]): void;
	/** Signed, or given up: nothing of it is needed any more. */
	end(): void;
}

const SUFFIX = ".jsonl";

export class StreamJournal {
	readonly #folder: string;
	readonly #onFailure: (digest: string, error: unknown) => void;

	private constructor(folder: string, onFailure: (digest: string, error: unknown) => void) {
		this.#folder = folder;
		this.#onFailure = onFailure;
	}

	/** `onFailure`: a stream could not be kept, and goes on without. */
	static async open(folder: string, onFailure: (digest: string, error: unknown) => void): Promise<StreamJournal> {
		await mkdir(folder, { recursive: true, mode: 0o700 });
		return new StreamJournal(folder, onFailure);
	}

	log(digest: Hex): StreamLog {
		const path = this.#pathOf(digest);
		let file: number | "none" | "ended" = "none";
		const give = (error: unknown): void => {
			end();
			this.#onFailure(digest, error);
		};
		const end = (): void => {
			if (typeof file === "number") closeSync(file);
			if (file !== "none" && file !== "ended") void rm(path, { force: true }).catch(() => undefined);
			file = "ended";
		};
		return {
			write: (head, lines) => {
				if (file === "ended") return;
				try {
					const fresh = file === "none";
					if (file === "none") file = openSync(path, "w", 0o600);
					writeSync(file, `${fresh ? `${JSON.stringify(head())}\n` : ""}${lines.join("")}`);
				} catch (error) {
					give(error);
				}
			},
			end,
		};
	}

	/** Streams of an earlier run, at most `most`; what was cut off by the kill is left out. */
	async kept(most: number): Promise<readonly KeptStream[]> {
		const names = (await readdir(this.#folder)).filter((name) => name.endsWith(SUFFIX)).slice(0, most);
		const streams: KeptStream[] = [];
		for (const name of names) {
			const digest = name.slice(0, -SUFFIX.length);
			const found = read(await readFile(join(this.#folder, name), "utf8").catch(() => ""));
			if (found === undefined) await this.forget(digest);
			else streams.push({ digest, ...found });
		}
		return streams;
	}

	async forget(digest: string): Promise<void> {
		await rm(this.#pathOf(digest), { force: true }).catch(() => undefined);
	}

	#pathOf(digest: string): string {
		return join(this.#folder, `${digest}${SUFFIX}`);
	}
}

function read(text: string): Pick<KeptStream, "head" | "lines"> | undefined {
	// What stands behind the last line's end was being written.
	const whole = text
		.slice(0, text.lastIndexOf("\n") + 1)
		.split("\n")
		.slice(0, -1);
	try {
		const [head, ...lines] = whole.map((line) => JSON.parse(line) as unknown);
		return (head as StreamHead | undefined)?.version === 1 && lines.length > 0 ? { head: head as StreamHead, lines } : undefined;
	} catch {
		return undefined;
	}
}
