/** What every command is given: the global options as values, and the ways to speak, ask and find keys. */
import { homedir } from "node:os";
import { join } from "node:path";
import { Keystore } from "./keystore/keystore.js";
import { Output } from "./output/output.js";
import { DataFolder } from "./supervisor/data-folder.js";

/** Options that may stand before or after the verb. */
export interface GlobalOptions {
	readonly network?: string;
	readonly account?: string;
	readonly data?: string;
	readonly json?: boolean;
	readonly yes?: boolean;
	readonly quiet?: boolean;
}

export interface CommandContext {
	readonly output: Output;
	readonly keystore: Keystore;
	readonly folder: DataFolder;
	readonly network: string | undefined;
	readonly account: string | undefined;
	/** Questions are answered with yes. */
	readonly yes: boolean;
	readonly env: NodeJS.ProcessEnv;
	/** Aborted by the first SIGINT. */
	readonly signal: AbortSignal;
}

export const DEFAULT_DATA_FOLDER = ".freehold/local";

export function createContext(options: GlobalOptions, env: NodeJS.ProcessEnv, signal: AbortSignal): CommandContext {
	const color = env["NO_COLOR"] === undefined && process.stdout.isTTY === true;
	return {
		output: new Output({ json: options.json === true, quiet: options.quiet === true, color }),
		keystore: new Keystore(env["FREEHOLD_HOME"] ?? join(homedir(), ".freehold")),
		folder: new DataFolder(options.data ?? DEFAULT_DATA_FOLDER),
		network: options.network,
		account: options.account,
		yes: options.yes === true,
		env,
		signal,
	};
}
