/** What the command line says: text for people on standard output, or with `--json` one JSON value there and progress on standard error. */

export interface OutputOptions {
	readonly json: boolean;
	readonly quiet: boolean;
	readonly color: boolean;
}

export interface Streams {
	readonly out: { write(text: string): unknown; readonly isTTY?: boolean; readonly columns?: number };
	readonly err: { write(text: string): unknown; readonly isTTY?: boolean; readonly columns?: number };
}

export interface Progress {
	/** `done` of `total`, in whatever unit `total` has. */
	update(done: number, total: number): void;
	stop(): void;
}

const BAR_WIDTH = 24;

export class Output {
	readonly json: boolean;
	readonly #quiet: boolean;
	readonly #color: boolean;
	readonly #streams: Streams;

	constructor(options: OutputOptions, streams: Streams = { out: process.stdout, err: process.stderr }) {
		this.json = options.json;
		this.#quiet = options.quiet;
		this.#color = options.color;
		this.#streams = streams;
	}

	/** A line for people; left out with `--json` or `--quiet`. */
	line(text = ""): void {
		if (!this.json && !this.#quiet) this.#streams.out.write(`${text}\n`);
	}

	/** Something that people should know while they wait; never on standard output when that belongs to JSON. */
	note(text: string): void {
		if (!this.#quiet) this.#streams.err.write(`${text}\n`);
	}

	/** The command's result: JSON with `--json`, else what `human` prints. Printed with `--quiet` too. */
	result(value: unknown, human: () => string): void {
		this.#streams.out.write(this.json ? `${JSON.stringify(value, bigintAsText, 2)}\n` : `${human()}\n`);
	}

	progress(label: string): Progress {
		const { err } = this.#streams;
		if (this.#quiet || err.isTTY !== true) return { update() {}, stop() {} };
		return {
			update: (done, total) => {
				const share = total === 0 ? 1 : Math.min(1, done / total);
				const full = Math.round(share * BAR_WIDTH);
				err.write(`\r  ${label} ${"█".repeat(full)}${"░".repeat(BAR_WIDTH - full)} ${(share * 100).toFixed(0).padStart(3)} %`);
			},
			stop: () => err.write(`\r${" ".repeat(Math.min(err.columns ?? 80, label.length + BAR_WIDTH + 12))}\r`),
		};
	}

	bold(text: string): string {
		return this.#paint(text, 1);
	}
	dim(text: string): string {
		return this.#paint(text, 2);
	}
	good(text: string): string {
		return this.#paint(text, 32);
	}
	bad(text: string): string {
		return this.#paint(text, 31);
	}

	#paint(text: string, code: number): string {
		return this.#color ? `\u001b[${code}m${text}\u001b[0m` : text;
	}
}

/** Columns padded to their widest cell; numbers are the caller's to align. */
export function table(rows: readonly (readonly string[])[]): string {
	const widths: number[] = [];
	for (const row of rows) {
		for (const [column, cell] of row.entries()) widths[column] = Math.max(widths[column] ?? 0, cell.length);
	}
	return rows
		.map((row) =>
			row
				.map((cell, column) => (column === row.length - 1 ? cell : cell.padEnd(widths[column] ?? 0)))
				.join("  ")
				.trimEnd(),
		)
		.join("\n");
}

function bigintAsText(_key: string, value: unknown): unknown {
	return typeof value === "bigint" ? value.toString() : value;
}
