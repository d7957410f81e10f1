/**
 * llama.cpp as node-llama-cpp builds it for processors: the prebuilt native module alone, without the library around it (decision 0031). Its interface is not
 * documented, so the version is pinned exactly and the compliance suite holds for what is used of it here.
 */
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import type { EngineDescription, Hex } from "@freehold/protocol";

export interface AddonModel {
	init(): Promise<boolean>;
	dispose(): Promise<void>;
	/** Without a beginning-of-text token. */
	tokenize(text: string, specialTokens: boolean): Uint32Array;
	getTokenString(token: number): string | undefined;
	getTokenAttributes(token: number): number;
	isEogToken(token: number): boolean;
	tokenBos(): number;
	tokenEos(): number;
	prefixToken(): number;
	middleToken(): number;
	suffixToken(): number;
	shouldPrependBosToken(): boolean;
	shouldAppendEosToken(): boolean;
}

export interface AddonContext {
	init(): Promise<boolean>;
	dispose(): Promise<void>;
	initBatch(size: number): void;
	/** Gives the index of the logits of each token that `logitIndexes` names. */
	addToBatch(sequence: number, position: number, tokens: Uint32Array, logitIndexes: Uint32Array): Uint32Array;
	decodeBatch(): Promise<void>;
	/** -1: no token is left to choose. */
	sampleToken(logitIndex: number, sampler: AddonSampler): Promise<number>;
	/** Also the probability of each token, as pairs of token and probability, the most likely first. */
	sampleToken(logitIndex: number, sampler: AddonSampler, probabilities: true): Promise<readonly [number, readonly number[] | undefined]>;
	/** False where the model's memory cannot be cut there. */
	removeTokenCellsFromSequence(sequence: number, start: number, end: number): boolean;
	disposeSequence(sequence: number): void;
	getEmbedding(inputTokens: number): Float64Array;
}

export interface AddonSampler {
	dispose(): void;
	applyConfig(config: SamplerConfig): void;
}

/** Absent members switch their step off. */
export interface SamplerConfig {
	/** 0: the most likely token. */
	readonly temperature: number;
	readonly minP?: number;
	readonly topK?: number;
	readonly topP?: number;
	readonly seed: number;
	readonly repeatPenalty?: number;
	readonly repeatPenaltyMaxTokens?: number;
	readonly repeatPenaltyTokens?: Uint32Array;
	readonly repeatPenaltyPresencePenalty?: number;
	readonly repeatPenaltyFrequencyPenalty?: number;
	readonly grammarEvaluationState?: AddonGrammarState;
	readonly tokenBiasKeys?: Uint32Array;
	readonly tokenBiasValues?: Float32Array;
}

export type AddonGrammar = object & { readonly __grammar: never };
export type AddonGrammarState = object & { readonly __grammarState: never };

export interface LlamaAddon {
	readonly AddonModel: new (
		path: string,
		options: { readonly addonExports: LlamaAddon; readonly gpuLayers: number; readonly useMmap: boolean; readonly checkTensors: boolean },
	) => AddonModel;
	readonly AddonContext: new (model: AddonModel, options: ContextOptions) => AddonContext;
	readonly AddonSampler: new (model: AddonModel) => AddonSampler;
	readonly AddonGrammar: new (grammar: string, options: { readonly addonExports: LlamaAddon; readonly rootRuleName: string }) => AddonGrammar;
	readonly AddonGrammarEvaluationState: new (model: AddonModel, grammar: AddonGrammar) => AddonGrammarState;
	setLogger(logger: (level: number, message: string) => void): void;
	setLoggerLogLevel(level: number): void;
	loadBackends(folder?: string): void;
	/** Undefined before a backend was loaded; false: the processor. */
	getGpuType(): string | false | undefined;
	init(): Promise<void>;
}

export interface ContextOptions {
	/** Tokens of all sequences together. */
	readonly contextSize: number;
	readonly batchSize: number;
	readonly sequences: number;
	readonly threads: number;
	readonly flashAttention: boolean;
	readonly embeddings?: boolean;
}

export interface LoadedAddon {
	readonly addon: LlamaAddon;
	readonly description: Pick<EngineDescription, "name" | "version" | "artifact"> & { readonly platform: string; readonly cpu: string };
}

const platforms: Readonly<Record<string, string>> = {
	"linux-x64": "linux-x64",
	"linux-arm64": "linux-arm64",
	"darwin-arm64": "mac-arm64-metal",
	"darwin-x64": "mac-x64",
	"win32-x64": "win-x64",
	"win32-arm64": "win-arm64",
};
const ERRORS_ONLY = 2;

/** Loads the module for this platform. Throws where there is none, or where it was not installed. */
export async function loadAddon(): Promise<LoadedAddon> {
	const platform = `${process.platform}-${process.arch}`;
	const name = platforms[platform];
	if (name === undefined) throw new Error(`there is no build of llama.cpp for ${platform}`);
	const load = createRequire(import.meta.url);
	const root = dirname(dirname(load.resolve(`@node-llama-cpp/${name}`)));
	const folder = join(root, "bins", name);
	const addon = load(join(folder, "llama-addon.node")) as LlamaAddon;
	addon.setLogger(() => undefined);
	addon.setLoggerLogLevel(ERRORS_ONLY);
	addon.loadBackends();
	if (addon.getGpuType() === undefined) addon.loadBackends(folder);
	if (addon.getGpuType() === undefined) throw new Error("no processor backend of llama.cpp fits this machine");
	await addon.init();
	const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { readonly version: string };
	return { addon, description: { name: "llama.cpp", version, artifact: digestOf(folder), platform, cpu: loadedVariant() } };
}

/** SHA-256 over name and SHA-256 of each library of the build, sorted by name. */
function digestOf(folder: string): Hex {
	const hash = createHash("sha256");
	for (const name of readdirSync(folder).sort()) {
		if (!/\.(so|dylib|dll|node|metal)([.0-9]*)$/.test(name)) continue;
		hash.update(
			`${name} ${createHash("sha256")
				.update(readFileSync(join(folder, name)))
				.digest("hex")}\n`,
		);
	}
	return `0x${hash.digest("hex")}`;
}

/** Which of the builds for different processors was chosen: other builds give other low bits. */
function loadedVariant(): string {
	try {
		return /libggml-cpu-([a-z0-9]+)\.so/.exec(readFileSync("/proc/self/maps", "latin1"))?.[1] ?? "default";
	} catch {
		return "default";
	}
}
