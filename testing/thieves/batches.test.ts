/** Thefts from owners, nodes and tills by way of batches, prices, releases and sales. Each title says the theft and who loses what today. */
import { genesisAddresses } from "@freehold/contracts/bytecode";
import { batchRoot } from "@freehold/protocol";
import { type Address, encodeAbiParameters, encodeFunctionData, type Hex } from "viem";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { fixture } from "../contracts/fixtures.js";
import { anchor, claimableOf, GRACE, ledger, line, lineOf, opg, paidCall, priceOf, publication, publish, registry, royalties } from "../contracts/market.js";
import { lossesOf, nobody, OPG, openScene, PRICE, people, type Scene } from "./scene.js";

const { gateway, rival, node, owner, baseOwner, payer, thief, buyer } = people;
const NODE_FEE = OPG / 20n;
const GATEWAY_FEE = OPG / 50n;
let scene: Scene;
beforeAll(async () => {
	scene = await openScene();
});
afterAll(() => scene.chain.close());

const call = (release: Hex = scene.release, calls = 1n) =>
	line({ release, node: node.address, calls, nodeFee: NODE_FEE * calls, gatewayFee: GATEWAY_FEE * calls });
const fill = (till: Address, amount: bigint) => scene.chain.send(payer, { ...opg, functionName: "transfer", args: [till, amount] });
const nextSeq = (who: { readonly address: Address }) => scene.chain.read({ ...ledger, functionName: "nextSeq", args: [who.address] });
const PROTOCOL = (PRICE + NODE_FEE + GATEWAY_FEE) / 100n;
/** Who has more after one call was anchored from a till that held its charge. */
const oneCall = {
	owner: (PRICE * 9n) / 10n,
	node: NODE_FEE,
	gateway: GATEWAY_FEE - PROTOCOL,
	treasury: PROTOCOL,
	till: -(PRICE + NODE_FEE + GATEWAY_FEE),
};

describe("a till", () => {
	test("lines against another gateway's till: nobody loses anything", async () => {
		await fill(scene.till, 10n * OPG);
		expect(await lossesOf(scene, () => expect(anchor(scene.chain, rival, [call()])).rejects.toThrow("TillTooSmall"))).toEqual(nobody);
		const refunds = [{ payer: rival.address, amount: OPG }];
		expect(await lossesOf(scene, () => expect(anchor(scene.chain, rival, [], { refunds })).rejects.toThrow("TillTooSmall"))).toEqual(nobody);
		const { tillAbi } = await import("@freehold/contracts/abi");
		for (const who of [gateway, rival, thief])
			await expect(scene.chain.send(who, { address: scene.till, abi: tillAbi, functionName: "take", args: [1n] })).rejects.toThrow();
	});

	test("repeated or skipped seq: nobody loses anything, a batch is paid once", async () => {
		await fill(scene.till, 10n * OPG);
		const seq = nextSeq(gateway);
		expect(await lossesOf(scene, () => expect(anchor(scene.chain, gateway, [call()], { seq: seq + 1n })).rejects.toThrow("SeqNotNext"))).toEqual(nobody);
		expect(await lossesOf(scene, () => anchor(scene.chain, gateway, [call()], { seq }))).toEqual(oneCall);
		expect(await lossesOf(scene, () => expect(anchor(scene.chain, gateway, [call()], { seq })).rejects.toThrow("SeqNotNext"))).toEqual(nobody);
		const root = batchRoot([call()], []);
		await expect(anchor(scene.chain, gateway, [call(scene.release, 2n)], { root })).rejects.toThrow("RootMismatch");
	});

	test("a stranger anchors for a gateway: nobody loses anything", async () => {
		expect(await lossesOf(scene, () => expect(anchor(scene.chain, thief, [call()])).rejects.toThrow("NotGateway"))).toEqual(nobody);
	});
});

describe("a price", () => {
	test("price rise between order and anchor: the payer loses nothing, the order's price counts", async () => {
		await fill(scene.till, 10n * OPG);
		const { release } = await publish(scene.chain, owner, { name: "price/rises", price: { perCall: OPG } });
		await scene.chain.send(owner, { ...registry, functionName: "setPrice", args: [release, priceOf({ perCall: 9n * OPG })] });
		const dearer = { ...call(release), priceVersion: 2 };
		// The new price is not in force for an hour; a line that names it is held for its payers.
		expect((await anchor(scene.chain, gateway, [dearer])).event("LineHeld")).toMatchObject({ release });
		expect((await lossesOf(scene, () => anchor(scene.chain, gateway, [call(release)])))["owner"]).toBe(OPG);
		scene.chain.advance(3_600 + GRACE - 1);
		expect((await lossesOf(scene, () => anchor(scene.chain, gateway, [call(release)])))["owner"]).toBe(OPG);
		// Long after its end an old price pays nobody: what was kept back that long goes to the payers.
		scene.chain.advance(3);
		expect((await anchor(scene.chain, gateway, [call(release)])).event("LineHeld")).toMatchObject({ release });
	});

	test("price cut after the answer: the owner alone decides it, the order's version still counts for calls before it", async () => {
		await fill(scene.till, 10n * OPG);
		const { release } = await publish(scene.chain, owner, { name: "price/falls", price: { perCall: OPG } });
		expect(
			await lossesOf(scene, () => expect(scene.chain.send(thief, { ...registry, functionName: "setPrice", args: [release, priceOf({})] })).rejects.toThrow()),
		).toEqual(nobody);
		await scene.chain.send(owner, { ...registry, functionName: "setPrice", args: [release, priceOf({ perCall: 1n })] });
		expect((await lossesOf(scene, () => anchor(scene.chain, gateway, [call(release)])))["owner"]).toBe(OPG);
	});

	test("child dodging its parents by relabelling the price as another unit: the parent loses nothing, its share is of all that is paid", async () => {
		await fill(scene.till, 10n * OPG);
		const parents = [{ release: scene.base, bps: 1_000 }];
		const { release } = await publish(scene.chain, thief, { name: "dodge/units", price: { perOutputUnit: OPG / 100n }, parents });
		await anchor(scene.chain, gateway, [{ ...call(release), outputUnits: 100n }]);
		const flow = { ...royalties, functionName: "flow", args: [[scene.base]] } as const;
		expect((await lossesOf(scene, () => scene.chain.send(thief, flow)))["baseOwner"]).toBeGreaterThanOrEqual(OPG / 10n);
	});

	test("child dodging its parents by a price of nothing and fees elsewhere: a parent that set a least amount loses nothing, one that set none loses its share (SECURITY.md)", async () => {
		const careful = await publish(scene.chain, baseOwner, {
			name: "base/careful",
			price: { perCall: OPG },
			terms: { leastBps: 1_000, leastPerCall: OPG / 10n },
		});
		const child = (name: string, release: Hex) => publication({ name, price: { perCall: 0n }, parents: [{ release, bps: 1_000 }] });
		await expect(scene.chain.send(thief, child("dodge/careful", careful.release))).rejects.toThrow("PriceBelowTerms");
		const cheap = publication({ name: "dodge/shares", price: { perCall: OPG }, parents: [{ release: careful.release, bps: 999 }] });
		await expect(scene.chain.send(thief, cheap)).rejects.toThrow("ShareBelowTerms");
		await expect(scene.chain.send(thief, child("dodge/careless", scene.base))).resolves.toBeDefined();
	});

	test("child dodging its parents by a later price below their terms: nobody loses anything", async () => {
		const careful = await publish(scene.chain, baseOwner, { name: "base/strict", price: { perCall: OPG }, terms: { leastPerCall: OPG / 10n } });
		const { release } = await publish(scene.chain, thief, {
			name: "dodge/later",
			price: { perCall: OPG },
			parents: [{ release: careful.release, bps: 1_000 }],
		});
		const cut = scene.chain.send(thief, { ...registry, functionName: "setPrice", args: [release, priceOf({ perCall: 1n })] });
		expect(await lossesOf(scene, () => expect(cut).rejects.toThrow("PriceBelowTerms"))).toEqual(nobody);
	});
});

describe("a release", () => {
	test("retired release sold on: the payer loses nothing, calls ordered after its end are never credited", async () => {
		await fill(scene.till, 10n * OPG);
		const { release } = await publish(scene.chain, owner, { name: "release/retired", price: { perCall: OPG } });
		const late = paidCall({
			gateway,
			node,
			payer: payer.address,
			release,
			price: priceOf({ perCall: OPG }),
			nodeFee: NODE_FEE,
			gatewayFee: GATEWAY_FEE,
			at: scene.chain.time,
			id: 1,
		});
		const { line: sold, proofs } = lineOf([late]);
		await scene.chain.send(owner, { ...registry, functionName: "retire", args: [release] });
		scene.chain.advance(GRACE + 1);
		const seq = nextSeq(gateway);
		expect(await lossesOf(scene, () => anchor(scene.chain, gateway, [sold]))).toEqual({ till: oneCall.till });
		// The whole of it waits for the payer, and comes back to them once.
		const args = [gateway.address, seq, 0n, sold, late.leaf.sums, [...(proofs[0] ?? [])], late.order, late.receipt, payer.address, late.salt] as const;
		const claim = { ...ledger, functionName: "claimHeld", args } as const;
		expect(await lossesOf(scene, () => scene.chain.send(thief, claim))).toEqual({ payer: -oneCall.till });
		expect(await lossesOf(scene, () => expect(scene.chain.send(thief, claim)).rejects.toThrow("LeafAlreadyClaimed"))).toEqual(nobody);
		const mine = { ...claim, args: [...args.slice(0, 8), thief.address, late.salt] };
		await expect(scene.chain.send(thief, mine as never)).rejects.toThrow("NotThePayer");
	});

	test("sale between answer and anchor: the seller loses the calls that were not anchored yet, at most ten seconds of them (SECURITY.md); nobody is paid twice", async () => {
		await fill(scene.till, 10n * OPG);
		const { release, modelId } = await publish(scene.chain, owner, { name: "release/sold", price: { perCall: OPG } });
		await anchor(scene.chain, gateway, [call(release)]);
		await scene.chain.send(owner, { ...registry, functionName: "transferFrom", args: [owner.address, buyer.address, modelId] });
		const after = await lossesOf(scene, () => anchor(scene.chain, gateway, [call(release)]));
		expect([after["owner"], after["buyer"]]).toEqual([undefined, OPG]);
		// What reached the seller before stays the seller's.
		const claimed = await lossesOf(scene, () => scene.chain.send(buyer, { ...royalties, functionName: "claimFor", args: [owner.address] }));
		expect(claimed).toEqual(nobody);
		expect(claimableOf(scene.chain, owner.address)).toBe(0n);
	});

	test("re-entrant, gas-burning or refusing owner contract: nobody else loses anything, a batch runs no code of owners", async () => {
		for (const mood of [1, 2, 3]) {
			await fill(scene.till, 10n * OPG);
			const greedy = await scene.chain.deploy(thief, fixture("GreedyOwner"), [genesisAddresses.Royalties, mood]);
			const { release, modelId } = await publish(scene.chain, thief, { name: `greedy/mood-${mood}`, price: { perCall: OPG } });
			await scene.chain.send(thief, { ...registry, functionName: "transferFrom", args: [thief.address, greedy, modelId] });
			const { gasUsed } = await anchor(scene.chain, gateway, [call(release), call()]);
			expect(gasUsed).toBeLessThan(1_000_000n);
			expect(claimableOf(scene.chain, greedy)).toBe(OPG);
			await scene.chain.send(thief, { address: greedy, abi: fixture("GreedyOwner").abi, functionName: "take", args: [] });
			expect([scene.chain.balance(greedy), claimableOf(scene.chain, greedy)]).toEqual([OPG, 0n]);
			expect(scene.chain.read({ address: greedy, abi: fixture("GreedyOwner").abi, functionName: "touched", args: [] })).toBe(0n);
		}
	});

	test("wash calls on one's own model: nobody loses anything but who makes them, each costs the fees of node, gateway and protocol", async () => {
		const { release } = await publish(scene.chain, thief, { name: "wash/model", price: { perCall: OPG } });
		await scene.chain.send(thief, { ...opg, functionName: "transfer", args: [scene.till, 10n * (PRICE + NODE_FEE + GATEWAY_FEE)] });
		const before = scene.has(thief.address);
		await anchor(scene.chain, gateway, [call(release, 10n)]);
		const cost = 10n * (PRICE + NODE_FEE + GATEWAY_FEE) - (scene.has(thief.address) - before);
		expect(cost).toBe(10n * (NODE_FEE + GATEWAY_FEE));
	});
});

describe("the token", () => {
	const move = (from: Address, to: Address) => encodeAbiParameters([{ type: "address" }, { type: "address" }, { type: "uint256" }], [from, to, OPG]);
	const PRECOMPILE: Address = "0x00000000000000000000000000000000000000fd";

	test("DELEGATECALL, CALLCODE or CALL into the transfer precompile, or into OPG's code: nobody loses anything", async () => {
		const prober = await scene.chain.deploy(thief, fixture("Prober"));
		const transfer = encodeFunctionData({ abi: opg.abi, functionName: "transfer", args: [thief.address, OPG] });
		const attempts: readonly (readonly [string, readonly unknown[]])[] = [
			["delegate", [PRECOMPILE, move(payer.address, thief.address)]],
			["code", [PRECOMPILE, move(payer.address, thief.address)]],
			["plain", [PRECOMPILE, 0n, move(payer.address, thief.address)]],
			["fixedView", [PRECOMPILE, move(payer.address, thief.address)]],
			["delegate", [opg.address, transfer]],
			["code", [opg.address, transfer]],
		];
		for (const [functionName, args] of attempts) {
			const attempt = { address: prober, abi: fixture("Prober").abi, functionName, args } as const;
			expect([functionName, scene.chain.read(attempt)]).toEqual([functionName, false]);
			if (functionName !== "fixedView") expect(await lossesOf(scene, () => scene.chain.send(thief, attempt))).toEqual(nobody);
		}
	});

	test("permit reused, altered or spent by another: nobody loses anything", async () => {
		const domain = { name: "OpenGradient", version: "1", chainId: 10741, verifyingContract: opg.address } as const;
		const types = { Permit: ["address owner", "address spender", "uint256 value", "uint256 nonce", "uint256 deadline"].map(field) };
		const deadline = BigInt(scene.chain.time + 1_000);
		const nonce = scene.chain.read({ ...opg, functionName: "nonces", args: [payer.address] });
		const message = { owner: payer.address, spender: buyer.address, value: OPG, nonce, deadline };
		const signature = await payer.signTypedData({ domain, types, primaryType: "Permit", message });
		const permit = (spender: Address, value = OPG) =>
			scene.chain.send(thief, { ...opg, functionName: "permit", args: [payer.address, spender, value, deadline, signature] });
		await expect(permit(thief.address)).rejects.toThrow("ERC2612InvalidSigner");
		await expect(permit(buyer.address, 2n * OPG)).rejects.toThrow("ERC2612InvalidSigner");
		// Sent by a stranger it does what it says; its spender is not harmed by having been overtaken.
		expect(await lossesOf(scene, () => permit(buyer.address))).toEqual(nobody);
		await expect(permit(buyer.address)).rejects.toThrow("ERC2612InvalidSigner");
		const take = (who: { readonly address: Address }) =>
			scene.chain.send(who, { ...opg, functionName: "transferFrom", args: [payer.address, who.address, OPG] });
		await expect(take(thief)).rejects.toThrow("ERC20InsufficientAllowance");
		expect(await lossesOf(scene, () => take(buyer))).toEqual({ payer: -OPG, buyer: OPG });
		await expect(take(buyer)).rejects.toThrow("ERC20InsufficientAllowance");
	});

	test("authorisation reused, redirected, or cancelled by a stranger: nobody loses anything", async () => {
		const domain = { name: "OpenGradient", version: "1", chainId: 10741, verifyingContract: opg.address } as const;
		const fields = ["address from", "address to", "uint256 value", "uint256 validAfter", "uint256 validBefore", "bytes32 nonce"].map(field);
		const nonce: Hex = `0x${"17".repeat(32)}`;
		const message = { from: payer.address, to: buyer.address, value: OPG, validAfter: 0n, validBefore: BigInt(scene.chain.time + 1_000), nonce };
		const signature = await payer.signTypedData({ domain, types: { TransferWithAuthorization: fields }, primaryType: "TransferWithAuthorization", message });
		const transfer = (to: Address) =>
			scene.chain.send(thief, { ...opg, functionName: "transferWithAuthorization", args: [payer.address, to, OPG, 0n, message.validBefore, nonce, signature] });
		await expect(transfer(thief.address)).rejects.toThrow("ERC3009InvalidSignature");
		const cancelFields = ["address authorizer", "bytes32 nonce"].map(field);
		const cancel = async (signer: typeof payer) => {
			const text = { authorizer: payer.address, nonce };
			const given = await signer.signTypedData({ domain, types: { CancelAuthorization: cancelFields }, primaryType: "CancelAuthorization", message: text });
			return scene.chain.send(thief, { ...opg, functionName: "cancelAuthorization", args: [payer.address, nonce, given] });
		};
		await expect(cancel(thief)).rejects.toThrow("ERC3009InvalidSignature");
		expect(await lossesOf(scene, () => transfer(buyer.address))).toEqual({ payer: -OPG, buyer: OPG });
		await expect(transfer(buyer.address)).rejects.toThrow("ERC3009UsedAuthorization");
		await expect(cancel(payer)).rejects.toThrow("ERC3009UsedAuthorization");
	});
});

function field(text: string): { readonly type: string; readonly name: string } {
	const [type = "", name = ""] = text.split(" ");
	return { type, name };
}
