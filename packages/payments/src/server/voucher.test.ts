import { contractAddresses, fromHex, type Hex, toHex } from "@freehold/protocol";
import { createDigestSigner, nativeCrypto } from "@freehold/service";
import fc from "fast-check";
import { privateKeyToAccount } from "viem/accounts";
import { describe, expect, it } from "vitest";
import { type ChannelConfig, channelId, laneSalt, tillAddress, voucherDigest } from "../channel/channel.js";
import { createChannelPayer } from "../client/channel-payer.js";
import { memoryLaneStore } from "../client/lane.js";
import { decodePayment, encodeHeader, x402Headers } from "../x402/messages.js";
import { readBatchPayload } from "../x402/payloads.js";
import { batchReasons } from "../x402/reasons.js";
import { checkDeposit } from "./authorization.js";
import { offer, opgToken, paymentRequired, type TillTerms } from "./offer.js";
import { type ChannelState, checkConfig, checkVoucher, spendable } from "./voucher.js";

const CHAIN = 10741;
const key = `0x${"42".repeat(32)}` as const;
const signer = createDigestSigner(fromHex(key));
const gateway: Hex = "0x00000000000000000000000000000000000000aa";
const terms: TillTerms = {
	chainId: CHAIN,
	payTo: tillAddress(gateway),
	gateway,
	receiverAuthorizer: gateway,
	withdrawDelay: 3600,
	minDeposit: 100n,
	maxTimeoutSeconds: 60,
	token: opgToken,
};
const config: ChannelConfig = {
	payer: signer.address,
	payerAuthorizer: signer.address,
	receiver: terms.payTo,
	receiverAuthorizer: gateway,
	token: contractAddresses.OPG,
	withdrawDelay: 3600,
	salt: laneSalt(0),
};
const id = channelId(config, CHAIN);
const sign = (max: bigint) => ({ channelId: id, maxClaimableAmount: max, signature: toHex(signer.signDigest(voucherDigest(id, max, CHAIN))) });
const state = (change: Partial<ChannelState> = {}): ChannelState => ({ config, balance: 1_000n, totalClaimed: 0n, withdrawing: 0n, charged: 0n, ...change });
const reason = (verdict: ReturnType<typeof checkVoucher>) => (verdict.ok ? "good" : verdict.reason);

describe("a voucher", () => {
	it.each<[string, bigint, Partial<ChannelState>, string]>([
		["that continues from the last charge is good", 150n, { charged: 50n }, "good"],
		["up to the last unit of the balance is good", 1_000n, { charged: 900n }, "good"],
		["one unit beyond the balance is not", 1_001n, { charged: 901n }, batchReasons.exceedsBalance],
		["beyond what an exit leaves is not", 150n, { charged: 50n, withdrawing: 900n }, batchReasons.exceedsBalance],
		["that signs less than the charge and the call is not", 149n, { charged: 50n }, batchReasons.cumulative],
		["that signs more is not", 151n, { charged: 50n }, batchReasons.cumulative],
	])("%s", (_, max, change, expected) => {
		expect(reason(checkVoucher(sign(max), 100n, state(change), CHAIN, nativeCrypto))).toBe(expected);
	});

	it("of another signer, for another amount or channel is not good", () => {
		const good = sign(100n);
		for (const forged of [
			{ ...good, maxClaimableAmount: 200n },
			{ ...good, signature: sign(300n).signature },
			{ ...good, channelId: `0x${"11".repeat(32)}` as Hex },
		]) {
			const amount = forged.maxClaimableAmount;
			expect(reason(checkVoucher(forged, amount, state(), CHAIN, nativeCrypto))).toBe(batchReasons.signature);
		}
	});

	it("that is good can always be claimed, whatever an exit takes", () => {
		const amounts = fc.bigInt(0n, 10n ** 24n);
		fc.assert(
			fc.property(amounts, amounts, amounts, amounts, (balance, withdrawing, charged, amount) => {
				const channel = state({ balance, withdrawing, charged, totalClaimed: 0n });
				const verdict = checkVoucher(sign(charged + amount), amount, channel, CHAIN, nativeCrypto);
				// The exit takes at most `withdrawing` of the balance; the claim needs `charged + amount`.
				if (verdict.ok) expect(balance - withdrawing).toBeGreaterThanOrEqual(charged + amount);
				else expect(charged + amount === 0n || charged + amount > spendable(channel)).toBe(true);
			}),
			{ numRuns: 200 },
		);
	});
});

describe("a channel", () => {
	it.each<[string, Partial<ChannelConfig>, string]>([
		["that pays somebody else", { receiver: signer.address }, batchReasons.receiver],
		["that another key claims", { receiverAuthorizer: signer.address }, batchReasons.receiverAuthorizer],
		["of another token", { token: signer.address }, batchReasons.token],
		["that can be left too soon", { withdrawDelay: 899 }, batchReasons.withdrawDelayRange],
		["with another notice", { withdrawDelay: 900 }, batchReasons.withdrawDelay],
		["whose payer would have to confirm vouchers by code", { payerAuthorizer: `0x${"00".repeat(20)}` }, batchReasons.payerAuthorizer],
		["that its id does not name", { salt: laneSalt(9) }, batchReasons.channelId],
	])("%s is not taken", (_, change, expected) => {
		expect(reason(checkConfig({ ...config, ...change }, sign(1n), terms, nativeCrypto))).toBe(expected);
	});
});

describe("our payer and our server", () => {
	const wallet = privateKeyToAccount(key);
	const store = memoryLaneStore();
	const payer = createChannelPayer({
		wallet: { address: wallet.address.toLowerCase() as Hex, signTypedData: (data) => wallet.signTypedData(data as Parameters<typeof wallet.signTypedData>[0]) },
		chainId: CHAIN,
		store,
		lanes: 1,
		confirmDeposit: (plan) => plan.amount + 7n,
		now: () => 1_000_000,
		random: (length) => new Uint8Array(length).fill(3),
	});
	const required = paymentRequired("http://gateway/v1/inference", offer(terms, { amount: 250n, known: true }));
	const read = (headers: Readonly<Record<string, string>>) => {
		const payment = decodePayment(headers[x402Headers.signature] ?? "");
		const payload = payment === undefined ? undefined : readBatchPayload(payment.payload);
		if (payload === undefined) throw new Error("no payment");
		return payload;
	};

	it("agree on a deposit, on vouchers after it, and on what a failed call leaves", async () => {
		const first = await payer.pay(required, gateway);
		const opened = read(first.headers);
		if (opened.type !== "deposit") throw new Error("no deposit");
		expect(opened.deposit.amount).toBe(257n);
		expect(checkConfig(opened.config, opened.voucher, terms, nativeCrypto)).toEqual({ ok: true });
		expect(checkDeposit(opened.deposit, opened.voucher.channelId, opened.config, terms, 1_000, nativeCrypto)).toEqual({ ok: true });
		expect(checkDeposit({ ...opened.deposit, amount: 258n }, opened.voucher.channelId, opened.config, terms, 1_000, nativeCrypto).ok).toBe(false);
		expect(checkDeposit(opened.deposit, opened.voucher.channelId, opened.config, terms, 1_055, nativeCrypto)).toMatchObject({
			reason: batchReasons.depositExpired,
		});
		expect(checkVoucher(opened.voucher, 250n, state({ config: opened.config, balance: 257n }), CHAIN, nativeCrypto)).toEqual({ ok: true });

		const settle = (charged: string, cumulative: string) =>
			encodeHeader({
				success: true,
				transaction: "",
				network: "eip155:10741",
				extra: { chargedAmount: charged, channelState: { chargedCumulativeAmount: cumulative, balance: "2570" } },
			});
		const header = (value: string) => (name: string) => (name === x402Headers.response ? value : null);
		expect(await first.settle({ status: 200, header: header(settle("240", "240")) })).toMatchObject({ result: "paid", charged: 240n });

		const failed = await payer.pay(required, gateway);
		const voucher = read(failed.headers);
		expect([voucher.type, voucher.voucher.maxClaimableAmount]).toEqual(["voucher", 490n]);
		expect(await failed.settle({ status: 502, header: () => null })).toEqual({ result: "unpaid" });
		const again = await payer.pay(required, gateway);
		expect(read(again.headers).voucher.maxClaimableAmount).toBe(490n);
		await expect(again.settle({ status: 200, header: header(settle("251", "491")) })).rejects.toMatchObject({ code: "payment.invalid" });
	});

	it("waits for the lane instead of signing twice on it, and stops waiting when told", async () => {
		const first = await payer.pay(required, gateway);
		const stop = new AbortController();
		const second = payer.pay(required, gateway, stop.signal);
		const third = payer.pay(required, gateway);
		stop.abort();
		await expect(second).rejects.toMatchObject({ code: "request.aborted" });
		first.release();
		(await third).release();
	});

	it("pays nobody but the till of the gateway that is meant", async () => {
		await expect(payer.pay(required, signer.address)).rejects.toThrow(/not the till/);
	});
});
