/** What verifiers read from storage is where `layout` says, and constants that several places hold agree. */

import { readFileSync } from "node:fs";
import * as abis from "@freehold/contracts/abi";
import { creationCode, genesisAddresses, genesisAllocations, genesisDeployments, supplyTable, TOTAL_SUPPLY } from "@freehold/contracts/bytecode";
import { ANCHOR_GRACE_SECONDS, epochRecord, layout, readField, type StorageRecord, tillInitCodeHash } from "@freehold/contracts/layout";
import { contractAddresses, limits, systemAddresses } from "@freehold/protocol";
import { type Address, getAddress, getContractAddress, type Hex, keccak256, toHex } from "viem";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { account, type Chain, OPG_UNIT, openChain } from "./chain.js";
import { anchor, ledger, line, mappingSlot, nodes, opg, priceOf, publish, ROLE, register, registry, TREASURY, tillOf } from "./market.js";

const [gateway, node, owner] = [account(0), account(1), account(2)];
const validators = { address: contractAddresses.ValidatorSet, abi: abis.validatorSetAbi } as const;
let chain: Chain;
let release: Hex;
let modelId: bigint;
beforeAll(async () => {
	chain = await openChain();
	await register(chain, gateway, ROLE.gateway);
	await register(chain, node, ROLE.inference, node.address, 777n * OPG_UNIT);
	({ release, modelId } = await publish(chain, owner, { name: "lay/out", major: 2, minor: 3, price: { perCall: 5n, perInputUnit: 6n, perOutputUnit: 7n } }));
	await chain.send(owner, { ...opg, functionName: "transfer", args: [tillOf(chain, gateway.address), OPG_UNIT] });
});
afterAll(() => chain.close());

function words(address: Address, record: StorageRecord, keys: readonly (Hex | bigint)[]): bigint[] {
	return Array.from({ length: record.words }, (_, word) => chain.storage(address, mappingSlot(record.slot, keys, word)));
}
function fields<R extends StorageRecord>(address: Address, record: R, keys: readonly (Hex | bigint)[]): Record<keyof R["fields"], bigint> {
	const stored = words(address, record, keys);
	return Object.fromEntries(Object.entries(record.fields).map(([name, field]) => [name, readField(stored, field)])) as Record<keyof R["fields"], bigint>;
}

describe("storage", () => {
	test("a batch", async () => {
		const lines = [line({ release, node: node.address, calls: 3n })];
		await anchor(chain, gateway, lines);
		const { root, blockNumber, timestamp } = chain.read({ ...ledger, functionName: "batch", args: [gateway.address, 1n] });
		expect(fields(ledger.address, layout.UsageLedger.batch, [gateway.address, 1n])).toEqual({ root: BigInt(root), blockNumber, timestamp });
		expect(blockNumber).toBe(chain.number);
	});
	test("fee parameters", async () => {
		await chain.send(TREASURY, { ...ledger, functionName: "setFeeParameters", args: [321, 4_567] });
		expect(fields(ledger.address, layout.UsageLedger.feeParameters, [])).toEqual({ protocolFeeBps: 321n, penaltyBps: 4_567n });
	});
	test("an operator, its keys, the least bond", async () => {
		await chain.send(node, { ...nodes, functionName: "setNodeFee", args: [99n] });
		await chain.send(node, { ...nodes, functionName: "unbond", args: [5n] });
		const seen = chain.read({ ...nodes, functionName: "operatorOf", args: [node.address] });
		expect(fields(nodes.address, layout.NodeRegistry.operator, [node.address])).toEqual({
			bond: 777n * OPG_UNIT,
			locked: 0n,
			registeredAt: BigInt(seen.registeredAt),
			roles: 1n,
			unbonding: 5n,
			unbondsAt: seen.unbondsAt,
			nodeFee: 99n,
		});
		const interval = chain.read({ ...nodes, functionName: "keyInterval", args: [node.address, node.address] });
		expect(fields(nodes.address, layout.NodeRegistry.key, [node.address, node.address])).toEqual(interval);
		expect(fields(nodes.address, layout.NodeRegistry.minBond, [])).toEqual({ minBond: 100n * OPG_UNIT });
	});
	test("a release, its owner, its prices", async () => {
		await chain.send(owner, { ...registry, functionName: "setPrice", args: [release, priceOf({ perCall: 1n })] });
		await chain.send(owner, { ...registry, functionName: "retire", args: [release] });
		const seen = chain.read({ ...registry, functionName: "releaseOf", args: [release] });
		expect(fields(registry.address, layout.ModelRegistry.release, [release])).toEqual({
			modelId,
			manifest: BigInt(seen.manifest),
			publisher: BigInt(seen.publisher),
			publishedAt: seen.publishedAt,
			retiredAt: seen.retiredAt,
			priceVersions: 2n,
			priceBefore: 1n,
			major: 2n,
			minor: 3n,
			format: 1n,
			modes: 3n,
			parentCount: 0n,
		});
		expect(seen.retiredAt).toBeGreaterThan(0n);
		expect(fields(registry.address, layout.ModelRegistry.owner, [modelId])).toEqual({ owner: BigInt(owner.address) });
		for (const version of [1, 2]) {
			const [price] = chain.read({ ...registry, functionName: "priceOf", args: [release, version] });
			expect(fields(registry.address, layout.ModelRegistry.price, [release, BigInt(version)])).toEqual(price);
		}
	});
	test("the epoch of the validators' set", async () => {
		expect(fields(contractAddresses.ValidatorSet, epochRecord, [])).toEqual({ endsAt: 0n, windowFrom: 0n, number: 0n, size: 0n });
		await chain.send("0xfffffffffffffffffffffffffffffffffffffffe", { ...validators, functionName: "open" });
		const { endsAt } = chain.read({ ...validators, functionName: "currentEpoch" });
		expect(fields(contractAddresses.ValidatorSet, epochRecord, [])).toEqual({ endsAt, windowFrom: 0n, number: 0n, size: 0n });
		expect(endsAt).toBe(BigInt(chain.time + 3_600));
	});
	test("a missing word is an error, not a zero", () => {
		expect(() => readField([], layout.UsageLedger.batch.fields.root)).toThrow(RangeError);
	});
});

describe("constants that stand in more than one place", () => {
	test("addresses: Solidity, genesis plan and the protocol's table", () => {
		const solidity = readFileSync(new URL("../../packages/contracts/solidity/Addresses.sol", import.meta.url), "utf8");
		const named = Object.fromEntries(
			[...solidity.matchAll(/constant (\w+) = (0x[0-9a-fA-F]{40})/g)].map(([, name, address]) => [name, address?.toLowerCase()]),
		);
		expect(named).toEqual({
			OPG: contractAddresses.OPG,
			MODEL_REGISTRY: contractAddresses.ModelRegistry,
			USAGE_LEDGER: contractAddresses.UsageLedger,
			ROYALTIES: contractAddresses.Royalties,
			NODE_REGISTRY: contractAddresses.NodeRegistry,
			VALIDATOR_SET: contractAddresses.ValidatorSet,
			REWARD_POOL: systemAddresses.rewardPool,
			ED25519_PRECOMPILE: systemAddresses.ed25519Precompile,
			SYSTEM: "0xfffffffffffffffffffffffffffffffffffffffe",
			TREASURY: systemAddresses.treasury,
			CHANNELS: contractAddresses.Channels,
			ERC3009_DEPOSIT_COLLECTOR: contractAddresses.Erc3009DepositCollector,
			PERMIT2_DEPOSIT_COLLECTOR: contractAddresses.Permit2DepositCollector,
			PERMIT2: contractAddresses.Permit2,
			INFERENCE: contractAddresses.Inference,
			HISTORICAL: contractAddresses.Historical,
			PREPROCESSING: contractAddresses.Preprocessing,
			INFERENCE_HUB: contractAddresses.InferenceHub,
			WORKFLOW_SCHEDULER: contractAddresses.WorkflowScheduler,
			PIPE_PRECOMPILE: systemAddresses.pipePrecompile,
			TRANSFER_PRECOMPILE: systemAddresses.transferPrecompile,
		});
		expect(genesisAddresses).toMatchObject(contractAddresses);
	});
	test("bounds: the protocol's limits and the contracts'", () => {
		expect(chain.read({ ...ledger, functionName: "MAX_LINES" })).toBe(BigInt(limits.batchLines));
		expect(chain.read({ ...ledger, functionName: "MAX_REFUNDS" })).toBe(BigInt(limits.batchRefunds));
		expect(chain.read({ ...ledger, functionName: "MAX_CLAIMS" })).toBeGreaterThanOrEqual(BigInt(limits.batchClaims));
		expect(chain.read({ ...registry, functionName: "MAX_PARENTS" })).toBe(BigInt(limits.modelParents));
		expect(chain.read({ ...registry, functionName: "PRICE_RISE_DELAY" })).toBe(BigInt(limits.priceRiseNoticeMs / 1000));
		expect(chain.read({ ...ledger, functionName: "ANCHOR_GRACE" })).toBe(BigInt(ANCHOR_GRACE_SECONDS));
		expect(ANCHOR_GRACE_SECONDS).toBe(limits.quoteValidityMs / 1000 + 3_600);
	});
	test("tills: the contract's address and CREATE2's", () => {
		const salt = toHex(BigInt(gateway.address), { size: 32 });
		const computed = getContractAddress({ opcode: "CREATE2", from: ledger.address, salt, bytecodeHash: tillInitCodeHash });
		expect(tillOf(chain, gateway.address)).toBe(computed);
		expect(keccak256(creationCode.Till)).toBe(tillInitCodeHash);
	});
});

describe("genesis", () => {
	test("every contract of the plan has code at its address, and every wallet its terms", () => {
		for (const { address } of genesisDeployments({ genesisTime: 1 })) expect(chain.code(address).length).toBeGreaterThan(2);
		for (const share of supplyTable) {
			const wallet = { address: share.wallet, abi: abis.genesisVestingAbi } as const;
			expect(getAddress(chain.read({ ...wallet, functionName: "owner" }))).toBe(getAddress(TREASURY));
			expect(chain.read({ ...wallet, functionName: "start" })).toBe(BigInt(chain.time));
			expect(chain.read({ ...wallet, functionName: "duration" })).toBe(BigInt(share.months * 2_629_800));
		}
	});
	test("wallets release over time to their beneficiary, as native money and as token alike", async () => {
		const other = await openChain({ genesis: { beneficiaries: { foundation: owner.address } } });
		const share = supplyTable.find(({ name }) => name === "foundation");
		if (share === undefined) throw new Error("no foundation");
		other.advance((share.months / 2) * 2_629_800);
		const before = other.balance(owner.address);
		await other.send(owner, { address: share.wallet, abi: abis.genesisVestingAbi, functionName: "release", args: [] });
		expect(other.balance(owner.address) - before).toBe((TOTAL_SUPPLY * 15n) / 200n);
		await other.close();
	});
	test("allocations add up to the supply, and refuse what cannot be", () => {
		const allocations = genesisAllocations({ genesisTime: 1, accounts: [{ address: owner.address, amount: 5n }] });
		expect(allocations.reduce((sum, { amount }) => sum + amount, 0n)).toBe(TOTAL_SUPPLY);
		const of = (accounts: { address: Address; amount: bigint }[]) => () => genesisAllocations({ genesisTime: 1, accounts });
		expect(of([{ address: owner.address, amount: TOTAL_SUPPLY }])).toThrow("ecosystem share");
		expect(of([{ address: owner.address, amount: -1n }])).toThrow("negative");
		expect(of([owner.address, owner.address.toLowerCase() as Address].map((address) => ({ address, amount: 1n })))).toThrow("twice");
	});
});

test("many reads in one call, as viem and the x402 facilitator make them", async () => {
	const multicall = { address: genesisAddresses.Multicall3, abi: abis.multicall3Abi } as const;
	const { encodeFunctionData } = await import("viem");
	const good = encodeFunctionData({ ...opg, functionName: "decimals" });
	const bad = encodeFunctionData({ ...registry, functionName: "nameOf", args: [1n] });
	const calls = [
		{ target: opg.address, callData: good },
		{ target: registry.address, callData: bad },
	];
	expect(chain.read({ ...multicall, functionName: "tryAggregate", args: [false, calls] }).map(({ success }) => success)).toEqual([true, false]);
	expect(() => chain.read({ ...multicall, functionName: "tryAggregate", args: [true, calls] })).toThrow("CallFailed(1");
	expect(() => chain.read({ ...multicall, functionName: "aggregate", args: [calls] })).toThrow("CallFailed(1");
	expect(chain.read({ ...multicall, functionName: "aggregate", args: [calls.slice(0, 1)] })).toEqual([chain.number, [toHex(18, { size: 32 })]]);
	expect(chain.read({ ...multicall, functionName: "aggregate3", args: [calls.map((call) => ({ ...call, allowFailure: true }))] })).toHaveLength(2);
	expect(chain.read({ ...multicall, functionName: "getEthBalance", args: [owner.address] })).toBe(chain.balance(owner.address));
	expect(chain.read({ ...multicall, functionName: "getChainId" })).toBe(10741n);
	expect(chain.read({ ...multicall, functionName: "getBlockNumber" })).toBe(chain.number);
	expect(chain.read({ ...multicall, functionName: "getCurrentBlockTimestamp" })).toBe(BigInt(chain.time));
});
