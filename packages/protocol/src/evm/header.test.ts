import { createBlockHeader } from "@ethereumjs/block";
import { Common, Hardfork, Mainnet } from "@ethereumjs/common";
import { describe, expect, it } from "vitest";
import { toHex } from "../bytes/bytes.js";
import { defaultHashes } from "../crypto/crypto.js";
import { encodeRlp } from "../rlp/rlp.js";
import { decodeEvmHeader, type EvmHeader, encodeEvmHeader } from "./header.js";

const fill = (byte: number, length = 32): Uint8Array => new Uint8Array(length).fill(byte);

const header: EvmHeader = {
	parentHash: fill(1),
	ommersHash: fill(2),
	beneficiary: fill(3, 20),
	stateRoot: fill(4),
	transactionsRoot: fill(5),
	receiptsRoot: fill(6),
	logsBloom: fill(0, 256),
	difficulty: 0n,
	number: 12_345n,
	gasLimit: 100_000_000n,
	gasUsed: 21_000n,
	timestamp: 1_760_000_000n,
	extraData: new Uint8Array(0),
	prevRandao: fill(7),
	nonce: fill(0, 8),
	baseFeePerGas: 7n,
	withdrawalsRoot: fill(8),
	blobGasUsed: 0n,
	excessBlobGas: 0n,
	parentBeaconBlockRoot: fill(9),
	requestsHash: fill(10),
};

describe("an EVM header", () => {
	it("has the hash that another implementation computes", () => {
		const common = new Common({ chain: Mainnet, hardfork: Hardfork.Prague });
		const { ommersHash, beneficiary, transactionsRoot, receiptsRoot, prevRandao, ...same } = header;
		const other = createBlockHeader(
			{ ...same, uncleHash: ommersHash, coinbase: beneficiary, transactionsTrie: transactionsRoot, receiptTrie: receiptsRoot, mixHash: prevRandao } as never,
			{ common, skipConsensusFormatValidation: true },
		);
		expect(toHex(defaultHashes.keccak256(encodeEvmHeader(header)))).toBe(toHex(other.hash()));
	});

	it("reads back, and is refused when a field is missing, misshapen or spelt otherwise", () => {
		const rlp = encodeEvmHeader(header);
		expect(decodeEvmHeader(rlp)).toEqual(header);
		const fields = Object.values(header).map((value) => (typeof value === "bigint" ? bytesOf(value) : value)) as Uint8Array[];
		expect(encodeRlp(fields)).toEqual(rlp);
		const changed = (index: number, value: Uint8Array | readonly Uint8Array[]): Uint8Array =>
			encodeRlp(fields.map((field, at) => (at === index ? value : field)));
		for (const [index, value] of [
			[3, fill(4, 31)],
			[6, fill(0, 255)],
			[14, fill(0, 7)],
			[8, Uint8Array.of(0, 1)],
			[8, Uint8Array.of(0)],
			[9, fill(1, 9)],
			[12, [fill(1)]],
		] as const) {
			expect(() => decodeEvmHeader(changed(index, value)), `field ${index}`).toThrow(SyntaxError);
		}
		expect(() => decodeEvmHeader(encodeRlp(fields.slice(0, 20)))).toThrow(SyntaxError);
		expect(() => decodeEvmHeader(encodeRlp([...fields, fill(1)]))).toThrow(SyntaxError);
		expect(() => decodeEvmHeader(encodeRlp(fill(1)))).toThrow(SyntaxError);
	});
});

function bytesOf(value: bigint): Uint8Array {
	const hex = value.toString(16);
	return value === 0n ? new Uint8Array(0) : Uint8Array.from(Buffer.from(hex.padStart(hex.length + (hex.length % 2), "0"), "hex"));
}
