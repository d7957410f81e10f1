/** The ledger's JSON-RPC under damaged calls: a real process, every answer well formed, no fault of its own, and blocks go on. */
import { writeFile } from "node:fs/promises";
import { Agent, request } from "node:http";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { testAccount } from "../journey/accounts.js";
import { type RunningProgram, startProgram, temporaryFolder } from "../journey/programs.js";
import { fuzzSettings } from "./fuzz/fuzzer.ts";
import { type Json, mutateJson, mutateJsonText } from "./fuzz/json.ts";
import { Random } from "./fuzz/random.ts";

const CALLS_PER_REQUEST = 100;
/** Codes of JSON-RPC, of EIP-1474 and of reverts; -32603 would be a fault of ours. */
const CODES = new Set([-32700, -32600, -32601, -32602, -32000, -32005, 3]);

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let ledger: RunningProgram;
const agent = new Agent({ keepAlive: true, maxSockets: 4 });

beforeAll(async () => {
	folder = await temporaryFolder();
	const balances = [{ address: testAccount(0).address, amount: "1000000000000000000000" }];
	await writeFile(join(folder.path, "genesis.json"), JSON.stringify({ chainId: 10741, timestamp: 1_760_000_000, balances }));
	const options = { data: join(folder.path, "ledger"), genesis: join(folder.path, "genesis.json"), "sequencer-key": join(folder.path, "key"), port: "0" };
	ledger = await startProgram("ledger", options, { folder: folder.path });
});
afterAll(async () => {
	agent.destroy();
	await ledger?.stop();
	await folder?.remove();
});

function send(body: string): Promise<{ readonly status: number; readonly text: string }> {
	return new Promise((resolve, reject) => {
		const call = request(ledger.url, { method: "POST", agent, headers: { "content-type": "application/json" } }, (answer) => {
			const chunks: Buffer[] = [];
			answer.on("data", (chunk: Buffer) => chunks.push(chunk));
			answer.once("end", () => resolve({ status: answer.statusCode ?? 0, text: Buffer.concat(chunks).toString("utf8") }));
		});
		call.once("error", reject);
		call.end(body);
	});
}

const address = testAccount(0).address;
const token = "0x4f50470000000000000000000000000000000001";
const word = `0x${"00".repeat(31)}01`;
const call = { from: address, to: token, data: "0x18160ddd", gas: "0x186a0", value: "0x0" };
const methods: readonly (readonly [string, readonly Json[]])[] = [
	["eth_call", [call, "latest"]],
	["eth_call", [{ to: token, input: "0x18160ddd", accessList: [{ address: token, storageKeys: [word] }] }, { blockNumber: "0x0" }]],
	["eth_estimateGas", [call]],
	["eth_getBalance", [address, "latest"]],
	["eth_getTransactionCount", [address, "pending"]],
	["eth_getCode", [token, "0x0"]],
	["eth_getStorageAt", [token, "0x1", "latest"]],
	["eth_getProof", [token, [word, "0x0"], "latest"]],
	["eth_getBlockByNumber", ["latest", true]],
	["eth_getBlockByHash", [word, false]],
	["eth_getLogs", [{ fromBlock: "earliest", toBlock: "latest", address: [token], topics: [null, [word]] }]],
	["eth_newFilter", [{ fromBlock: "latest", address: token, topics: [] }]],
	["eth_getFilterChanges", ["0x1"]],
	["eth_uninstallFilter", ["0x1"]],
	["eth_feeHistory", ["0x5", "latest", [10, 50.5, 90]]],
	["eth_getTransactionByHash", [word]],
	["eth_getTransactionReceipt", [word]],
	["eth_getTransactionByBlockNumberAndIndex", ["0x0", "0x0"]],
	["eth_getBlockReceipts", ["latest"]],
	["eth_sendRawTransaction", [`0x02f8${"00".repeat(90)}`]],
	["web3_sha3", ["0x6162"]],
	["freehold_status", []],
	["freehold_getLightBlock", ["1"]],
	["freehold_getProofBlock", ["0x0"]],
	["freehold_waitForBlock", ["0x0", 0]],
	["eth_chainId", []],
];
const calls: readonly Json[] = methods.map(([method, params], id) => ({ jsonrpc: "2.0", id, method, params }));

it(`answers every damaged call in one of its own words (FREEHOLD_FUZZ_SEED=${fuzzSettings.seed})`, { timeout: 600_000 }, async () => {
	const random = new Random(fuzzSettings.seed);
	const rounds = Math.ceil(fuzzSettings.runs / CALLS_PER_REQUEST / fuzzSettings.parts);
	const heightBefore = await height();
	for (let round = 0; round < rounds; round++) {
		const damaged = Array.from({ length: CALLS_PER_REQUEST }, () => quick(mutateJson(random.pick(calls), random, calls)));
		// Now and then the text itself, so that the batch may be none.
		const body = random.chance(0.1) ? mutateJsonText(damaged.slice(0, 5), random, calls) : JSON.stringify(damaged);
		const { status, text } = await send(body);
		const where = `round ${round}: ${body.slice(0, 2_000)} gave ${status} ${text.slice(0, 500)}`;
		expect([200, 204], where).toContain(status);
		if (status === 204) continue;
		const answers = [JSON.parse(text) as unknown].flat() as readonly {
			readonly jsonrpc?: string;
			readonly result?: unknown;
			readonly error?: { readonly code: number; readonly message: string };
		}[];
		for (const { jsonrpc, result, error } of answers) {
			expect(jsonrpc, where).toBe("2.0");
			if (error === undefined) expect(result, where).toBeDefined();
			else expect(CODES.has(error.code) && error.message !== "", `${where}\n${JSON.stringify(error)}`).toBe(true);
		}
	}
	expect(await height()).toBeGreaterThanOrEqual(heightBefore);
	expect(ledger.output()).not.toMatch(/"level":(50|60)|failed unexpectedly/);
});

/** Waiting for blocks is what the method is for; here it would only take time. */
function quick(value: Json): Json {
	const { method, params } = (value ?? {}) as { readonly method?: Json; readonly params?: Json };
	if (method !== "freehold_waitForBlock" || !Array.isArray(params) || typeof params[1] !== "number" || !(params[1] > 0)) return value;
	return { ...(value as object), params: [params[0] ?? null, 0] } as Json;
}

async function height(): Promise<number> {
	const { text } = await send(JSON.stringify({ jsonrpc: "2.0", id: 1, method: "eth_blockNumber", params: [] }));
	return Number((JSON.parse(text) as { readonly result: string }).result);
}
