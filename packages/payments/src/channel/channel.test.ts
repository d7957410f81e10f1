import { tillInitCodeHash } from "@freehold/contracts/layout";
import { contractAddresses, toHex } from "@freehold/protocol";
import { computeChannelId } from "@x402/evm/batch-settlement/client";
import { encodeAbiParameters, getContractAddress, hashTypedData, keccak256, pad } from "viem";
import { describe, expect, it } from "vitest";
import { channelId, channelsDomain, channelTypes, claimBatchDigest, depositNonce, laneSalt, refundDigest, tillAddress, voucherDigest } from "./channel.js";

const CHAIN = 10741;
const config = {
	payer: "0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266",
	payerAuthorizer: "0x70997970c51812dc3a010c7d01b50e0d17dc79c8",
	receiver: "0x3c44cdddb6a900fa2b585dd299e03d12fa4293bc",
	receiverAuthorizer: "0x90f79bf6eb2c4f870365e785982e1f101e93b906",
	token: contractAddresses.OPG,
	withdrawDelay: 3600,
	salt: laneSalt(3),
} as const;
const id = channelId(config, CHAIN);

describe("what a channel's parties sign", () => {
	it("names the channel as the reference client does", () => {
		expect(id).toBe(computeChannelId(config, CHAIN));
	});

	it("is the typed data that wallets compute: voucher, refund and claims", () => {
		const domain = channelsDomain(CHAIN);
		const hash = (types: Record<string, { name: string; type: string }[]>, primaryType: string, message: Record<string, unknown>) =>
			hashTypedData({ domain, types, primaryType, message });
		expect(toHex(voucherDigest(id, 7n, CHAIN))).toBe(hash({ Voucher: [...channelTypes.Voucher] }, "Voucher", { channelId: id, maxClaimableAmount: 7n }));
		const refund = [
			{ name: "channelId", type: "bytes32" },
			{ name: "nonce", type: "uint256" },
			{ name: "amount", type: "uint128" },
		];
		expect(toHex(refundDigest(id, 2n, 9n, CHAIN))).toBe(hash({ Refund: refund }, "Refund", { channelId: id, nonce: 2n, amount: 9n }));
		const entry = [
			{ name: "channelId", type: "bytes32" },
			{ name: "maxClaimableAmount", type: "uint128" },
			{ name: "totalClaimed", type: "uint128" },
		];
		const claims = [
			{ channelId: id, maxClaimableAmount: 10n, totalClaimed: 8n },
			{ channelId: depositNonce(id, laneSalt(1)), maxClaimableAmount: 5n, totalClaimed: 5n },
		];
		expect(toHex(claimBatchDigest(claims, CHAIN))).toBe(
			hash({ ClaimBatch: [{ name: "claims", type: "ClaimEntry[]" }], ClaimEntry: entry }, "ClaimBatch", { claims }),
		);
	});

	it("binds a deposit's nonce to the channel", () => {
		const salt = laneSalt(99);
		expect(depositNonce(id, salt)).toBe(keccak256(encodeAbiParameters([{ type: "bytes32" }, { type: "uint256" }], [id, 99n])));
	});
});

it("a till stands where CREATE2 puts it", () => {
	const gateway = config.payer;
	expect(tillAddress(gateway)).toBe(
		getContractAddress({ opcode: "CREATE2", from: contractAddresses.UsageLedger, salt: pad(gateway), bytecodeHash: tillInitCodeHash }).toLowerCase(),
	);
});
