import { createBlockHeader } from "@ethereumjs/block";
import { Common, Hardfork, Mainnet } from "@ethereumjs/common";
import { createMPT } from "@ethereumjs/mpt";
import { RLP } from "@ethereumjs/rlp";
import { encodeEvmHeader, fromHex, toHex } from "@freehold/protocol";
import { describe, expect, test } from "vitest";
import { nextBaseFee } from "./base-fee.js";
import { assembleBlock, BLOCK_GAS_LIMIT } from "./block.js";
import { logsBloom } from "./bloom.js";
import { EMPTY_TRIE_ROOT, orderedTrieRoot } from "./ordered-trie.js";
import { encodeReceipt } from "./receipt.js";

describe("the ordered trie's root equals that of an independent implementation", () => {
	test.each([0, 1, 2, 16, 17, 127, 128, 129, 300])("%i items", async (count) => {
		const items = Array.from({ length: count }, (_, index) => new Uint8Array(1 + ((index * 37) % 90)).fill(index + 1));
		const trie = await createMPT();
		for (const [index, item] of items.entries()) await trie.put(RLP.encode(index), item);
		expect(toHex(orderedTrieRoot(items))).toBe(toHex(trie.root()));
	});
	test("nothing", () => expect(orderedTrieRoot([])).toEqual(EMPTY_TRIE_ROOT));
});

test("a bloom holds address and topics of each log", () => {
	// The bits of keccak256("0x0f572e5295c57f15886f9b263e2f6d2d6c7b5ec6") stand in the test of the execution specification for blooms.
	const bloom = logsBloom([{ address: fromHex("0x0f572e5295c57f15886f9b263e2f6d2d6c7b5ec6"), topics: [], data: new Uint8Array(0) }]);
	const bits = [...bloom]
		.flatMap((byte, index) => Array.from({ length: 8 }, (_, bit) => (byte & (1 << bit) ? (255 - index) * 8 + bit : -1)))
		.filter((bit) => bit >= 0);
	expect(bits.sort((a, b) => a - b)).toEqual([1323, 431, 1319].sort((a, b) => a - b));
});

test("a receipt of each type is enveloped as EIP-2718 says", () => {
	const receipt = { success: true, gasUsed: 1n, cumulativeGasUsed: 21_000n, logs: [] };
	const legacy = encodeReceipt(0, receipt);
	expect(encodeReceipt(2, receipt)).toEqual(Uint8Array.of(2, ...legacy));
	expect((RLP.decode(legacy) as Uint8Array[]).slice(0, 2).map(toHex)).toEqual(["0x01", "0x5208"]);
});

test("a header hashes as an independent implementation hashes it", () => {
	const env = {
		chainId: 10741n,
		number: 7n,
		timestamp: 1_760_000_123n,
		gasLimit: BLOCK_GAS_LIMIT,
		baseFeePerGas: 875_000n,
		coinbase: new Uint8Array(20).fill(6),
		prevRandao: new Uint8Array(32).fill(9),
		parentHash: new Uint8Array(32).fill(8),
	};
	const { header, hash } = assembleBlock(env, [], new Uint8Array(32).fill(5));
	const common = new Common({ chain: Mainnet, hardfork: Hardfork.Prague });
	const theirs = createBlockHeader(theirFields(header), { common, skipConsensusFormatValidation: true });
	expect(toHex(theirs.hash())).toBe(toHex(hash));
	expect(toHex(theirs.serialize())).toBe(toHex(encodeEvmHeader(header)));
});

function theirFields(header: Parameters<typeof encodeEvmHeader>[0]) {
	return {
		parentHash: header.parentHash,
		uncleHash: header.ommersHash,
		coinbase: toHex(header.beneficiary),
		stateRoot: header.stateRoot,
		transactionsTrie: header.transactionsRoot,
		receiptTrie: header.receiptsRoot,
		logsBloom: header.logsBloom,
		difficulty: header.difficulty,
		number: header.number,
		gasLimit: header.gasLimit,
		gasUsed: header.gasUsed,
		timestamp: header.timestamp,
		extraData: header.extraData,
		mixHash: header.prevRandao,
		nonce: header.nonce,
		baseFeePerGas: header.baseFeePerGas,
		withdrawalsRoot: header.withdrawalsRoot,
		blobGasUsed: header.blobGasUsed,
		excessBlobGas: header.excessBlobGas,
		parentBeaconBlockRoot: header.parentBeaconBlockRoot,
		requestsHash: header.requestsHash,
	};
}

describe("the base fee (EIP-1559)", () => {
	const after = (baseFeePerGas: bigint, gasUsed: bigint) => nextBaseFee({ baseFeePerGas, gasUsed, gasLimit: 100_000_000n });

	test("stays at the target, moves by at most an eighth", () => {
		expect(after(1_000_000n, 50_000_000n)).toBe(1_000_000n);
		expect(after(1_000_000n, 100_000_000n)).toBe(1_125_000n);
		expect(after(1_000_000n, 0n)).toBe(875_000n);
	});
	test("rises by at least one wei", () => expect(after(7n, 50_000_001n)).toBe(8n));
	test("falls below 0.001 gwei when idle, and ends at 7 wei", () => {
		let fee = 10n ** 9n;
		for (let block = 0; block < 60; block++) fee = after(fee, 0n);
		expect(fee).toBeLessThan(1_000_000n);
		for (let block = 0; block < 300; block++) fee = after(fee, 0n);
		expect(fee).toBe(7n);
	});
});
