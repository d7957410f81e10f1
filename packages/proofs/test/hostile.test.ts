/** Receipt files, state proofs and consensus blocks under damage: nothing but the genuine file is ever called genuine. */

import { createMerkleProof, createMPT } from "@ethereumjs/mpt";
import {
	type Crypto,
	defaultHashes,
	encodeRlp,
	formatReceiptFile,
	lightBlockShape,
	networkOf,
	parseReceiptFile,
	type ReceiptFile,
	receiptFileShape,
	toHex,
} from "@freehold/protocol";
import { nativeCrypto } from "@freehold/service";
import { mutateBytes } from "../../../testing/hostile/fuzz/bytes.js";
import { fuzz, type Target } from "../../../testing/hostile/fuzz/fuzzer.js";
import { type Json, mutateJson, mutateJsonText } from "../../../testing/hostile/fuzz/json.js";
import { judgeLightBlock, ProofError, readTrie, TrieNodes, verifyReceipt } from "../src/index.js";
import { type Made, makeReceipt } from "./genuine-receipt.js";

const made: Made = await makeReceipt({ validatorPowers: [10n, 20n], signers: [0, 1], checkpointKind: "validators", otherCalls: 1 });
const whole = formatReceiptFile(made.file);
const wholeValue = JSON.parse(whole) as { readonly [key: string]: Json };
const { anchor: _, ...withoutAnchor } = wholeValue;

/** The primitives are pure: what was computed once is known, within bounds. */
function remembering(crypto: Crypto): Crypto {
	const known = new Map<string, unknown>();
	const once = <R>(name: string, compute: () => R): R => {
		if (known.size > 50_000) known.clear();
		if (!known.has(name)) known.set(name, compute());
		return known.get(name) as R;
	};
	return {
		...crypto,
		recover: (digest, signature) => once(`r${toHex(digest)}${toHex(signature)}`, () => crypto.recover(digest, signature)),
		verifyEd25519: (key, message, signature) => once(`e${toHex(key)}${toHex(message)}${toHex(signature)}`, () => crypto.verifyEd25519(key, message, signature)),
	};
}
const options = { checkpoint: made.checkpoint, crypto: remembering(nativeCrypto) };

/** What a holder may take away without making the file a forgery. */
const essence = ({ request, response, evidence, holder, ...rest }: ReceiptFile): string => JSON.stringify(receiptFileShape.write({ ...rest, evidence: [] }));
const genuine = essence(made.file);
const genuineHolder = JSON.stringify(made.file.holder);

const asText: Target<string> = {
	name: "receipt files as text",
	seeds: () => [JSON.stringify(withoutAnchor)],
	mutate: (text, random, seeds) =>
		mutateJsonText(
			JSON.parse(text) as Json,
			random,
			seeds.map((seed) => JSON.parse(seed) as Json),
		),
	read: (text) => {
		const file = parseReceiptFile(text);
		if (JSON.stringify(sorted(receiptFileShape.write(file) as Json)) !== JSON.stringify(sorted(JSON.parse(text) as Json)))
			throw new Error("something was read that is not written");
		if (verifyReceipt(file, options).outcome === "meets") throw new Error("a file without anchor is called anchored");
		return true;
	},
	isRefusal: (error) => error instanceof SyntaxError,
};

const judged: Target<Json> = {
	name: "receipt files as values",
	seeds: () => [wholeValue],
	mutate: mutateJson,
	read: (value) => {
		const file = receiptFileShape.read(value, "file");
		const { outcome } = verifyReceipt(file, options);
		if (outcome !== "meets") return false;
		if (essence(file) !== genuine) throw new Error("an altered file is called genuine");
		if (file.holder !== undefined && JSON.stringify(file.holder) !== genuineHolder) throw new Error("another holder is called genuine");
		return true;
	},
	isRefusal: (error) => error instanceof SyntaxError,
};

const genuineBlock = JSON.stringify(lightBlockShape.write((made.file.anchor as NonNullable<typeof made.file.anchor>).lightBlock));
const trust = { checkpoint: made.checkpoint, consensusChainId: networkOf(made.file.chainId)?.consensusChainId ?? "" };
const lightBlock: Target<Json> = {
	name: "consensus blocks",
	seeds: () => [(wholeValue["anchor"] as { readonly lightBlock: Json }).lightBlock],
	mutate: mutateJson,
	read: (value) => {
		const block = lightBlockShape.read(value, "block");
		if (judgeLightBlock(block, trust, options.crypto).kind === "refused") return false;
		if (JSON.stringify(lightBlockShape.write(block)) !== genuineBlock) throw new Error("an altered block is trusted");
		return true;
	},
	isRefusal: (error) => error instanceof SyntaxError,
};

/** A trie of another implementation with 200 entries, and the proof of one of them. */
const entries = Array.from({ length: 200 }, (_, index) => ({
	key: defaultHashes.keccak256(Uint8Array.of(index)),
	value: encodeRlp(Uint8Array.of(index + 1, 7)),
}));
const trie = await createMPT({ useKeyHashing: false });
for (const { key, value } of entries) await trie.put(key, value);
const root = trie.root();
const proofs = await Promise.all(entries.slice(0, 40).map(({ key }) => createMerkleProof(trie, key)));
interface StateProof {
	readonly nodes: readonly Uint8Array[];
	readonly key: Uint8Array;
}
const stateProofs: Target<StateProof> = {
	name: "state proofs",
	seeds: () => proofs.map((nodes, index) => ({ nodes, key: entries[index]?.key ?? new Uint8Array(32) })),
	mutate: ({ nodes, key }, random, seeds) => {
		const other = random.pick(seeds);
		const at = random.below(nodes.length);
		switch (random.below(4)) {
			case 0:
				return { nodes: nodes.filter((_, index) => index !== at), key };
			case 1:
				return { nodes: [...nodes, ...other.nodes], key: random.chance(0.5) ? other.key : mutateBytes(key, random, [key]).slice(0, 32) };
			case 2:
				return { nodes: other.nodes, key };
			default:
				return { nodes: nodes.map((node, index) => (index === at ? mutateBytes(node, random, nodes) : node)), key };
		}
	},
	read: ({ nodes, key }) => {
		const value = readTrie(root, key, new TrieNodes(nodes, defaultHashes));
		const truth = entries.find((entry) => Buffer.compare(entry.key, key) === 0)?.value;
		if (value === undefined ? truth !== undefined : truth === undefined || Buffer.compare(value, truth) !== 0) throw new Error("a proof of what is not so");
		return true;
	},
	isRefusal: (error) => error instanceof ProofError,
};

/** The nodes themselves chosen by a liar: the root is of their own making, so only the way of reading is tried. */
const trieNodes: Target<Uint8Array> = {
	name: "trie nodes",
	seeds: () => [encodeRlp([Uint8Array.of(0x20, ...(entries[0]?.key ?? [])), Uint8Array.of(1, 2)]), proofs[0]?.[0] ?? new Uint8Array(0)],
	mutate: mutateBytes,
	read: (node) => {
		const lie = defaultHashes.keccak256(node);
		readTrie(lie, entries[0]?.key ?? lie, new TrieNodes([node, ...(proofs[0] ?? [])], defaultHashes));
		return true;
	},
	isRefusal: (error) => error instanceof ProofError,
};

function sorted(value: Json): Json {
	if (Array.isArray(value)) return value.map(sorted);
	if (typeof value !== "object" || value === null) return value;
	return Object.entries(value)
		.sort(([a], [b]) => (a < b ? -1 : 1))
		.map(([key, member]) => [key, sorted(member as Json)]);
}

fuzz(asText, judged, lightBlock, stateProofs, trieNodes);
