/**
 * What a gateway adds to a call to a language model that answers at once, with everything on: API key, budget, order, receipt checked, one durable transaction,
 * metrics, traces' hooks. Beside it, with nothing on but forwarding: Portkey and LiteLLM where they are installed (`FREEHOLD_PORTKEY`: folder with
 * `@portkey-ai/gateway`; `FREEHOLD_LITELLM`: the `litellm` program), and a bare Node proxy.
 */
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { Agent, request as httpRequest } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { contractAddresses, fromHex, manifestDigest, manifestText, schemaDigest } from "@freehold/protocol";
import { connect } from "@freehold/sdk";
import { contracts, createChainClient, createTransactor } from "@freehold/sdk/chain";
import { createDigestSigner } from "@freehold/service";
import { encodeFunctionData } from "viem";
import { privateKeyToAccount } from "viem/accounts";
import { latencies, percentile } from "../lib/measure.mjs";
import { withNetwork } from "../lib/network.mjs";
import { cpuMsOf, freePort, until } from "../lib/processes.mjs";

const CALLS = 1_000;
const STREAMS = 400;
const ROUNDS = 3;
const WARM_UP = 150;
const PIECES = 50;
const DROPPED = Number(process.env.FREEHOLD_BENCH_DROPPED ?? 2_000);
const MODEL = "bench/words";
/** Preloaded into Portkey, which has no option for the address it listens on. */
const LOOPBACK = `data:text/javascript,${encodeURIComponent(`import { Server } from "node:net";
const { listen } = Server.prototype;
Server.prototype.listen = function (first, ...rest) {
	const options = typeof first === "object" && first !== null ? first : { port: first };
	return listen.call(this, { ...options, host: "127.0.0.1" }, rest.find((argument) => typeof argument === "function"));
};`)}`;
const PRICE = { perCall: 1_000n, perInputUnit: 10n, perOutputUnit: 10n };
const messages = [{ role: "user", content: "Say a few words, as many as you like, about anything." }];

export function run({ root }) {
	return withNetwork(root, async (local) => {
		const programs = [];
		try {
			const node = await program(
				programs,
				"text-node.mjs",
				[local.accounts[5].privateKey, String(local.network.chainId), PRICE.perCall, PRICE.perInputUnit, PIECES].map(String),
			);
			await publish(local, node);
			const key = await createKey(local);
			const ours = {
				name: "freehold",
				url: `${local.network.gatewayUrl}/v1/chat/completions`,
				headers: { authorization: `Bearer ${key}` },
				model: MODEL,
				pid: local.pid("gateway"),
			};
			const upstream = await program(programs, "openai-mock.mjs", ["mock", "0", "", String(PIECES)]);
			const direct = { name: "direct", version: "same", url: `${upstream.url}/v1/chat/completions`, headers: {}, model: "bench", pid: undefined };
			const floor = await program(programs, "openai-mock.mjs", ["floor", "0", upstream.url]);
			const rivals = [
				{ name: "bare Node proxy", version: process.versions.node, url: `${floor.url}/v1/chat/completions`, headers: {}, model: "bench", pid: floor.pid },
				...(await portkey(programs, upstream)),
				...(await litellm(programs, upstream)),
			];
			const rows = [];
			for (const connections of [1, 16]) rows.push(...(await compare("chat", ours, direct, rivals, { stream: false, connections, count: CALLS })));
			for (const connections of [1, 16]) rows.push(...(await compare("stream of 50", ours, direct, rivals, { stream: true, connections, count: STREAMS })));
			rows.push(...(await firstPiece(ours, direct)), ...(await dropped(ours)));
			return rows;
		} finally {
			for (const { child } of programs) child.kill("SIGTERM");
		}
	});
}

const aims = {
	"chat 1": { added: 0.6, cpu: 0.5 },
	"chat 16": { cpu: 0.5, rate: 2_000 },
	"stream of 50 1": { cpu: 0.8 },
	"stream of 50 16": { cpu: 0.8 },
};

/** All in turn, best round of each. */
async function compare(what, ours, direct, rivals, load) {
	const all = [direct, ours, ...rivals];
	const best = new Map(all.map((target) => [target, { p50: Number.POSITIVE_INFINITY, cpuMs: Number.POSITIVE_INFINITY, rate: 0 }]));
	for (const target of all) await latencies(asker(target, load), { count: Math.min(WARM_UP, target.slow ? 20 : WARM_UP), connections: load.connections });
	for (let round = 0; round < ROUNDS; round++) {
		for (const target of all) {
			const count = target.slow ? Math.ceil(load.count / 10) : load.count;
			const cpu = target.pid === undefined ? undefined : cpuMsOf(target.pid);
			const { times, seconds } = await latencies(asker(target, load), { count, connections: load.connections });
			const result = best.get(target);
			result.p50 = Math.min(result.p50, percentile(times, 0.5));
			result.rate = Math.max(result.rate, count / seconds);
			if (cpu !== undefined) result.cpuMs = Math.min(result.cpuMs, (cpuMsOf(target.pid) - cpu) / count);
		}
	}
	const own = best.get(ours);
	const none = best.get(direct).p50;
	const aim = aims[`${what} ${load.connections}`];
	const at = `${load.connections} connection${load.connections === 1 ? "" : "s"}`;
	const beside = (value) =>
		rivals.length === 0 ? [null] : rivals.map((rival) => ({ name: rival.name, version: rival.version, value: value(best.get(rival)) }));
	const rows = (name, unit, value, target, better, of) =>
		beside(of).map((rival) => ({ name: `${what}, ${name}, ${at}`, unit, value, ...(target === undefined ? {} : { target }), better, cpuMs: own.cpuMs, rival }));
	return [
		...rows("P50 added", "ms", own.p50 - none, aim.added, "lower", ({ p50 }) => p50 - none),
		...rows("processor time", "ms", own.cpuMs, aim.cpu, "lower", ({ cpuMs }) => cpuMs),
		...rows("rate", "1/s", own.rate, aim.rate, "higher", ({ rate }) => rate),
	];
}

/** From the request to the first piece of text. */
async function firstPiece(ours, direct) {
	const of = async (target) => {
		const times = [];
		for (let call = 0; call < 200; call++) times.push(await firstByte(target));
		return percentile(
			times.sort((a, b) => a - b),
			0.5,
		);
	};
	const [own, none] = [await of(ours), await of(direct)];
	return [
		{
			name: "first piece after the engine's own, P50",
			unit: "ms",
			value: own - none,
			target: 3,
			better: "lower",
			rival: { name: "direct", version: "same", value: none },
		},
	];
}

/** Streams that are opened and left. */
async function dropped(ours) {
	const memory = (kind) => Number(new RegExp(`${kind}:\\s+(\\d+)`).exec(readFileSync(`/proc/${ours.pid}/status`, "utf8"))?.[1] ?? 0) / 1024;
	await latencies(() => firstByte(ours, true), { count: 500, connections: 16 });
	const before = memory("RssAnon");
	await latencies(() => firstByte(ours, true), { count: DROPPED, connections: 16 });
	return [
		{
			name: `memory after ${DROPPED.toLocaleString("en")} streams were opened and left, grown by`,
			unit: "MB",
			value: Math.max(0, memory("RssAnon") - before),
			better: "lower",
		},
		// Pages of the mapped store and of the program's text belong to the system, which takes them back when it needs them.
		{ name: "memory of the gateway's own", unit: "MB", value: memory("RssAnon"), target: 200, better: "lower" },
		{ name: "memory of the gateway with the files that it has mapped", unit: "MB", value: memory("VmRSS"), better: "lower" },
	];
}

const agent = new Agent({ keepAlive: true, maxSockets: 64 });

function post({ url, headers, model }, stream) {
	const body = JSON.stringify({ model, messages, max_tokens: 64, ...(stream ? { stream: true } : {}) });
	return {
		url,
		options: { method: "POST", agent, headers: { "content-type": "application/json", "content-length": Buffer.byteLength(body), ...headers } },
		body,
	};
}

function asker(target, { stream }) {
	return () =>
		new Promise((resolve, reject) => {
			const { url, options, body } = post(target, stream);
			const request = httpRequest(url, options, (response) => {
				let bytes = 0;
				let text = "";
				response.on("data", (chunk) => {
					bytes += chunk.length;
					if (response.statusCode !== 200) text += chunk;
				});
				response.on("end", () =>
					response.statusCode === 200 && bytes > 500 ? resolve() : reject(new Error(`${target.name}: ${response.statusCode} ${text.slice(0, 300)}`)),
				);
			});
			request.on("error", reject);
			request.end(body);
		});
}

function firstByte(target, leave = false) {
	return new Promise((resolve, reject) => {
		const { url, options, body } = post(target, true);
		const began = performance.now();
		const request = httpRequest(url, leave ? { ...options, agent: undefined } : options, (response) => {
			response.once("data", () => {
				const ms = performance.now() - began;
				if (leave) {
					request.destroy();
					resolve(ms);
				} else response.resume().once("end", () => resolve(ms));
			});
		});
		request.on("error", (error) => (leave ? resolve(0) : reject(error)));
		request.end(body);
	});
}

async function program(programs, file, args) {
	const child = spawn(process.execPath, [fileURLToPath(new URL(`../lib/${file}`, import.meta.url)), ...args], { stdio: ["ignore", "pipe", "inherit"] });
	programs.push({ child });
	for await (const line of createInterface({ input: child.stdout })) return { ...JSON.parse(line), pid: child.pid };
	throw new Error(`${file} did not start`);
}

/** Registers the node and a language model without a file: nothing here runs one. */
async function publish({ network, accounts }, node) {
	const client = createChainClient({ rpcUrl: network.rpcUrl });
	const sender = (index) => {
		const transactor = createTransactor({ client, signer: createDigestSigner(fromHex(accounts[index].privateKey)) });
		let sent = 0;
		return (contract, functionName, args) =>
			transactor.send({ key: `bench:${index}:${sent++}`, to: contract.address, data: encodeFunctionData({ abi: contract.abi, functionName, args }) });
	};
	const bond = 1_000n * 10n ** 18n;
	const operator = sender(5);
	await operator(contracts.OPG, "approve", [contractAddresses.NodeRegistry, bond]);
	await operator(contracts.NodeRegistry, "register", [1, node.url, node.address, 10_000n, bond]);
	const manifest = {
		version: 1,
		release: `${MODEL}@1.0`,
		format: "gguf",
		files: [{ path: "model.gguf", sha256: `0x${"23".repeat(32)}`, bytes: 1 }],
		inputs: [],
		outputs: [],
		text: { contextTokens: 8_192, tasks: ["chat"], tools: false },
		licence: "Apache-2.0",
	};
	await fetch(`${network.storageUrl}/v1/blobs?blob_id=later`, { method: "PUT", body: manifestText(manifest) });
	const [namespace, name] = MODEL.split("/");
	const data = {
		major: 1,
		minor: 0,
		format: 2,
		modes: 1,
		manifest: manifestDigest(manifest),
		inputSchema: schemaDigest([]),
		outputSchema: schemaDigest([]),
		licence: "Apache-2.0",
		terms: { leastPerCall: 0n, leastPerInputUnit: 0n, leastPerOutputUnit: 0n, leastBps: 0 },
		parents: [],
	};
	await sender(6)(contracts.ModelRegistry, "publish", [namespace, name, 0, data, PRICE]);
	await until(async () => (await (await fetch(`${network.gatewayUrl}/v1/models`)).json()).data.some(({ id }) => id === MODEL), "the model to be served");
}

async function createKey({ network, accounts }) {
	const owner = connect({ network, account: privateKeyToAccount(accounts[9].privateKey) });
	const budget = 3_000n * 10n ** 18n;
	const { key } = await owner.keys.create({ budget, tranche: budget });
	return key;
}

async function portkey(programs, upstream) {
	const folder = process.env.FREEHOLD_PORTKEY;
	if (folder === undefined || !existsSync(join(folder, "node_modules/@portkey-ai/gateway"))) return [];
	const port = await freePort();
	const child = spawn(
		process.execPath,
		["--import", LOOPBACK, join(folder, "node_modules/@portkey-ai/gateway/build/start-server.js"), `--port=${port}`, "--headless"],
		{
			stdio: "ignore",
		},
	);
	programs.push({ child });
	const url = `http://127.0.0.1:${port}`;
	await until(async () => (await fetch(url)).status > 0, "Portkey");
	const { version } = JSON.parse(readFileSync(join(folder, "node_modules/@portkey-ai/gateway/package.json"), "utf8"));
	const headers = { "x-portkey-provider": "openai", "x-portkey-custom-host": `${upstream.url}/v1`, authorization: "Bearer none" };
	return [{ name: "Portkey, nothing on", version, url: `${url}/v1/chat/completions`, headers, model: "bench", pid: child.pid }];
}

async function litellm(programs, upstream) {
	const command = process.env.FREEHOLD_LITELLM;
	if (command === undefined || !existsSync(command)) return [];
	const port = await freePort();
	const config = join(mkdtempSync(join(tmpdir(), "freehold-litellm-")), "config.yaml");
	writeFileSync(
		config,
		`model_list:\n  - model_name: bench\n    litellm_params:\n      model: openai/bench\n      api_base: ${upstream.url}/v1\n      api_key: none\nlitellm_settings:\n  telemetry: false\ngeneral_settings:\n  master_key: sk-bench\n`,
	);
	const child = spawn(command, ["--config", config, "--host", "127.0.0.1", "--port", String(port), "--num_workers", "1"], { stdio: "ignore" });
	programs.push({ child });
	const url = `http://127.0.0.1:${port}`;
	await until(async () => (await fetch(`${url}/health/liveliness`)).ok, "LiteLLM");
	return [
		{
			name: "LiteLLM, nothing on",
			version: "installed",
			url: `${url}/v1/chat/completions`,
			headers: { authorization: "Bearer sk-bench" },
			model: "bench",
			pid: child.pid,
			slow: true,
		},
	];
}
