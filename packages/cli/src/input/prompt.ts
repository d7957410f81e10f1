/** Asking people: yes or no, and passphrases, which are never shown, never on a command line and never logged. */
import { readFile } from "node:fs/promises";
import { createInterface } from "node:readline/promises";
import { Writable } from "node:stream";
import { FreeholdError } from "@freehold/protocol";

const MAX_PASSPHRASE_BYTES = 1024;
const LEAST_PASSPHRASE = 1;

export interface PassphraseSource {
	readonly env: NodeJS.ProcessEnv;
	readonly signal: AbortSignal;
}

/**
 * Passphrase from the file that `FREEHOLD_PASSWORD_FILE` names, else asked at the terminal, else the first line of standard input.
 * `confirm` asks twice at a terminal.
 */
export async function readPassphrase({ env, signal }: PassphraseSource, question: string, confirm: boolean): Promise<string> {
	const file = env["FREEHOLD_PASSWORD_FILE"];
	if (file !== undefined) {
		const text = await readFile(file, "utf8").catch(() => {
			throw new FreeholdError("config.invalid", { option: "FREEHOLD_PASSWORD_FILE", reason: "the file cannot be read" });
		});
		return accept(firstLine(text));
	}
	if (process.stdin.isTTY !== true) return accept(await readFirstLine(signal));
	const passphrase = accept(await askHidden(question, signal));
	if (confirm && (await askHidden("The same again: ", signal)) !== passphrase)
		throw new FreeholdError("request.invalid", { field: "passphrase", reason: "the two differ" });
	return passphrase;
}

/** A line of standard input that is not to be shown: a private key. */
export async function readSecretLine({ signal }: PassphraseSource, question: string): Promise<string> {
	return process.stdin.isTTY === true ? askHidden(question, signal) : readFirstLine(signal);
}

/** True for yes. Without a terminal the answer is no: `--yes` is for scripts. */
export async function confirm(question: string, signal: AbortSignal): Promise<boolean> {
	if (process.stdin.isTTY !== true) return false;
	const lines = createInterface({ input: process.stdin, output: process.stderr });
	try {
		return /^y(es)?$/i.test((await lines.question(`${question} [y/N] `, { signal })).trim());
	} finally {
		lines.close();
	}
}

async function askHidden(question: string, signal: AbortSignal): Promise<string> {
	const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });
	const lines = createInterface({ input: process.stdin, output: nowhere, terminal: true });
	process.stderr.write(question);
	try {
		return await lines.question("", { signal });
	} finally {
		lines.close();
		process.stderr.write("\n");
	}
}

/** Standard input is read once; what several questions need stands on successive lines. */
let pending: Promise<string[]> | undefined;

async function readFirstLine(signal: AbortSignal): Promise<string> {
	pending ??= readAll(signal);
	const line = (await pending).shift();
	if (line === undefined)
		throw new FreeholdError("request.invalid", { field: "passphrase", reason: "standard input is empty; set FREEHOLD_PASSWORD_FILE or run at a terminal" });
	return line;
}

async function readAll(signal: AbortSignal): Promise<string[]> {
	const chunks: Buffer[] = [];
	let size = 0;
	for await (const chunk of process.stdin) {
		signal.throwIfAborted();
		size += (chunk as Buffer).length;
		if (size > 16 * MAX_PASSPHRASE_BYTES) throw new FreeholdError("request.tooLarge", { limit: 16 * MAX_PASSPHRASE_BYTES });
		chunks.push(chunk as Buffer);
	}
	const lines = Buffer.concat(chunks).toString("utf8").split(/\r?\n/);
	if (lines.at(-1) === "") lines.pop();
	return lines;
}

function firstLine(text: string): string {
	return text.split(/\r?\n/, 1)[0] ?? "";
}

function accept(passphrase: string): string {
	if (passphrase.length < LEAST_PASSPHRASE) throw new FreeholdError("request.invalid", { field: "passphrase", reason: "must not be empty" });
	if (Buffer.byteLength(passphrase) > MAX_PASSPHRASE_BYTES)
		throw new FreeholdError("request.invalid", { field: "passphrase", reason: `must be at most ${MAX_PASSPHRASE_BYTES} bytes` });
	return passphrase;
}
