/** The same transactions and requests to this ledger and to anvil: the same answers, but for the differences that are listed here with their reasons. */
import { type Abi, encodeDeployData, encodeFunctionData, getContractAddress, type Hex } from "viem";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Anvil, foundry, startAnvil } from "../../test/foundry.js";
import { CHAIN_ID, developers, GENESIS_TIME, type LocalLedger, startLocalLedger } from "../../test/local-ledger.js";
import { compileParent } from "../../test/trace-fixture.js";

const program = foundry("anvil");
const { abi: untyped, bytecode } = compileParent();
const abi = untyped as Abi;
const alice = developers[0] as (typeof developers)[number];
const from = alice.address;
const parent = getContractAddress({ from, nonce: 0n }).toLowerCase() as Hex;
const data = (functionName: string, args: readonly unknown[] = []) => encodeFunctionData({ abi, functionName, args });
const transactions = {
	creation: { value: 10n, data: encodeDeployData({ abi, bytecode }) },
	"calls of every kind": { to: parent, value: 3n, data: data("all", [5n]) },
	"creation and self-destruction": { to: parent, data: data("make", [9n]) },
	failure: { to: parent, data: data("fail") },
	"storage given back": { to: parent, data: data("clear") },
	transfer: { to: "0x00000000000000000000000000000000000000bb", value: 7n },
} as const;

type Json = Readonly<Record<string, unknown>>;

/**
 * The differences.
 * - Balances of the sender and of the fee recipient: the ledger's developers own more, and its fees go to a contract, anvil's to the zero address.
 * - The outermost frame's gas: the transaction's limit, as geth has it; anvil takes the intrinsic gas off.
 * - `diffMode` leaves accounts that did not exist out of `pre`, as geth does; anvil shows them with nothing.
 * - `safe` and `finalized` are the head here, where a block is final when it is made; anvil counts 32 and 64 blocks back.
 * - Steps show memory, return data and refund only where there is some, and a refund with the store that gives it, as geth does.
 */
/** Members that anvil adds to a header or leaves out of it. */
const NOT_IN_EVERY_BLOCK = new Set(["totalDifficulty", "requestsHash"]);
const recipients = new Set(["0x0000000000000000000000000000000000000000", "0x4f50470000000000000000000000000000000006"]);

function withoutGas(frame: unknown): unknown {
	const { gas: _, ...rest } = frame as Json;
	return rest;
}

function comparableAccounts(accounts: unknown, isDiff = false): unknown {
	return Object.fromEntries(
		Object.entries(accounts as Record<string, Json>)
			.filter(([name, view]) => !recipients.has(name) && !(isDiff && JSON.stringify(view) === '{"balance":"0x0"}'))
			.map(([name, view]) => [name, name === from.toLowerCase() ? { ...view, balance: "its own" } : view]),
	);
}

function comparableDiff(diff: unknown): unknown {
	const { pre, post } = diff as Json;
	return { pre: comparableAccounts(pre, true), post: comparableAccounts(post) };
}

function comparableSteps(trace: unknown): unknown {
	const { structLogs, ...rest } = trace as { readonly structLogs: readonly Json[] };
	const steps = structLogs.map(({ memory = [], returnData = "0x", refund: _, error, ...step }) => {
		// What a failing instruction would have cost is told in different ways; that it failed is told by both.
		const { gasCost, ...others } = step;
		return { ...others, memory, returnData, ...(error === undefined ? { gasCost } : { failed: true }) };
	});
	return { ...rest, steps };
}

describe.skipIf(program === undefined)("beside anvil (needs anvil: npm install in bench/rivals, or FREEHOLD_FOUNDRY)", () => {
	let ledger: LocalLedger;
	let anvil: Anvil;
	const hashes = new Map<string, Hex>();
	const both = async (method: string, ...params: unknown[]) => {
		const ask = (rpc: LocalLedger["rpc"]) =>
			rpc<unknown>(method, ...params).catch(({ code, message, data: more }: { code: number; message: string; data?: unknown }) => ({
				code,
				message,
				data: more,
			}));
		return { ours: await ask(ledger.rpc), theirs: await ask(anvil.rpc) };
	};

	beforeAll(async () => {
		ledger = await startLocalLedger();
		anvil = await startAnvil(program ?? "", CHAIN_ID, GENESIS_TIME);
		for (const [nonce, [name, tx]] of Object.entries(transactions).entries()) {
			const fees = { maxFeePerGas: 10n ** 9n, maxPriorityFeePerGas: 10n ** 9n };
			const raw = await alice.signTransaction({ type: "eip1559", chainId: CHAIN_ID, nonce, gas: 1_500_000n, ...fees, ...tx });
			const { transactionHash } = await ledger.rpc<{ transactionHash: Hex }>("eth_sendRawTransactionSync", raw, 30_000);
			hashes.set(name, transactionHash);
			await anvil.rpc("eth_sendRawTransaction", raw);
		}
	}, 90_000);
	afterAll(async () => {
		await ledger?.stop();
		await anvil?.stop();
	});

	test.each(Object.keys(transactions))("%s: call trace, prestate, diff, steps", async (name) => {
		const trace = (config: object) => both("debug_traceTransaction", hashes.get(name), config);
		for (const tracerConfig of [{}, { withLog: true }, { onlyTopCall: true }]) {
			const { ours, theirs } = await trace({ tracer: "callTracer", tracerConfig });
			expect(withoutGas(ours)).toEqual(withoutGas(theirs));
		}
		const state = await trace({ tracer: "prestateTracer" });
		expect(comparableAccounts(state.ours)).toEqual(comparableAccounts(state.theirs));
		const diff = await trace({ tracer: "prestateTracer", tracerConfig: { diffMode: true } });
		expect(comparableDiff(diff.ours)).toEqual(comparableDiff(diff.theirs));
		const steps = await trace({ enableMemory: true, enableReturnData: true });
		expect(comparableSteps(steps.ours)).toEqual(comparableSteps(steps.theirs));
	});

	test("calls: traced, with pretended state, reverted, and their access lists", async () => {
		const all = { from, to: parent, data: data("all", [6n]), value: "0x3" };
		const fail = { from, to: parent, data: data("fail") };
		const traced = await both("debug_traceCall", all, "latest", { tracer: "callTracer" });
		expect(withoutGas(traced.ours)).toEqual(withoutGas(traced.theirs));
		const slot = `0x${"0".repeat(64)}`;
		const overrides = { [parent]: { stateDiff: { [slot]: `0x${"0".repeat(62)}2a` } } };
		const pretended = await both("eth_call", { from, to: parent, data: data("value") }, "latest", overrides);
		expect(pretended.ours).toBe(`0x${"0".repeat(62)}2a`);
		expect(pretended.ours).toEqual(pretended.theirs);
		const reverted = await both("eth_call", fail, "latest");
		expect(reverted.ours).toEqual(reverted.theirs);
		const inOrder = (answer: unknown) => {
			const { accessList, gasUsed } = answer as { readonly accessList: readonly { readonly address: string }[]; readonly gasUsed: string };
			return { gasUsed, list: [...accessList].sort((a, b) => (a.address < b.address ? -1 : 1)) };
		};
		const list = await both("eth_createAccessList", all, "latest");
		expect(inOrder(list.ours)).toEqual(inOrder(list.theirs));
	});

	test("simulated blocks: what each call returns, logs with transfers, failures", async () => {
		const poor = "0x00000000000000000000000000000000000000cc";
		const calls = [
			{ from: poor, to: from, value: "0x5" },
			{ from, to: parent, data: data("all", [6n]), value: "0x3" },
			{ from, to: parent, data: data("fail") },
		];
		const first = { stateOverrides: { [poor]: { balance: "0x100" } }, calls };
		const simulation = { blockStateCalls: [first, { calls: [{ from, to: parent, value: "0x1" }] }], traceTransfers: true };
		const { ours, theirs } = await both("eth_simulateV1", simulation, "latest");
		const own = (answer: unknown): unknown =>
			(answer as readonly { readonly gasUsed: string; readonly calls: readonly { readonly logs: readonly Json[]; readonly error?: Json }[] }[]).map(
				(block) => ({
					gasUsed: block.gasUsed,
					calls: block.calls.map(({ logs, error, ...call }) => ({
						...call,
						failed: error !== undefined,
						logs: logs.map(({ address, topics, data: bytes, logIndex, transactionIndex }) => ({ address, topics, bytes, logIndex, transactionIndex })),
					})),
				}),
			);
		expect(own(ours)).toEqual(own(theirs));
	});

	test("transactions and receipts but for their block; questions without one", async () => {
		for (const hash of hashes.values()) {
			for (const method of ["eth_getTransactionByHash", "eth_getTransactionReceipt"]) {
				const { ours, theirs } = await both(method, hash);
				// The ledger makes blocks by its own clock, and anvil names blob prices and times where geth does not.
				const own = (answer: unknown): unknown =>
					JSON.parse(JSON.stringify(answer), (key, value: unknown) =>
						/^(blockHash|blockNumber|blockTimestamp|blobGasPrice|effectiveGasPrice|gasPrice)$/.test(key) ? undefined : value,
					);
				expect(own(ours)).toEqual(own(theirs));
			}
			const raw = await both("debug_getRawTransaction", hash);
			expect(raw.ours).toEqual(raw.theirs);
		}
		for (const method of ["txpool_status", "txpool_content", "txpool_inspect", "net_listening", "net_version", "eth_chainId", "eth_syncing"]) {
			const { ours, theirs } = await both(method);
			expect(ours, method).toEqual(theirs);
		}
		const uncle = await both("eth_getUncleByBlockNumberAndIndex", "latest", "0x0");
		expect(uncle.ours).toEqual(uncle.theirs);
	});

	test("state, logs, filters and the shape of blocks", async () => {
		const nobody = "0x00000000000000000000000000000000000000bb";
		const same: readonly (readonly [string, ...unknown[]])[] = [
			["eth_getCode", parent, "latest"],
			["eth_getCode", nobody, "latest"],
			["eth_getStorageAt", parent, "0x0", "latest"],
			["eth_getStorageAt", parent, "0x1", "latest"],
			["eth_getTransactionCount", from, "latest"],
			["eth_getTransactionCount", from, "pending"],
			["eth_getTransactionCount", parent, "latest"],
			["eth_getBalance", nobody, "latest"],
			["eth_getBalance", parent, "latest"],
			["eth_getTransactionByHash", `0x${"11".repeat(32)}`],
			["eth_getTransactionReceipt", `0x${"11".repeat(32)}`],
			["eth_getBlockByNumber", "0xffffff", false],
			["eth_getBlockByHash", `0x${"11".repeat(32)}`, true],
			["eth_getUncleCountByBlockNumber", "latest"],
			["eth_accounts_", from],
			["web3_sha3", "0x68656c6c6f"],
			["eth_estimateGas", { from, to: nobody, value: "0x1" }],
			["eth_call", { from, to: nobody, data: "0x1234" }, "latest"],
			["eth_getFilterChanges", "0xdead"],
			["eth_uninstallFilter", "0xdead"],
		];
		const heard: unknown[] = [];
		const expected: unknown[] = [];
		for (const [method, ...params] of same) {
			const { ours, theirs } = await both(method, ...params);
			// Of a refusal the code is what clients act on.
			const told = (answer: unknown): unknown =>
				typeof answer === "object" && answer !== null && "code" in answer && "message" in answer ? { code: (answer as Json)["code"] } : answer;
			heard.push([method, params, told(ours)]);
			expected.push([method, params, told(theirs)]);
		}
		expect(heard).toEqual(expected);
		const placed = (answer: unknown): unknown =>
			(answer as readonly Json[]).map(({ address, topics, data: bytes, transactionHash, logIndex, removed }) => ({
				address,
				topics,
				bytes,
				transactionHash,
				logIndex,
				removed,
			}));
		const everything = { fromBlock: "earliest", toBlock: "latest", address: parent };
		const logs = await both("eth_getLogs", everything);
		expect((logs.ours as readonly unknown[]).length).toBeGreaterThan(0);
		expect(placed(logs.ours)).toEqual(placed(logs.theirs));
		const filters = await both("eth_newFilter", everything);
		const [ours, theirs] = await Promise.all([ledger.rpc("eth_getFilterLogs", filters.ours), anvil.rpc("eth_getFilterLogs", filters.theirs)]);
		expect(placed(ours)).toEqual(placed(theirs));
		// Of a block its members: what stands in them is each chain's own.
		const blocks = await both("eth_getBlockByNumber", "latest", false);
		const members = (block: unknown): readonly string[] =>
			Object.keys(block as Json)
				.filter((name) => !NOT_IN_EVERY_BLOCK.has(name))
				.sort();
		expect(members(blocks.ours)).toEqual(members(blocks.theirs));
	});
});
