/** Thefts from channels. Each title says the theft and who loses what today. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { anchor, line, opg } from "../contracts/market.js";
import { channels, lossesOf, nobody, OPG, openScene, people, type Scene } from "./scene.js";

const { gateway, rival, node, payer, thief } = people;
let scene: Scene;
beforeAll(async () => {
	scene = await openScene();
});
afterAll(() => scene.chain.close());

describe("a voucher", () => {
	test("forged voucher: nobody loses anything", async () => {
		const config = await scene.open();
		const forged = await scene.voucher(config, 5n * OPG, { signer: thief });
		expect(await lossesOf(scene, () => expect(scene.chain.send(gateway, scene.claim([forged]))).rejects.toThrow("InvalidVoucherSignature"))).toEqual(nobody);
		const claims = await scene.claims([forged]);
		const sold = [line({ release: scene.release, node: node.address })];
		expect(await lossesOf(scene, () => expect(anchor(scene.chain, gateway, sold, { claims })).rejects.toThrow("InvalidVoucherSignature"))).toEqual(nobody);
	});

	test("voucher claimed beyond what it says: nobody loses anything", async () => {
		const config = await scene.open();
		const stretched = await scene.voucher(config, 5n * OPG, { most: OPG });
		await expect(scene.chain.send(gateway, scene.claim([stretched]))).rejects.toThrow("ClaimExceedsVoucher");
	});

	test("voucher replayed from another chain id: nobody loses anything", async () => {
		const config = await scene.open();
		const elsewhere = await scene.voucher(config, 5n * OPG, { chainId: 10740 });
		expect(await lossesOf(scene, () => expect(scene.chain.send(gateway, scene.claim([elsewhere]))).rejects.toThrow("InvalidVoucherSignature"))).toEqual(nobody);
	});

	test("voucher replayed by another gateway, in its own name or for its own till: nobody loses anything", async () => {
		const config = await scene.open();
		const mine = await scene.open({ receiver: scene.rivalTill, receiverAuthorizer: rival.address });
		const paid = await scene.voucher(config, 5n * OPG);
		const taken = async () => {
			await expect(scene.chain.send(rival, scene.claim([paid]))).rejects.toThrow("NotReceiverAuthorizer");
			const renamed = { ...paid, voucher: { ...paid.voucher, channel: mine } };
			// Another receiver is another channel, whose voucher nobody signed.
			await expect(scene.chain.send(rival, scene.claim([renamed]))).rejects.toThrow("InvalidVoucherSignature");
			const claims = await scene.claims([paid], rival);
			await expect(anchor(scene.chain, rival, [line({ release: scene.release, node: node.address })], { claims })).rejects.toThrow();
		};
		expect(await lossesOf(scene, taken)).toEqual(nobody);
	});

	test("voucher replayed in another lane, whose salt alone differs: nobody loses anything", async () => {
		const [first, second] = [await scene.open(), await scene.open()];
		const paid = await scene.voucher(first, 5n * OPG);
		const moved = { ...paid, voucher: { ...paid.voucher, channel: second } };
		expect(await lossesOf(scene, () => expect(scene.chain.send(gateway, scene.claim([moved]))).rejects.toThrow("InvalidVoucherSignature"))).toEqual(nobody);
		expect(scene.state(second)).toEqual([10n * OPG, 0n]);
	});

	test("old or repeated voucher: nobody loses anything, a total is taken once", async () => {
		const config = await scene.open();
		await scene.chain.send(gateway, scene.claim([await scene.voucher(config, 5n * OPG)]));
		for (const total of [5n, 3n]) await scene.chain.send(gateway, scene.claim([await scene.voucher(config, total * OPG)]));
		expect(scene.state(config)).toEqual([10n * OPG, 5n * OPG]);
	});

	test("stale voucher after a withdrawal began: the payer loses what it signed and nothing more, the gateway nothing if it claims within the notice", async () => {
		const config = await scene.open();
		const paid = await scene.voucher(config, 4n * OPG);
		await scene.chain.send(payer, { ...channels, functionName: "initiateWithdraw", args: [config, 10n * OPG] });
		await scene.chain.send(gateway, scene.claim([paid]));
		scene.chain.advance(900);
		const left = await lossesOf(scene, () => scene.chain.send(payer, { ...channels, functionName: "finalizeWithdraw", args: [config] }));
		expect(left).toEqual({ payer: 6n * OPG });
		// What has left cannot be claimed any more, whatever was signed.
		const late = await scene.voucher(config, 5n * OPG);
		expect(await lossesOf(scene, () => expect(scene.chain.send(gateway, scene.claim([late]))).rejects.toThrow("ClaimExceedsBalance"))).toEqual(nobody);
	});
});

describe("a channel's money", () => {
	test("claim after refund: nobody loses anything, what was given back cannot be claimed", async () => {
		const config = await scene.open();
		const paid = await scene.voucher(config, 8n * OPG);
		await scene.chain.send(gateway, { ...channels, functionName: "refund", args: [config, 10n * OPG] });
		expect(scene.state(config)).toEqual([0n, 0n]);
		expect(await lossesOf(scene, () => expect(scene.chain.send(gateway, scene.claim([paid]))).rejects.toThrow("ClaimExceedsBalance"))).toEqual(nobody);
	});

	test("refund after claim, or a refund's signature used twice: nobody loses anything", async () => {
		const config = await scene.open();
		await scene.chain.send(gateway, scene.claim([await scene.voucher(config, 8n * OPG)]));
		const hash = scene.chain.read({ ...channels, functionName: "getRefundDigest", args: [scene.channelId(config), 0n, 10n * OPG] });
		const refund = { ...channels, functionName: "refundWithSignature", args: [config, 10n * OPG, 0n, await gateway.sign({ hash })] } as const;
		expect(await lossesOf(scene, () => scene.chain.send(thief, refund))).toEqual({ payer: 2n * OPG });
		expect(await lossesOf(scene, () => expect(scene.chain.send(thief, refund)).rejects.toThrow("InvalidRefundNonce"))).toEqual(nobody);
	});

	test("deposit front-run: nobody loses anything, a stranger who sends it first opens the payer's own channel", async () => {
		const config = scene.configOf();
		const deposit = await scene.deposit(config, 10n * OPG, 7n);
		const elsewhere = { ...deposit, args: [{ ...config, receiver: scene.rivalTill, receiverAuthorizer: rival.address }, ...deposit.args.slice(1)] };
		const less = { ...deposit, args: [config, OPG, ...deposit.args.slice(2)] };
		for (const changed of [elsewhere, less])
			expect(await lossesOf(scene, () => expect(scene.chain.send(thief, changed as never)).rejects.toThrow("ERC3009InvalidSignature"))).toEqual(nobody);
		expect(await lossesOf(scene, () => scene.chain.send(thief, deposit))).toEqual({ payer: -10n * OPG });
		expect(scene.state(config)).toEqual([10n * OPG, 0n]);
		expect(await lossesOf(scene, () => expect(scene.chain.send(gateway, deposit)).rejects.toThrow("ERC3009UsedAuthorization"))).toEqual(nobody);
	});

	test("settle by a stranger: nobody loses anything, the money goes to the till and a batch finds it there", async () => {
		const config = await scene.open();
		await scene.chain.send(gateway, scene.claim([await scene.voucher(config, 3n * OPG)]));
		const settle = { ...channels, functionName: "settle", args: [scene.till, opg.address] } as const;
		const moved = await lossesOf(scene, () => scene.chain.send(thief, settle));
		expect(Object.keys(moved)).toEqual(["till"]);
		expect(await lossesOf(scene, () => scene.chain.send(thief, settle))).toEqual(nobody);
		await anchor(scene.chain, gateway, [], { refunds: [{ payer: payer.address, amount: moved["till"] ?? 0n }] });
	});

	test("claim or refund by a stranger: nobody loses anything", async () => {
		const config = await scene.open();
		const paid = await scene.voucher(config, 3n * OPG);
		const attempts = async () => {
			await expect(scene.chain.send(thief, scene.claim([paid]))).rejects.toThrow("NotReceiverAuthorizer");
			await expect(scene.chain.send(thief, { ...channels, functionName: "refund", args: [config, OPG] })).rejects.toThrow("NotReceiverAuthorizer");
			await expect(scene.chain.send(thief, { ...channels, functionName: "initiateWithdraw", args: [config, OPG] })).rejects.toThrow("NotPayer");
		};
		expect(await lossesOf(scene, attempts)).toEqual(nobody);
	});

	test("dust deposits: nobody loses anything but who makes them, a channel of one unit pays for one unit", async () => {
		const config = scene.configOf({ payer: thief.address, payerAuthorizer: thief.address });
		const deposit = await scene.deposit(config, 1n, 1n, thief);
		expect(await lossesOf(scene, () => scene.chain.send(thief, deposit))).toEqual({ thief: -1n });
		const claim = await scene.voucher(config, 2n, { signer: thief });
		await expect(scene.chain.send(gateway, scene.claim([claim]))).rejects.toThrow("ClaimExceedsBalance");
	});
});
