/** Models, releases, prices, terms and parents: what is immutable, and who may do what. */
import { type Address, encodeAbiParameters, getAddress, keccak256, toHex, zeroAddress, zeroHash } from "viem";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { account, type Chain, openChain } from "./chain.js";
import { fixture } from "./fixtures.js";
import { priceOf, publication, publish, registry, releaseData } from "./market.js";

const [alice, bob, carol] = [account(0), account(1), account(2)];
let chain: Chain;
let serial = 0;
beforeAll(async () => {
	chain = await openChain({ extraAbis: [fixture("HalfAndHalf").abi] });
});
afterAll(() => chain.close());

const fresh = () => `space/m${serial++}`;
const current = (release: `0x${string}`) => chain.read({ ...registry, functionName: "currentPrice", args: [release] });
const setPrice = (release: `0x${string}`, price: Parameters<typeof priceOf>[0], who = alice) =>
	chain.send(who, { ...registry, functionName: "setPrice", args: [release, priceOf(price)] });

describe("publishing", () => {
	test("one transaction claims the namespace, mints the model and adds the release with its price", async () => {
		const sent = await chain.send(carol, publication({ name: "carol/first", price: { perCall: 5n }, saleRoyaltyBps: 250, terms: { leastBps: 100 } }));
		const modelId = BigInt(keccak256(toHex("carol/first")));
		const release = keccak256(encodeAbiParameters([{ type: "uint256" }, { type: "uint16" }, { type: "uint16" }], [modelId, 1, 0]));
		expect(sent.event("NamespaceClaimed")).toEqual({ namespaceId: keccak256(toHex("carol")), owner: carol.address, namespace: "carol" });
		expect(sent.event("ModelCreated")).toEqual({ modelId, owner: carol.address, namespace: "carol", name: "first", saleRoyaltyBps: 250 });
		expect(sent.event("Transfer")).toEqual({ from: zeroAddress, to: carol.address, tokenId: modelId });
		expect(sent.event("ReleasePublished")).toEqual({
			release,
			modelId,
			publisher: carol.address,
			data: releaseData({ name: "carol/first", terms: { leastBps: 100 } }),
		});
		expect(sent.event("PriceSet")).toEqual({ release, version: 1, perCall: 5n, perInputUnit: 0n, perOutputUnit: 0n, validFrom: BigInt(chain.time) });
		expect(chain.read({ ...registry, functionName: "releaseOf", args: [release] })).toMatchObject({
			modelId,
			publishedAt: BigInt(chain.time),
			retiredAt: 0n,
			priceVersions: 1,
			major: 1,
			minor: 0,
			format: 1,
			modes: 3,
			parentCount: 0,
			licence: "Apache-2.0",
		});
		expect(chain.read({ ...registry, functionName: "releaseOwner", args: [release] })).toBe(carol.address);
		expect(chain.read({ ...registry, functionName: "modelIdOf", args: ["carol", "first"] })).toBe(modelId);
		expect(chain.read({ ...registry, functionName: "releaseIdOf", args: [modelId, 1, 0] })).toBe(release);
		expect(chain.read({ ...registry, functionName: "nameOf", args: [modelId] })).toBe("carol/first");
		expect(chain.read({ ...registry, functionName: "tokenURI", args: [modelId] })).toBe('data:application/json,{"name":"carol/first"}');
		expect(chain.read({ ...registry, functionName: "royaltyInfo", args: [modelId, 10_000n] })).toEqual([carol.address, 250n]);
		expect(chain.read({ ...registry, functionName: "supportsInterface", args: ["0x2a55205a"] })).toBe(true);
		expect(chain.read({ ...registry, functionName: "supportsInterface", args: ["0x80ac58cd"] })).toBe(true);
	});
	test("a failed publication leaves nothing half done", async () => {
		await expect(chain.send(bob, publication({ name: "ghost/x", overrides: { manifest: zeroHash } }))).rejects.toThrow("InvalidRelease(manifest)");
		expect(chain.read({ ...registry, functionName: "namespaceOwner", args: ["ghost"] })).toBe(zeroAddress);
		await expect(chain.send(alice, publication({ name: "ghost/x" }))).resolves.toBeDefined();
	});
	test("every statement of a release is checked", async () => {
		for (const [field, overrides] of [
			["format", { format: 0 }],
			["modes", { modes: 0 }],
			["licence", { licence: "" }],
			["licence", { licence: "x".repeat(201) }],
			["leastBps", { terms: { leastBps: 10_001, leastPerCall: 0n, leastPerInputUnit: 0n, leastPerOutputUnit: 0n } }],
		] as const)
			await expect(chain.send(alice, publication({ name: fresh(), overrides }))).rejects.toThrow(`InvalidRelease(${field})`);
		await expect(chain.send(alice, publication({ name: fresh(), saleRoyaltyBps: 1_001 }))).rejects.toThrow("SaleRoyaltyTooHigh");
	});
	test("a release is immutable: the same number cannot be published again", async () => {
		const name = fresh();
		await publish(chain, alice, { name });
		await expect(chain.send(alice, publication({ name, overrides: { manifest: keccak256("0x01") } }))).rejects.toThrow("ReleaseExists");
		await publish(chain, alice, { name, minor: 1 });
	});
	test("only the model's owner adds releases, by either function; a stranger's namespace is closed", async () => {
		const name = fresh();
		const { modelId } = await publish(chain, alice, { name });
		await expect(chain.send(bob, publication({ name, minor: 2 }))).rejects.toThrow("NotModelOwner");
		await expect(chain.send(bob, { ...registry, functionName: "publishRelease", args: [modelId, releaseData({ name, minor: 2 }), priceOf()] })).rejects.toThrow(
			"NotModelOwner",
		);
		await expect(chain.send(bob, { ...registry, functionName: "publishRelease", args: [99n, releaseData({ name }), priceOf()] })).rejects.toThrow(
			"ModelMissing",
		);
		await expect(chain.send(bob, publication({ name: fresh() }))).rejects.toThrow("NotNamespaceOwner");
		await chain.send(alice, { ...registry, functionName: "publishRelease", args: [modelId, releaseData({ name, minor: 2 }), priceOf()] });
	});
	test("approval to sell a model gives no right to publish, price or retire", async () => {
		const { modelId, release } = await publish(chain, alice, { name: fresh() });
		await chain.send(alice, { ...registry, functionName: "approve", args: [bob.address, modelId] });
		await chain.send(alice, { ...registry, functionName: "setApprovalForAll", args: [bob.address, true] });
		await expect(setPrice(release, { perCall: 1n }, bob)).rejects.toThrow("NotModelOwner");
		await expect(chain.send(bob, { ...registry, functionName: "retire", args: [release] })).rejects.toThrow("NotModelOwner");
		await chain.send(alice, { ...registry, functionName: "setApprovalForAll", args: [bob.address, false] });
	});
});

describe("names and namespaces", () => {
	test("names outside [a-z0-9][a-z0-9-]{0,62} are refused", async () => {
		for (const bad of ["", "-a", "A", "a_b", "a/b", "ü", "a b", "x".repeat(64)]) {
			await expect(chain.send(alice, { ...registry, functionName: "claimNamespace", args: [bad] })).rejects.toThrow("InvalidName");
			await expect(
				chain.send(alice, { ...publication({ name: "space/x" }), args: ["space", bad, 0, releaseData({ name: "space/x" }), priceOf()] }),
			).rejects.toThrow("InvalidName");
		}
		await chain.send(alice, { ...registry, functionName: "claimNamespace", args: ["x".repeat(63)] });
	});
	test("first come; given away, it takes the right to add models and leaves the models", async () => {
		const { modelId } = await publish(chain, alice, { name: "gift/kept" });
		await expect(chain.send(bob, { ...registry, functionName: "claimNamespace", args: ["gift"] })).rejects.toThrow("NamespaceTaken");
		await expect(chain.send(bob, { ...registry, functionName: "transferNamespace", args: ["gift", bob.address] })).rejects.toThrow("NotNamespaceOwner");
		await expect(chain.send(alice, { ...registry, functionName: "transferNamespace", args: ["gift", zeroAddress] })).rejects.toThrow(
			"InvalidNamespaceReceiver",
		);
		const sent = await chain.send(alice, { ...registry, functionName: "transferNamespace", args: ["gift", bob.address] });
		expect(sent.event("NamespaceTransferred")).toEqual({ namespaceId: keccak256(toHex("gift")), from: alice.address, to: bob.address, namespace: "gift" });
		expect(chain.read({ ...registry, functionName: "ownerOf", args: [modelId] })).toBe(alice.address);
		await publish(chain, alice, { name: "gift/kept", minor: 1 });
		await expect(chain.send(alice, publication({ name: "gift/new" }))).rejects.toThrow("NotNamespaceOwner");
		await publish(chain, bob, { name: "gift/new" });
	});
});

describe("prices", () => {
	test("a cut counts at once, a rise of any part after an hour", async () => {
		const { release } = await publish(chain, alice, { name: fresh(), price: { perCall: 10n, perOutputUnit: 10n } });
		chain.advance(10);
		await setPrice(release, { perCall: 9n, perOutputUnit: 10n });
		expect(current(release)).toMatchObject([2, { perCall: 9n }]);
		const sent = await setPrice(release, { perCall: 1n, perInputUnit: 1n });
		expect(sent.event("PriceSet")["validFrom"]).toBe(BigInt(chain.time + 3_600));
		expect(current(release)).toMatchObject([2, { perCall: 9n }]);
		chain.advance(3_599);
		expect(current(release)[0]).toBe(2);
		chain.advance(1);
		expect(current(release)).toMatchObject([3, { perCall: 1n, perInputUnit: 1n }]);
	});
	test("versions are only added: earlier ones keep their amounts and get an end", async () => {
		const { release } = await publish(chain, alice, { name: fresh(), price: { perCall: 10n } });
		const from = BigInt(chain.time);
		chain.advance(100);
		await setPrice(release, { perCall: 4n });
		const [first] = chain.read({ ...registry, functionName: "priceOf", args: [release, 1] });
		expect(first).toEqual({ perCall: 10n, perInputUnit: 0n, perOutputUnit: 0n, validFrom: from, validUntil: from + 100n });
		const [none] = chain.read({ ...registry, functionName: "priceOf", args: [release, 3] });
		expect(none.validFrom).toBe(0n);
	});
	test("a waiting rise is withdrawn by the next price; waiting again never shortens the notice", async () => {
		const { release } = await publish(chain, alice, { name: fresh(), price: { perCall: 10n } });
		await setPrice(release, { perCall: 20n });
		chain.advance(3_000);
		const sent = await setPrice(release, { perCall: 30n });
		expect(sent.event("PriceWithdrawn")).toEqual({ release, version: 2 });
		chain.advance(600);
		expect(current(release)).toMatchObject([1, { perCall: 10n }]);
		await setPrice(release, { perCall: 8n });
		expect(current(release)).toMatchObject([4, { perCall: 8n }]);
		chain.advance(10_000);
		expect(current(release)).toMatchObject([4, { perCall: 8n }]);
		const [second] = chain.read({ ...registry, functionName: "priceOf", args: [release, 2] });
		expect(second.validUntil).toBeLessThan(second.validFrom);
	});
	test("strangers cannot price, nobody prices what does not exist or is retired", async () => {
		const { release } = await publish(chain, alice, { name: fresh() });
		await expect(setPrice(release, {}, bob)).rejects.toThrow("NotModelOwner");
		await expect(setPrice(zeroHash, {})).rejects.toThrow("ReleaseMissing");
		await chain.send(alice, { ...registry, functionName: "retire", args: [release] });
		await expect(setPrice(release, {})).rejects.toThrow("ReleaseIsRetired");
	});
});

describe("parents and their terms", () => {
	test("parents exist before their child: a cycle cannot be said", async () => {
		await expect(chain.send(alice, publication({ name: fresh(), parents: [{ release: keccak256("0x99"), bps: 1 }] }))).rejects.toThrow("ReleaseMissing");
		const name = fresh();
		const modelId = BigInt(keccak256(toHex(name)));
		const self = keccak256(encodeAbiParameters([{ type: "uint256" }, { type: "uint16" }, { type: "uint16" }], [modelId, 1, 0]));
		await expect(chain.send(alice, publication({ name, parents: [{ release: self, bps: 1 }] }))).rejects.toThrow("ReleaseMissing");
	});
	test("at most eight, each once, together at most the whole", async () => {
		const parents: `0x${string}`[] = [];
		for (let index = 0; index < 9; index++) parents.push((await publish(chain, alice, { name: fresh() })).release);
		const list = parents.map((release) => ({ release, bps: 1_250 }));
		const [first, second] = list;
		if (first === undefined || second === undefined) throw new Error("no parents");
		await expect(chain.send(alice, publication({ name: fresh(), parents: list }))).rejects.toThrow("TooManyParents");
		await expect(chain.send(alice, publication({ name: fresh(), parents: [first, first] }))).rejects.toThrow("DuplicateParent");
		await expect(
			chain.send(
				alice,
				publication({
					name: fresh(),
					parents: [
						{ ...first, bps: 10_000 },
						{ ...second, bps: 1 },
					],
				}),
			),
		).rejects.toThrow("SharesExceedWhole");
		const { release } = await publish(chain, alice, { name: fresh(), parents: list.slice(0, 8) });
		expect(chain.read({ ...registry, functionName: "parentsOf", args: [release] })).toEqual(list.slice(0, 8));
	});
	test("a child may not offer less than its parent's least share or least amount, now or by a later price", async () => {
		const base = await publish(chain, bob, {
			name: "bob/base",
			terms: { leastBps: 1_000, leastPerCall: 50n, leastPerInputUnit: 2n, leastPerOutputUnit: 3n },
		});
		const attempt = (bps: number, price: object) => chain.send(alice, publication({ name: fresh(), price, parents: [{ release: base.release, bps }] }));
		const enough = { perCall: 500n, perInputUnit: 20n, perOutputUnit: 30n };
		await expect(attempt(999, enough)).rejects.toThrow("ShareBelowTerms");
		await expect(attempt(1_000, { ...enough, perCall: 499n })).rejects.toThrow("PriceBelowTerms");
		await expect(attempt(1_000, { ...enough, perInputUnit: 19n })).rejects.toThrow(`PriceBelowTerms(${base.release}, inputUnit, 1, 2)`);
		await expect(attempt(1_000, { ...enough, perOutputUnit: 29n })).rejects.toThrow("PriceBelowTerms");
		const sent = await attempt(1_000, enough);
		const { release } = sent.event("ReleasePublished") as { release: `0x${string}` };
		await expect(setPrice(release, { ...enough, perCall: 499n })).rejects.toThrow("PriceBelowTerms");
		await setPrice(release, { ...enough, perCall: 600n });
		await expect(attempt(2_000, { perCall: 250n, perInputUnit: 10n, perOutputUnit: 15n })).resolves.toBeDefined();
	});
});

describe("rights of an owner", () => {
	test("retired once, for ever, with history kept", async () => {
		const { release } = await publish(chain, alice, { name: fresh() });
		await expect(chain.send(bob, { ...registry, functionName: "retire", args: [release] })).rejects.toThrow("NotModelOwner");
		const sent = await chain.send(alice, { ...registry, functionName: "retire", args: [release] });
		expect(sent.event("ReleaseRetired")).toEqual({ release, retiredAt: BigInt(chain.time) });
		await expect(chain.send(alice, { ...registry, functionName: "retire", args: [release] })).rejects.toThrow("ReleaseIsRetired");
		expect(chain.read({ ...registry, functionName: "releaseExists", args: [release] })).toBe(true);
	});
	test("a sale moves every right with the token", async () => {
		const { modelId, release } = await publish(chain, alice, { name: fresh(), price: { perCall: 9n } });
		await chain.send(alice, { ...registry, functionName: "transferFrom", args: [alice.address, carol.address, modelId] });
		await expect(setPrice(release, { perCall: 1n })).rejects.toThrow("NotModelOwner");
		await setPrice(release, { perCall: 1n }, carol);
		expect(chain.read({ ...registry, functionName: "releaseOwner", args: [release] })).toBe(carol.address);
	});
	test("nobody moves another's model", async () => {
		const { modelId } = await publish(chain, alice, { name: fresh() });
		const take = { ...registry, functionName: "transferFrom", args: [alice.address, bob.address, modelId] } as const;
		await expect(chain.send(bob, take)).rejects.toThrow("ERC721InsufficientApproval");
		await expect(chain.send(alice, { ...take, args: [alice.address, zeroAddress, modelId] })).rejects.toThrow("ERC721InvalidReceiver");
	});
	test("the share of later sales stays with the first publisher", async () => {
		const { modelId } = await publish(chain, alice, { name: fresh(), saleRoyaltyBps: 1_000 });
		await chain.send(alice, { ...registry, functionName: "transferFrom", args: [alice.address, bob.address, modelId] });
		expect(chain.read({ ...registry, functionName: "royaltyInfo", args: [modelId, 1_000n] })).toEqual([alice.address, 100n]);
		const plain = await publish(chain, alice, { name: fresh() });
		expect(chain.read({ ...registry, functionName: "royaltyInfo", args: [plain.modelId, 1_000n] })).toEqual([zeroAddress, 0n]);
	});
	test("co-owners hold through a contract", async () => {
		const pair: Address = await chain.deploy(alice, fixture("HalfAndHalf"), [alice.address, bob.address]);
		const { modelId } = await publish(chain, alice, { name: fresh() });
		await chain.send(alice, { ...registry, functionName: "safeTransferFrom", args: [alice.address, pair, modelId] });
		expect(getAddress(chain.read({ ...registry, functionName: "ownerOf", args: [modelId] }))).toBe(pair);
	});
	test("unknown releases are named as such", () => {
		for (const functionName of ["releaseOf", "releaseOwner", "currentPrice"] as const)
			expect(() => chain.read({ ...registry, functionName, args: [zeroHash] })).toThrow("ReleaseMissing");
		expect(() => chain.read({ ...registry, functionName: "nameOf", args: [1n] })).toThrow("ERC721NonexistentToken");
		expect(() => chain.read({ ...registry, functionName: "tokenURI", args: [1n] })).toThrow("ERC721NonexistentToken");
	});
});
