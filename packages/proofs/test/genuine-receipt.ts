/**
 * A receipt as a network makes it, with real keys, a batch of several calls, a state trie by another implementation, and a signed consensus block.
 * Every part can be made otherwise before it is signed, so that tests can play a cheat who has the keys.
 */

import { createMerkleProof, createMPT, type MerklePatriciaTrie } from "@ethereumjs/mpt";
import { layout, type StorageRecord } from "@freehold/contracts/layout";
import {
	batchProof,
	batchRoot,
	batchTree,
	bytesToBigint,
	type Checkpoint,
	charge,
	commit,
	contractAddresses,
	defaultHashes,
	type EvidenceItem,
	type EvmHeader,
	encodeEvmHeader,
	encodeRlp,
	engineDigest,
	fromHex,
	type Hex,
	headerHash,
	type InferenceRequestText,
	type InferenceResponseText,
	type LightBlock,
	type Line,
	maxInputTokens,
	maxOutputTokens,
	modes,
	type Order,
	orderDigest,
	type Price,
	payerCommitment,
	type Receipt,
	type ReceiptFile,
	receiptDigest,
	rlpInteger,
	sumProof,
	sumTree,
	type TextAnswer,
	type TextRequest,
	textRequestText,
	textResponseText,
	toHex,
	top,
	utf8,
	validatorAddress,
	validatorsHash,
	voteSignBytes,
} from "@freehold/protocol";
import { ed25519 } from "@noble/curves/ed25519.js";
import { secp256k1 } from "@noble/curves/secp256k1.js";
import { assembleAnchor } from "../src/receipt/assemble-anchor.js";
import { evidenceDigest } from "../src/receipt/evidence.js";
import { requiredState } from "../src/receipt/required-state.js";
import { slotOf } from "../src/state/slots.js";

export const CHAIN_ID = 10741;
const GAS_PRICE_FREE_HASH = new Uint8Array(32).fill(7);
const SALT: Hex = `0x${"5a".repeat(32)}`;
const BATCH_TIME = 1_760_000_000n;
const SEQ = 41n;

export interface Key {
	readonly address: Hex;
	sign(digest: Uint8Array): Hex;
}

export function keyOf(name: string): Key {
	const secret = defaultHashes.keccak256(utf8(name));
	const address = toHex(defaultHashes.keccak256(secp256k1.getPublicKey(secret, false).subarray(1)).slice(12));
	return {
		address,
		sign(digest) {
			const signature = secp256k1.sign(digest, secret, { prehash: false, format: "recovered" });
			return toHex(Uint8Array.of(...signature.subarray(1), 27 + (signature[0] as number)));
		},
	};
}

/** What a test can make otherwise; everything is signed and proved as given. */
export interface Story {
	readonly price: Price & { readonly validFrom: bigint; readonly validUntil: bigint };
	readonly chargeOverride: bigint | undefined;
	readonly release: { readonly publishedAt: bigint; readonly retiredAt: bigint; readonly modes: bigint };
	readonly nodeKeyInterval: { readonly validFrom: bigint; readonly validUntil: bigint };
	readonly node: { readonly bond: bigint; readonly unbonding: bigint; readonly roles: bigint };
	readonly inputs: FileTensors;
	/** The call was to a language model. */
	readonly text: { readonly request: TextRequest; readonly answer: TextAnswer } | undefined;
	readonly order: Partial<Order>;
	readonly receipt: Partial<Receipt>;
	readonly otherCalls: number;
	readonly validatorPowers: readonly bigint[];
	/** Validators that vote for the block; the others are absent, or vote nil where named there. */
	readonly signers: readonly number[];
	readonly nil: readonly number[];
	readonly evidence: readonly { readonly kind: EvidenceItem["kind"]; readonly body: string; readonly author: Key }[];
	/** Of one validator only. */
	readonly checkpointKind: Checkpoint["kind"];
	readonly checkpointHeight: number;
	/** Sets of validators, by index, of the blocks from the checkpoint's to the last one; the last block's own set has as many later indices. */
	readonly pathSets: readonly (readonly number[])[] | undefined;
	readonly engineOptions: Readonly<Record<string, string | number | boolean>>;
}

const OPG = 10n ** 18n;

/** A conversation with everything that one can have. */
export const conversation: NonNullable<Story["text"]> = {
	request: {
		task: "chat",
		messages: [
			{ role: "system", content: [{ type: "text", text: "Be brief." }] },
			{
				role: "user",
				name: "ada",
				content: [
					{ type: "text", text: "Für wen?" },
					{ type: "image", mediaType: "image/png", data: Uint8Array.of(1, 2, 3, 4) },
				],
			},
			{ role: "assistant", content: [], toolCalls: [{ id: "a", name: "look", arguments: '{"at": 1}' }] },
			{ role: "tool", toolCallId: "a", content: [{ type: "text", text: "a cat" }] },
		],
		tools: [{ name: "look", description: "Looks.", parameters: { type: "object", properties: { at: { type: "integer" } } }, strict: true }],
		toolChoice: { type: "tool", name: "look" },
		parallelToolCalls: true,
		format: { type: "schema", name: "r", schema: { type: "object" }, strict: false },
		sampling: { temperature: 0.5, topP: 0.9, topK: 40, minP: 0.05, presencePenalty: 0.1, frequencyPenalty: -0.1, seed: 7 },
		stop: ["END"],
		maxOutputTokens: 64,
		choices: 2,
		logprobs: 1,
		effort: "low",
	},
	answer: {
		task: "chat",
		choices: [
			{
				text: "A cat.",
				reasoning: "It purrs.",
				toolCalls: [{ id: "b", name: "look", arguments: "{}" }],
				finish: "tools",
				logprobs: [{ token: "A", bytes: Uint8Array.of(65), logprob: -0.25, top: [{ token: "B", bytes: Uint8Array.of(66), logprob: -1.5 }] }],
			},
			{ text: "A d", toolCalls: [], finish: "cancelled" },
		],
	},
};

export const honest: Story = {
	price: { perCall: OPG, perInputUnit: 0n, perOutputUnit: 0n, validFrom: BATCH_TIME - 5_000n, validUntil: 0n },
	chargeOverride: undefined,
	release: { publishedAt: BATCH_TIME - 5_000n, retiredAt: 0n, modes: 3n },
	nodeKeyInterval: { validFrom: BATCH_TIME - 9_000n, validUntil: (1n << 64n) - 1n },
	node: { bond: 100n * OPG, unbonding: 0n, roles: 1n },
	inputs: { X: { dtype: "float32", shape: [1, 3], data: Uint8Array.from([0, 0, 128, 63, 0, 0, 0, 64, 0, 0, 64, 64]) } },
	text: undefined,
	order: {},
	receipt: {},
	otherCalls: 4,
	validatorPowers: [10n],
	signers: [0],
	nil: [],
	evidence: [],
	checkpointKind: "sequencer",
	checkpointHeight: 3,
	pathSets: undefined,
	engineOptions: { threads: 1, relaxedSimd: false },
};

export const gateway = keyOf("gateway operator");
export const gatewayKey = keyOf("gateway signing key");
export const node = keyOf("node operator");
export const nodeKey = keyOf("node signing key");
export const payer = keyOf("payer");

export interface Made {
	readonly file: ReceiptFile;
	readonly checkpoint: Checkpoint;
	readonly price: Price;
}

export async function makeReceipt(changes: Partial<Story> = {}): Promise<Made> {
	const story = { ...honest, ...changes };
	const { inputs, text } = story;
	const outputs = {
		label: { dtype: "int64", shape: [1], data: Uint8Array.from([7, 0, 0, 0, 0, 0, 0, 0]) },
		score: { dtype: "float32", shape: [1], data: Uint8Array.from([0, 0, 128, 63]) },
	};
	const release: Hex = `0x${"c0".repeat(32)}`;
	const engine = { name: "onnxruntime-node", version: "1.30.0", artifact: `0x${"ee".repeat(32)}` as Hex, options: story.engineOptions };
	const order: Order = {
		callId: `0x${"ca".repeat(32)}`,
		gateway: gateway.address,
		node: node.address,
		release,
		priceVersion: 2,
		payer: payerCommitment(payer.address, SALT),
		request: commit(
			text === undefined ? requestText(release, inputs) : textRequestText({ release, mode: "fast", require: ["signed"] }, text.request, defaultHashes),
			SALT,
		),
		mode: modes.fast,
		maxInputUnits: text === undefined ? 3n : maxInputTokens(text.request),
		maxOutputUnits: text === undefined ? 2n : maxOutputTokens(text.request),
		nodeFee: OPG / 20n,
		gatewayFee: (OPG * 3n) / 100n,
		deadline: BATCH_TIME * 1000n + 60_000n,
		...story.order,
	};
	const used = { inputUnits: 3n, outputUnits: 2n };
	const receipt: Receipt = {
		order: orderDigest(order, CHAIN_ID),
		response: commit(text === undefined ? responseText(outputs) : textResponseText(text.answer, defaultHashes), SALT),
		engine: engineDigest(engine),
		...used,
		charge: story.chargeOverride ?? charge(story.price, { calls: 1n, ...used, ...units(story.receipt) }, order),
		startedAt: BATCH_TIME * 1000n - 900n,
		finishedAt: BATCH_TIME * 1000n - 880n,
		...story.receipt,
	};
	const digest = receiptDigest(receipt, CHAIN_ID);

	const leaves = Array.from({ length: story.otherCalls + 1 }, (_, index) => ({
		receipt: index === story.otherCalls ? digest : (`0x${(index + 1).toString(16).padStart(64, "0")}` as Hex),
		sums: { calls: 1n, inputUnits: receipt.inputUnits, outputUnits: receipt.outputUnits, nodeFee: order.nodeFee, gatewayFee: order.gatewayFee },
	}));
	const tree = sumTree(leaves);
	const summed = top(tree);
	const line: Line = { release: order.release, priceVersion: order.priceVersion, node: order.node, ...summed.sums, root: summed.hash };
	const otherLine: Line = { ...line, priceVersion: line.priceVersion + 1 };
	const lines = [otherLine, line, { ...otherLine, node: gateway.address }];
	const refunds = [{ payer: payer.address, amount: 5n }];

	const info = { seq: SEQ, gatewayKey: gatewayKey.address, nodeKey: nodeKey.address };
	const { modelRegistry, nodeRegistry, usageLedger } = storageOf(story, order, bytesToBigint(fromHex(batchRoot(lines, refunds))));
	const state = await makeState({
		[contractAddresses.ModelRegistry]: modelRegistry,
		[contractAddresses.NodeRegistry]: nodeRegistry,
		[contractAddresses.UsageLedger]: usageLedger,
	});
	const evmHeader = encodeEvmHeader(evmHeaderOf(state.root));
	const { lightBlock, lightPath, checkpoint } = consensusOf(story, defaultHashes.keccak256(evmHeader));
	const proofs = await Promise.all(requiredState(order, info).map(({ address, slots }) => state.prove(address, slots)));
	return {
		price: story.price,
		checkpoint,
		file: {
			version: 1,
			chainId: CHAIN_ID,
			order,
			orderSignature: gatewayKey.sign(fromHex(receipt.order)),
			receipt,
			receiptSignature: nodeKey.sign(fromHex(digest)),
			engine,
			evidence: story.evidence.map(({ kind, body, author }) => ({
				kind,
				body,
				author: author.address,
				signature: author.sign(evidenceDigest(digest, { kind, body }, defaultHashes)),
			})),
			holder: { payer: payer.address, salt: SALT },
			...(text === undefined
				? { request: { require: ["signed"], inputs }, response: { outputs } }
				: { textRequest: { require: ["signed"], request: text.request }, textResponse: { answer: text.answer } }),
			anchor: {
				...assembleAnchor({
					order,
					info,
					line,
					leafProof: sumProof(tree, story.otherCalls),
					lineProof: batchProof(batchTree(lines, refunds), 1),
					evmHeader,
					lightBlock,
					proofs,
				}),
				...(lightPath === undefined ? {} : { lightPath }),
			},
		},
	};
}

function units(receipt: Partial<Receipt>): { inputUnits?: bigint; outputUnits?: bigint } {
	return {
		...(receipt.inputUnits === undefined ? {} : { inputUnits: receipt.inputUnits }),
		...(receipt.outputUnits === undefined ? {} : { outputUnits: receipt.outputUnits }),
	};
}

type FileTensors = NonNullable<ReceiptFile["request"]>["inputs"];

function committed(tensors: FileTensors): InferenceRequestText["inputs"] {
	return Object.fromEntries(
		Object.entries(tensors).map(([name, { dtype, shape, data }]) => [name, { dtype, shape, sha256: toHex(defaultHashes.sha256(data)), bytes: data.length }]),
	);
}

function requestText(release: Hex, inputs: FileTensors): InferenceRequestText {
	return { kind: "inference", version: 1, release, mode: "fast", require: ["signed"], inputs: committed(inputs) };
}

function responseText(outputs: FileTensors): InferenceResponseText {
	return { kind: "inference", version: 1, outputs: committed(outputs) };
}

type Storage = ReadonlyMap<Hex, bigint>;

/** Packs fields into a record's words and names their slots. */
export function pack(
	contract: Hex,
	record: StorageRecord,
	keys: readonly (Hex | bigint | number)[],
	values: Readonly<Record<string, bigint>>,
): [Hex, bigint][] {
	const words = Array.from({ length: record.words }, () => 0n);
	for (const [name, value] of Object.entries(values)) {
		const field = record.fields[name];
		if (field === undefined) throw new Error(`no field ${name}`);
		words[field.word] = (words[field.word] as bigint) | (value << BigInt(field.offset));
	}
	return words.map((word, index): [Hex, bigint] => [slotOf({ contract, record, keys, words: [index] }, index, defaultHashes), word]);
}

function storageOf(story: Story, order: Order, root: bigint): { modelRegistry: Storage; nodeRegistry: Storage; usageLedger: Storage } {
	const { ModelRegistry, NodeRegistry, UsageLedger } = contractAddresses;
	const open = { validFrom: BATCH_TIME - 9_000n, validUntil: (1n << 64n) - 1n };
	const filler = (contract: Hex): [Hex, bigint][] =>
		Array.from({ length: 60 }, (_, index) => [toHex(defaultHashes.keccak256(utf8(`${contract}${index}`))), BigInt(index + 1)]);
	return {
		usageLedger: new Map([
			...filler(UsageLedger),
			...pack(UsageLedger, layout.UsageLedger.batch, [order.gateway, SEQ], { root, blockNumber: 17n, timestamp: BATCH_TIME }),
			...pack(UsageLedger, layout.UsageLedger.feeParameters, [], { protocolFeeBps: 100n, penaltyBps: 5_000n }),
		]),
		nodeRegistry: new Map([
			...filler(NodeRegistry),
			...pack(NodeRegistry, layout.NodeRegistry.key, [order.gateway, gatewayKey.address], open),
			...pack(NodeRegistry, layout.NodeRegistry.key, [order.node, nodeKey.address], story.nodeKeyInterval),
			// Nothing in the gateway's second word: its absence must be proved.
			...pack(NodeRegistry, layout.NodeRegistry.operator, [order.gateway], { bond: 100n * OPG, registeredAt: BATCH_TIME - 9_000n, roles: 2n }),
			...pack(NodeRegistry, layout.NodeRegistry.operator, [order.node], { ...story.node, registeredAt: BATCH_TIME - 9_000n, nodeFee: order.nodeFee }),
			...pack(NodeRegistry, layout.NodeRegistry.minBond, [], { minBond: 100n * OPG }),
		]),
		modelRegistry: new Map([
			...filler(ModelRegistry),
			...pack(ModelRegistry, layout.ModelRegistry.release, [order.release], {
				modelId: 1n,
				manifest: 2n,
				...story.release,
				priceVersions: 3n,
				major: 1n,
				format: 1n,
			}),
			...pack(ModelRegistry, layout.ModelRegistry.price, [order.release, order.priceVersion], { ...story.price }),
		]),
	};
}

interface State {
	readonly root: Uint8Array;
	prove(address: Hex, slots: readonly Hex[]): Promise<{ accountProof: Hex[]; storageProof: { proof: Hex[] }[] }>;
}

/** State by `@ethereumjs/mpt`: an implementation that shares nothing with the verifier. */
export async function makeState(contracts: Readonly<Record<string, Storage>>): Promise<State> {
	const accounts = await createMPT({ useKeyHashing: true });
	const storages = new Map<string, MerklePatriciaTrie>();
	for (const [address, storage] of Object.entries(contracts)) {
		const trie = await createMPT({ useKeyHashing: true });
		for (const [slot, value] of storage) if (value !== 0n) await trie.put(fromHex(slot), encodeRlp(rlpInteger(value)));
		storages.set(address, trie);
		await accounts.put(fromHex(address), encodeRlp([rlpInteger(1n), rlpInteger(0n), trie.root(), new Uint8Array(32).fill(9)]));
	}
	for (let index = 0; index < 40; index++) {
		await accounts.put(
			defaultHashes.keccak256(utf8(`account ${index}`)).slice(12),
			encodeRlp([rlpInteger(0n), rlpInteger(1n), new Uint8Array(32), new Uint8Array(32)]),
		);
	}
	return {
		root: accounts.root(),
		async prove(address, slots) {
			const storage = storages.get(address);
			if (storage === undefined) throw new Error(`no contract ${address}`);
			return {
				accountProof: (await createMerkleProof(accounts, fromHex(address))).map(toHex),
				storageProof: await Promise.all(slots.map(async (slot) => ({ proof: (await createMerkleProof(storage, fromHex(slot))).map(toHex) }))),
			};
		},
	};
}

export function evmHeaderOf(stateRoot: Uint8Array): EvmHeader {
	const hash = (fill: number): Uint8Array => new Uint8Array(32).fill(fill);
	return {
		parentHash: hash(1),
		ommersHash: hash(2),
		beneficiary: new Uint8Array(20).fill(3),
		stateRoot,
		transactionsRoot: hash(4),
		receiptsRoot: hash(5),
		logsBloom: new Uint8Array(256),
		difficulty: 0n,
		number: 18n,
		gasLimit: 100_000_000n,
		gasUsed: 21_000n,
		timestamp: BATCH_TIME + 3n,
		extraData: new Uint8Array(0),
		prevRandao: hash(6),
		nonce: new Uint8Array(8),
		baseFeePerGas: 1_000n,
		withdrawalsRoot: hash(8),
		blobGasUsed: 0n,
		excessBlobGas: 0n,
		parentBeaconBlockRoot: hash(9),
		requestsHash: hash(10),
	};
}

/** Validators whose keys are named by their index. */
interface Member {
	readonly index: number;
	readonly power: bigint;
}

/**
 * The consensus block that proves the state, the checkpoint, and the blocks between where `pathSets` says who voted before: ten units each, at heights 10, 12, …,
 * the first of them the checkpoint's.
 */
export function consensusOf(
	story: Story,
	appHash: Uint8Array,
): { lightBlock: LightBlock; lightPath: readonly LightBlock[] | undefined; checkpoint: Checkpoint } {
	const { pathSets, validatorPowers, signers, nil, checkpointKind } = story;
	const set = validatorPowers.map((power, index) => ({ index: index + (pathSets?.length ?? 0), power }));
	const flagOf = (index: number): 1 | 2 | 3 => (signers.includes(index) ? 2 : nil.includes(index) ? 3 : 1);
	const lightBlock = signedBlock(20n, set, appHash, flagOf);
	const lightPath = pathSets?.map((indices, at) =>
		signedBlock(
			10n + 2n * BigInt(at),
			indices.map((index) => ({ index, power: 10n })),
			new Uint8Array(32).fill(at),
			() => 2,
		),
	);
	const [first] = lightPath ?? [lightBlock];
	const [one] = lightBlock.validators;
	if (first === undefined || one === undefined) throw new Error("a network has at least one validator");
	const height = lightPath === undefined ? story.checkpointHeight : 10;
	const hash = BigInt(height) === first.header.height ? toHex(first.commit.blockId.hash) : (`0x${"ab".repeat(32)}` as Hex);
	const checkpoint: Checkpoint =
		checkpointKind === "sequencer"
			? { kind: "sequencer", signer: toHex(one.publicKey), height, hash }
			: { kind: "validators", validatorsHash: toHex(first.header.validatorsHash), height, hash };
	return { lightBlock, lightPath, checkpoint };
}

function signedBlock(height: bigint, set: readonly Member[], appHash: Uint8Array, flagOf: (place: number) => 1 | 2 | 3): LightBlock {
	const secrets = set.map(({ index }) => defaultHashes.sha256(utf8(`validator ${index}`)));
	const validators = secrets.map((secret, place) => ({ publicKey: ed25519.getPublicKey(secret), power: (set[place] as Member).power }));
	const setHash = validatorsHash(validators);
	const time = { seconds: BATCH_TIME - 16n + height, nanos: 123_456_789 };
	const header = {
		versionBlock: 11n,
		versionApp: 1n,
		chainId: `freehold-${CHAIN_ID}`,
		height,
		time,
		lastBlockId: { hash: GAS_PRICE_FREE_HASH, partsTotal: 1, partsHash: GAS_PRICE_FREE_HASH },
		lastCommitHash: GAS_PRICE_FREE_HASH,
		dataHash: GAS_PRICE_FREE_HASH,
		validatorsHash: setHash,
		nextValidatorsHash: setHash,
		consensusHash: GAS_PRICE_FREE_HASH,
		appHash,
		lastResultsHash: GAS_PRICE_FREE_HASH,
		evidenceHash: GAS_PRICE_FREE_HASH,
		proposerAddress: validatorAddress((validators[0] as { publicKey: Uint8Array }).publicKey),
	};
	const blockId = { hash: headerHash(header), partsTotal: 1, partsHash: new Uint8Array(32).fill(12) };
	const unsigned = { height, round: 0, blockId, signatures: [] };
	const signatures = validators.map(({ publicKey }, place) => {
		const flag = flagOf(place);
		if (flag === 1) return { flag, validatorAddress: new Uint8Array(0), timestamp: { seconds: 0n, nanos: 0 }, signature: new Uint8Array(0) } as const;
		const timestamp = { seconds: time.seconds, nanos: 500 + place };
		const signature = ed25519.sign(voteSignBytes(unsigned, { flag, timestamp }, header.chainId), secrets[place] as Uint8Array);
		return { flag, validatorAddress: validatorAddress(publicKey), timestamp, signature } as const;
	});
	return { header, commit: { ...unsigned, signatures }, validators };
}
