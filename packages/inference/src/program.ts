/** The inference node as a program: its options and its life. */
import { join } from "node:path";
import {
	addressOption,
	booleanOption,
	defineProgram,
	durationOption,
	integerOption,
	OPERATOR_FILE,
	opgOption,
	optional,
	pathOption,
	portOption,
	readOperatorFile,
	readOrCreateKeyFile,
	sizeOption,
	textOption,
	urlListOption,
	urlOption,
} from "@freehold/service";
import { readProviders } from "./engine/upstream/providers.js";
import { nodeMetrics } from "./node/events.js";
import { InferenceNode } from "./node/node.js";
import { nodeCrashPoints } from "./node/node-options.js";

const OPG = 10n ** 18n;
const MIB = 1024 ** 2;
const GIB = 1024 ** 3;
const HOUR_MS = 3_600_000;
const DRAIN_MS = 12_000;

const options = {
	rpcUrl: urlOption({ default: "http://127.0.0.1:8545", help: "JSON-RPC of the ledger.", group: "Network" }),
	storageUrl: urlOption({ default: "http://127.0.0.1:8548", help: "Where releases are fetched.", group: "Network" }),
	hubUrl: urlListOption({ default: [], help: "Hubs that are told that the node is alive, separated by commas.", group: "Network" }),
	chainId: optional(integerOption({ help: "Refuse a ledger with another chain id.", group: "Network" })),
	data: pathOption({ argument: "DIR", default: ".freehold/inference", help: "Folder of the node: answers, receipts, cached releases.", group: "Node" }),
	host: textOption({ argument: "HOST", default: "127.0.0.1", help: "Address to listen on.", group: "Node" }),
	port: portOption({ default: 8549, help: "Port to listen on; 0 takes any.", group: "Node" }),
	publicUrl: optional(urlOption({ help: "URL at which gateways reach this node; default http://HOST:PORT.", group: "Node" })),
	keyFile: optional(
		pathOption({ argument: "FILE", help: "Private key of the operator, made if missing (0600); default node.key in the data folder.", group: "Operator" }),
	),
	operator: optional(
		addressOption({
			help: "Operator that the key signs for; default what freehold node register left in the data folder, else the key itself, which then registers itself.",
			group: "Operator",
		}),
	),
	bond: opgOption({ default: 1_000n * OPG, help: "Bond put in when the node is not registered yet.", group: "Operator" }),
	nodeFee: opgOption({ default: OPG / 20n, help: "What the node asks for a call.", group: "Operator" }),
	memoryLimit: sizeOption({ argument: "SIZE", default: GIB, help: "Memory of one engine process.", group: "Engines" }),
	timeLimit: durationOption({ default: 10_000, help: "Longest run of one call.", group: "Engines" }),
	maxWaiting: integerOption({ default: 256, min: 1, max: 100_000, help: "Calls that may wait; more are refused.", group: "Engines" }),
	textMemory: sizeOption({ argument: "SIZE", default: GIB, help: "Memory of one language model beside its file.", group: "Language models" }),
	textTimeLimit: durationOption({ default: 600_000, help: "Longest answer of a language model.", group: "Language models" }),
	textWindow: integerOption({ default: 8_192, min: 256, max: 1_048_576, help: "Most tokens of request and answer together.", group: "Language models" }),
	textCalls: integerOption({ default: 8, min: 1, max: 64, help: "Answers that a language model writes at once.", group: "Language models" }),
	textThreads: integerOption({ default: 0, min: 0, max: 256, help: "Threads of a language model; 0: as many as suit it.", group: "Language models" }),
	textModels: integerOption({ default: 4, min: 1, max: 64, help: "Language models that are loaded at once.", group: "Language models" }),
	upstreams: optional(
		pathOption({ argument: "FILE", help: "Providers that the node has an account with, in JSON (see the package's README).", group: "Language models" }),
	),
	cache: sizeOption({ default: 20 * GIB, help: "Disk for releases; the longest unused goes first.", group: "Engines" }),
	runWorkflows: booleanOption({
		default: true,
		help: "Calls scheduled workflows that are due and funded, and is paid their gas and half as much again.",
		group: "Node",
	}),
	liveCalls: integerOption({
		default: 0,
		min: 0,
		max: 100_000,
		help: "Answers a minute that contracts get in calls without a transaction, from the ledger of --rpc-url, whose operator pays afterwards; 0: none.",
		group: "Node",
	}),
	heartbeat: durationOption({ default: 20_000, help: "Time between two heartbeats.", group: "Node" }),
	keepAnswers: durationOption({ default: HOUR_MS, help: "Time after its deadline in which an order gets its answer again.", group: "Node" }),
	keepReceipts: durationOption({ default: 7 * 24 * HOUR_MS, help: "Time in which orders and receipts are kept as evidence.", group: "Node" }),
};

const LEAST_MEMORY = 64 * MIB;

export const inferenceProgram = defineProgram({
	role: "inference",
	summary: "Runs releases for bonded gateways and signs what it answered.",
	options,
	metrics: nodeMetrics,
	crashPoints: nodeCrashPoints,
	async start(context) {
		const { config, listen } = context;
		const keyFile = config.keyFile ?? join(config.data, "node.key");
		const privateKey = await readOrCreateKeyFile(keyFile);
		const node = await InferenceNode.open(
			{
				data: config.data,
				rpcUrl: config.rpcUrl,
				storageUrl: config.storageUrl,
				hubUrls: config.hubUrl,
				chainId: config.chainId,
				bond: config.bond,
				nodeFee: config.nodeFee,
				operator: config.operator ?? (await readOperatorFile(join(config.data, OPERATOR_FILE))),
				memoryLimit: Math.max(LEAST_MEMORY, config.memoryLimit),
				timeLimit: config.timeLimit,
				maxWaiting: config.maxWaiting,
				text: {
					sequences: config.textCalls,
					windowTokens: config.textWindow,
					threads: config.textThreads,
					memoryBytes: Math.max(LEAST_MEMORY, config.textMemory),
					maxReleases: config.textModels,
					runTimeoutMs: config.textTimeLimit,
				},
				upstreams: config.upstreams === undefined ? [] : await readProviders(config.upstreams, process.env),
				cacheBytes: config.cache,
				runWorkflows: config.runWorkflows,
				liveCalls: config.liveCalls,
				heartbeatMs: config.heartbeat,
				retention: { answersMs: config.keepAnswers, receiptsMs: config.keepReceipts },
			},
			{ ...context, privateKey, keyFile },
		);
		const server = await listen(node.bindings(), { host: config.host, port: config.port });
		node.start(config.publicUrl ?? server.url);
		return {
			url: server.url,
			ready: () => node.ready(),
			async drain() {
				await server.close(DRAIN_MS);
				await node.close();
			},
		};
	},
});
