import { modelRegistryAbi, opgAbi } from "@freehold/contracts/abi";
import { contractAddresses } from "@freehold/protocol";
import { encodeFunctionData } from "viem";
import { describe, expect, it } from "vitest";
import { explainTransaction, explainTypedData, type TypedData } from "./explain.js";

const UNIT = 10n ** 18n;
const ME = `0x${"11".repeat(20)}` as const;
const deposit: TypedData = {
	domain: { name: "OpenGradient", version: "1", chainId: 10741, verifyingContract: contractAddresses.OPG },
	types: {},
	primaryType: "ReceiveWithAuthorization",
	message: {
		from: ME,
		to: contractAddresses.Erc3009DepositCollector,
		value: 5n * UNIT + 1n,
		validAfter: 0n,
		validBefore: 1_800_000_000n,
		nonce: `0x${"00".repeat(32)}`,
	},
};
const transaction = { chainId: 10741, value: 0n, gas: 100_000n, maxFeePerGas: 10n ** 9n };

describe("words before a signature", () => {
	it("say the amount of the data itself, exact", () => {
		const explained = explainTypedData(deposit);
		expect(explained?.title).toContain("5.00 OPG");
		expect(explained?.rows.find(([label]) => label === "Amount")?.[2]).toBe("5.000000000000000001 OPG");
		expect(explained?.amount).toBe(5n * UNIT + 1n);
	});

	it.each([
		["another receiver", { ...deposit, message: { ...deposit.message, to: ME } }],
		["another contract", { ...deposit, domain: { ...deposit.domain, verifyingContract: ME } }],
		["another kind", { ...deposit, primaryType: "Permit" }],
		["an unknown chain", { ...deposit, domain: { ...deposit.domain, chainId: 1 } }],
		["no amount", { ...deposit, message: { ...deposit.message, value: "all" } }],
	])("are refused for %s", (_, typed) => expect(explainTypedData(typed)).toBeUndefined());

	it("name price and parents of a publication as they are encoded", () => {
		const data = encodeFunctionData({
			abi: modelRegistryAbi,
			functionName: "publish",
			args: [
				"ada",
				"reader",
				0,
				{
					major: 1,
					minor: 2,
					format: 1,
					modes: 3,
					manifest: `0x${"01".repeat(32)}`,
					inputSchema: `0x${"02".repeat(32)}`,
					outputSchema: `0x${"03".repeat(32)}`,
					licence: "MIT",
					terms: { leastPerCall: 0n, leastPerInputUnit: 0n, leastPerOutputUnit: 0n, leastBps: 0 },
					parents: [{ release: `0x${"04".repeat(32)}`, bps: 2_000 }],
				},
				{ perCall: 2n * UNIT, perInputUnit: 0n, perOutputUnit: 0n },
			],
		});
		const explained = explainTransaction({ ...transaction, to: contractAddresses.ModelRegistry, data });
		expect(explained?.title).toBe("Publish ada/reader 1.2 as yours");
		expect(explained?.sentences.join(" ")).toContain("2.00 OPG");
		expect(explained?.sentences.join(" ")).toContain("20 %");
	});

	it("name every part of a new price", () => {
		const price = { perCall: UNIT, perInputUnit: 1n, perOutputUnit: UNIT / 4n };
		const data = encodeFunctionData({ abi: modelRegistryAbi, functionName: "setPrice", args: [`0x${"04".repeat(32)}`, price] });
		const explained = explainTransaction({ ...transaction, to: contractAddresses.ModelRegistry, data });
		expect(explained?.title).toBe("Ask 1.00 OPG a call, < 0.0001 OPG an input unit and 0.25 OPG an output unit from now on");
		expect(explained?.rows.filter(([label]) => label.startsWith("Price")).map(([, , exact]) => exact)).toEqual([
			"1.00 OPG",
			"0.000000000000000001 OPG",
			"0.25 OPG",
		]);
	});

	it("are refused for calls that this page never makes, and for anything that carries money", () => {
		const data = encodeFunctionData({ abi: opgAbi, functionName: "transfer", args: [ME, UNIT] });
		expect(explainTransaction({ ...transaction, to: contractAddresses.OPG, data })).toBeUndefined();
		expect(explainTransaction({ ...transaction, to: ME, data: "0x", value: UNIT })).toBeUndefined();
		const approve = encodeFunctionData({ abi: modelRegistryAbi, functionName: "approve", args: [ME, 1n] });
		expect(explainTransaction({ ...transaction, to: contractAddresses.ModelRegistry, data: approve })).toBeUndefined();
	});

	it("name what an API key may do, as its terms are signed", () => {
		const terms = {
			key: `0x${"05".repeat(32)}`,
			name: "laptop",
			budget: (5n * UNIT).toString(),
			daily: UNIT.toString(),
			models: ["freehold/chat"],
			channelId: `0x${"06".repeat(32)}`,
		};
		const request = (action: string, text: string): TypedData => ({
			domain: { name: "Freehold keys", version: "1", chainId: 10741, verifyingContract: contractAddresses.Channels },
			types: {},
			primaryType: "KeyRequest",
			message: { action, gateway: ME, terms: text, key: terms.key, issuedAt: 1n },
		});
		const made = explainTypedData(request("create", JSON.stringify(terms)));
		expect(made?.title).toBe("Make an API key that may spend up to 5.00 OPG");
		expect(made?.rows.map(([label, value]) => `${label}: ${value}`)).toEqual(
			expect.arrayContaining(["On one day: 1.00 OPG", "May ask: freehold/chat", "Ends: when you end it"]),
		);
		expect(explainTypedData(request("revoke", ""))?.title).toContain("End");
		expect(explainTypedData(request("list", ""))?.kind).toBe("look");
		for (const bad of ["", "[]", JSON.stringify({ ...terms, budget: "all" }), JSON.stringify({ ...terms, owner: ME })])
			expect(explainTypedData(request("create", bad))).toBeUndefined();
		expect(explainTypedData(request("give", ""))).toBeUndefined();
	});
});
