/**
 * A network at the client's edge whose programs can be made to fail or cheat: a chain that answers the registry's questions, storage, and a gateway that
 * checks vouchers with the server's own code and signs real orders and receipts.
 */
import { type ChannelConfig, channelId, decodePayment, encodeHeader, tillAddress, x402Headers } from "@freehold/payments";
import {
	channelSettlement,
	channelStateMessage,
	checkSignature,
	checkVoucher,
	offer,
	opgToken,
	paymentRequired,
	readBatchPayload,
	type TillTerms,
} from "@freehold/payments/server";
import { defaultCrypto } from "@freehold/proofs";
import {
	type ChannelBody,
	type ChannelTermsBody,
	callId,
	charge,
	commit,
	commitTensors,
	contractAddresses,
	type EvidenceKind,
	engineDigest,
	errorBody,
	FreeholdError,
	fromHex,
	fromUtf8,
	type Hex,
	type InferenceRequestBody,
	type InferenceResponseBody,
	type Manifest,
	modes,
	type NetworkFile,
	type Order,
	orderDigest,
	parseInputs,
	parseManifest,
	parseTensors,
	parseUploadPlan,
	payerCommitment,
	type QuoteBody,
	type Receipt,
	type ReceiptFile,
	receiptDigest,
	receiptFileShape,
	type Tensors,
	tensorFromElements,
	tensorsToJson,
	toHex,
	type UploadPlan,
	uploadId,
} from "@freehold/protocol";
import { type Abi, decodeFunctionData, encodeFunctionResult } from "viem";
import { privateKeyToAccount } from "viem/accounts";
import { contracts } from "../src/chain/contracts.js";
import type { Fetch } from "../src/chain/json-rpc.js";
import { type Answer, ScriptedNode } from "./scripted-node.js";

export const OPG = 10n ** 18n;
const CHAIN_ID = 10741;
const NODE_FEE = OPG / 20n;
const GATEWAY_FEE = (3n * OPG) / 100n;
const noExit = { amount: 0n, initiatedAt: 0 };
const NOBODY: Hex = `0x${"00".repeat(20)}`;

const gatewayKey = privateKeyToAccount(toHex(new Uint8Array(32).fill(7)));
const nodeKey = privateKeyToAccount(toHex(new Uint8Array(32).fill(8)));
export const gatewayAddress = gatewayKey.address.toLowerCase() as Hex;
const nodeAddress = nodeKey.address.toLowerCase() as Hex;

interface StoredRelease {
	readonly modelId: bigint;
	readonly model: string;
	readonly owner: Hex;
	readonly data: { readonly manifest: Hex; readonly inputSchema: Hex; readonly outputSchema: Hex; readonly modes: number; readonly terms: StoredTerms };
	/** Version n is the nth. */
	readonly prices: { readonly perCall: bigint; readonly perInputUnit: bigint; readonly perOutputUnit: bigint }[];
	retiredAt: bigint;
}

interface StoredTerms {
	readonly leastBps: number;
	readonly leastPerCall: bigint;
	readonly leastPerInputUnit: bigint;
	readonly leastPerOutputUnit: bigint;
}

interface StoredChannel {
	readonly config: ChannelConfig;
	balance: bigint;
	charged: bigint;
	/** On the chain. */
	claimed: bigint;
	exit: { readonly amount: bigint; readonly initiatedAt: number };
}

export class ScriptedNetwork {
	readonly node = new ScriptedNode();
	readonly blobs = new Map<string, Uint8Array>();
	readonly uploads = new Map<Hex, { readonly plan: UploadPlan; readonly parts: Map<number, Uint8Array> }>();
	readonly namespaces = new Map<string, Hex>();
	readonly owners = new Map<bigint, Hex>();
	readonly releases = new Map<Hex, StoredRelease>();
	readonly channels = new Map<Hex, StoredChannel>();
	/** Unix milliseconds. */
	now: () => number = Date.now;
	/** OPG of every account. */
	balance = 1_000n * OPG;
	/** What was asked: `PUT /v1/blobs`. */
	readonly asked: string[] = [];
	/** Keys that the registry knows for gateway and node. */
	readonly keys = new Set<Hex>([gatewayAddress, nodeAddress]);
	/** Answers instead of a program, once for each request. */
	interrupt: ((url: URL, init: RequestInit) => Response | "down" | undefined) | undefined;
	/** Changes an answer before it leaves. */
	tamper: ((answer: InferenceResponseBody, file: ReceiptFile) => InferenceResponseBody) | undefined;
	/** Version of the price that the gateway quotes; undefined: the newest. */
	quotedVersion: number | undefined;
	/** Changes what the node signs. */
	dishonest: { readonly order?: Partial<Order>; readonly receipt?: Partial<Receipt>; readonly payTo?: Hex } = {};
	/** What the model does: outputs of inputs. */
	model: (inputs: Tensors) => Tensors = () => ({ Y: tensorFromElements("float32", [1, 2], [0.25, 0.75]) });

	constructor() {
		this.node.override = (method, params) => this.#chain(method, params);
	}

	readonly file: NetworkFile = {
		version: 1,
		name: "local",
		chainId: CHAIN_ID,
		rpcUrl: "http://rpc.invalid",
		wsUrl: "ws://rpc.invalid",
		gatewayUrl: "http://gateway.invalid",
		hubUrl: "http://hub.invalid",
		storageUrl: "http://storage.invalid",
		webUrl: "http://gateway.invalid",
		contracts: contractAddresses,
		checkpoint: { kind: "sequencer", signer: `0x${"11".repeat(32)}`, height: 1, hash: `0x${"22".repeat(32)}` },
	};

	readonly fetch: Fetch = async (address, init) => {
		const url = new URL(address);
		const interruption = this.interrupt?.(url, init);
		if (interruption === "down") throw new TypeError("fetch failed");
		if (interruption !== undefined) return interruption;
		if (url.hostname === "rpc.invalid") {
			const answer = await this.node.fetch(address, init);
			this.#applyPublications();
			return answer;
		}
		this.asked.push(`${init.method ?? "GET"} ${url.pathname}`);
		try {
			return url.hostname === "storage.invalid" ? await this.#storage(url, init) : await this.#gateway(url, init);
		} catch (error) {
			if (error instanceof FreeholdError) return Response.json({ error: errorBody(error) }, { status: error.entry.status });
			throw error;
		}
	};

	// ── chain ───────────────────────────────────────────────────────────────────────────────────────────────────────

	#applied = 0;

	#applyPublications(): void {
		const transactions = this.node.blocks.flatMap((block) => block.transactions);
		for (const { to, data, from } of transactions.slice(this.#applied)) {
			if (to === contracts.Channels.address) this.#applyChannel(data);
			if (to !== contracts.ModelRegistry.address) continue;
			const { functionName, args } = decodeFunctionData({ abi: contracts.ModelRegistry.abi, data });
			if (functionName !== "publish") continue;
			const [namespace, name, , release, price] = args;
			this.addRelease(`${namespace}/${name}`, from, release, price);
		}
		this.#applied = transactions.length;
	}

	/** What `Channels` does with a payer's transactions. */
	#applyChannel(data: Hex): void {
		const { functionName, args } = decodeFunctionData({ abi: contracts.Channels.abi, data });
		if (functionName !== "deposit" && functionName !== "initiateWithdraw" && functionName !== "finalizeWithdraw") return;
		const [config, amount = 0n] = args;
		const lower: ChannelConfig = {
			...config,
			payer: config.payer.toLowerCase() as Hex,
			payerAuthorizer: config.payerAuthorizer.toLowerCase() as Hex,
			receiver: config.receiver.toLowerCase() as Hex,
			receiverAuthorizer: config.receiverAuthorizer.toLowerCase() as Hex,
			token: config.token.toLowerCase() as Hex,
		};
		const id = channelId(lower, CHAIN_ID);
		const channel = this.channels.get(id) ?? { config: lower, balance: 0n, charged: 0n, claimed: 0n, exit: noExit };
		this.channels.set(id, channel);
		if (functionName === "deposit") channel.balance += amount;
		else if (functionName === "initiateWithdraw") channel.exit = { amount, initiatedAt: Math.floor(this.now() / 1000) };
		else {
			channel.balance -= channel.exit.amount;
			channel.exit = noExit;
		}
	}

	/** What `ModelRegistry.publish` does. */
	addRelease(model: string, owner: Hex, data: StoredRelease["data"] & { readonly manifest: Hex }, price: StoredRelease["prices"][number]): void {
		const manifest = this.#manifest(data.manifest);
		const id = BigInt(toHex(defaultCrypto.keccak256(new TextEncoder().encode(model))));
		const [major = 0, minor = 0] = (manifest?.release.split("@")[1] ?? "1.0").split(".").map(Number);
		const words = [id, BigInt(major), BigInt(minor)].map((word) => word.toString(16).padStart(64, "0")).join("");
		this.namespaces.set(model.split("/")[0] ?? "", owner);
		this.owners.set(id, owner);
		this.releases.set(toHex(defaultCrypto.keccak256(fromHex(`0x${words}`))), { modelId: id, model, owner, data, prices: [price], retiredAt: 0n });
	}

	#chain(method: string, params: readonly unknown[]): Answer | undefined {
		if (method === "eth_getBalance") return { result: `0x${this.balance.toString(16)}` };
		if (method !== "eth_call") return undefined;
		const { to, data } = params[0] as { to: Hex; data: Hex };
		const contract = Object.values(contracts).find(({ address }) => address === to);
		if (contract === undefined) throw new Error(`no contract ${to}`);
		const { functionName, args = [] } = decodeFunctionData({ abi: contract.abi as Abi, data });
		const result = this.#view(functionName, args);
		if (result === undefined) return { error: { code: 3, message: "execution reverted", data: "0x" } };
		return { result: encodeFunctionResult({ abi: contract.abi as Abi, functionName, result }) };
	}

	#view(name: string, args: readonly unknown[]): unknown {
		const [first, second] = args;
		const release = this.releases.get(first as Hex);
		switch (name) {
			case "namespaceOwner":
				return this.namespaces.get(first as string) ?? NOBODY;
			case "ownerOf":
				return this.owners.get(first as bigint);
			case "releaseExists":
				return release !== undefined;
			case "releaseOf":
				return (
					release && {
						...release.data,
						modelId: release.modelId,
						publishedAt: 1n,
						retiredAt: release.retiredAt,
						priceVersions: 1,
						priceBefore: 0,
						major: 1,
						minor: 0,
						format: 1,
						parentCount: 0,
						licence: "",
						publisher: `0x${"00".repeat(20)}`,
					}
				);
			case "currentPrice":
				return release && [release.prices.length, { ...currentPrice(release.prices), validFrom: 1n, validUntil: 0n }];
			case "priceOf": {
				const price = release?.prices[(second as number) - 1];
				return [{ ...(price ?? { perCall: 0n, perInputUnit: 0n, perOutputUnit: 0n }), validFrom: price === undefined ? 0n : 1n, validUntil: 0n }, 0n];
			}
			case "isKeyValid":
				return this.keys.has((second as Hex).toLowerCase() as Hex);
			case "isActive":
				return true;
			case "channels": {
				const channel = this.channels.get(first as Hex);
				return [channel?.balance ?? 0n, channel?.claimed ?? 0n];
			}
			case "pendingWithdrawals": {
				const { amount, initiatedAt } = this.channels.get(first as Hex)?.exit ?? noExit;
				return [amount, initiatedAt];
			}
			default:
				throw new Error(`the chain is not asked for ${name} here`);
		}
	}

	#manifest(digest: Hex): Manifest | undefined {
		const bytes = this.blobs.get(digest);
		return bytes === undefined ? undefined : parseManifest(new TextDecoder().decode(bytes));
	}

	// ── storage ─────────────────────────────────────────────────────────────────────────────────────────────────────

	async #storage(url: URL, init: RequestInit): Promise<Response> {
		if (init.method === "HEAD") {
			const blob = this.blobs.get(url.pathname.split("/").at(-1) ?? "");
			return new Response(null, { status: blob === undefined ? 404 : 200, headers: blob === undefined ? {} : { "content-length": String(blob.length) } });
		}
		const bytes = new Uint8Array(await new Response(init.body as BodyInit).arrayBuffer());
		const sha256 = toHex(defaultCrypto.sha256(bytes));
		if (url.pathname.startsWith("/v1/uploads")) return this.#upload(url, bytes, sha256);
		const expected = url.searchParams.get("sha256");
		if (expected !== null && `0x${expected}` !== sha256) throw new FreeholdError("blob.mismatch", { actual: sha256, expected });
		this.blobs.set(sha256, bytes);
		return Response.json({ sha256 });
	}

	#upload(url: URL, bytes: Uint8Array, sha256: Hex): Response {
		const [, , , id, verb, number] = url.pathname.split("/");
		if (id === undefined) {
			const plan = parseUploadPlan(JSON.parse(fromUtf8(bytes)));
			const upload = uploadId(plan);
			if (!this.uploads.has(upload)) this.uploads.set(upload, { plan, parts: new Map() });
			return this.#missing(upload);
		}
		const upload = this.uploads.get(id as Hex);
		if (upload === undefined) throw new FreeholdError("upload.notFound", { upload: id, hours: 24 });
		if (verb === "parts") {
			const expected = upload.plan.parts[Number(number)];
			if (expected === undefined || sha256 !== expected) throw new FreeholdError("blob.mismatch", { actual: sha256, expected: expected ?? "nothing" });
			upload.parts.set(Number(number), bytes);
			return this.#missing(id as Hex);
		}
		if (upload.parts.size < upload.plan.parts.length) throw new FreeholdError("upload.incomplete", { upload: id, missing: 1 });
		this.blobs.set(upload.plan.sha256, new Uint8Array(Buffer.concat(upload.plan.parts.map((_, part) => upload.parts.get(part) ?? new Uint8Array()))));
		this.uploads.delete(id as Hex);
		return Response.json({ sha256: upload.plan.sha256 });
	}

	#missing(upload: Hex): Response {
		const { plan, parts } = this.uploads.get(upload) ?? { plan: { parts: [] }, parts: new Map() };
		return Response.json({ upload, missing: plan.parts.flatMap((_, part) => (parts.has(part) ? [] : [part])) });
	}

	// ── gateway ─────────────────────────────────────────────────────────────────────────────────────────────────────

	get terms(): TillTerms {
		return {
			chainId: CHAIN_ID,
			payTo: this.dishonest.payTo ?? tillAddress(gatewayAddress),
			gateway: gatewayAddress,
			receiverAuthorizer: gatewayAddress,
			withdrawDelay: 900,
			minDeposit: OPG / 10n,
			maxTimeoutSeconds: 60,
			token: opgToken,
		};
	}

	async #gateway(url: URL, init: RequestInit): Promise<Response> {
		const [, , kind, id = ""] = url.pathname.split("/");
		if (kind === "quotes") return Response.json(this.#quote(decodeURIComponent(id)));
		if (kind === "inference") return this.#infer(url, init);
		if (kind === "channels" && id === "") return Response.json(this.#channelTerms());
		if (kind === "channels") return init.method === "POST" ? this.#refund(id as Hex, init) : Response.json(this.#channel(id as Hex));
		throw new FreeholdError("request.notFound", { path: url.pathname });
	}

	#channelTerms(): ChannelTermsBody {
		const { gateway, payTo, receiverAuthorizer, withdrawDelay, minDeposit, token } = this.terms;
		return { gateway, payTo, receiverAuthorizer, withdrawDelay, minDeposit: minDeposit.toString(), token };
	}

	#channel(id: Hex): ChannelBody {
		const channel = this.channels.get(id);
		if (channel === undefined) throw new FreeholdError("channel.notFound", { channelId: id });
		return { channelId: id, balance: channel.balance.toString(), totalClaimed: channel.claimed.toString(), charged: channel.charged.toString() };
	}

	#refund(id: Hex, init: RequestInit): Response {
		const header = new Headers(init.headers).get(x402Headers.signature);
		const payment = header === null ? undefined : decodePayment(header);
		const payload = payment && readBatchPayload(payment.payload);
		const channel = this.channels.get(id);
		if (payload?.type !== "refund" || channel === undefined || payload.voucher.channelId !== id)
			throw new FreeholdError("payment.invalid", { reason: "no refund" });
		if (!checkSignature(channel.config, payload.voucher, CHAIN_ID, defaultCrypto).ok) throw new FreeholdError("payment.invalid", { reason: "signature" });
		if (payload.voucher.maxClaimableAmount !== channel.charged) throw new FreeholdError("payment.invalid", { reason: "cumulative" });
		channel.balance = channel.charged;
		return Response.json({});
	}

	#quote(text: string): QuoteBody {
		const found = [...this.releases].find(([id, { model }]) => id === text || model === text.split("@")[0]);
		if (found === undefined) throw new FreeholdError("model.notFound", { model: text });
		const [release, { model, prices, data, retiredAt }] = found;
		const version = this.quotedVersion ?? prices.length;
		const price = prices[version - 1] ?? currentPrice(prices);
		if (retiredAt !== 0n) throw new FreeholdError("model.retired", { release });
		const manifest = this.#manifest(data.manifest);
		if (manifest === undefined) throw new FreeholdError("blob.notFound", { id: data.manifest });
		return {
			release,
			model,
			priceVersion: version,
			owner: { perCall: price.perCall.toString(), perInputUnit: price.perInputUnit.toString(), perOutputUnit: price.perOutputUnit.toString() },
			nodeFee: NODE_FEE.toString(),
			gatewayFee: GATEWAY_FEE.toString(),
			protocolFeeBps: 100,
			unit: { input: "element", output: "element" },
			validUntil: Number.MAX_SAFE_INTEGER,
			gateway: gatewayAddress,
			payTo: this.terms.payTo,
			inputs: manifest.inputs,
			outputs: manifest.outputs,
		};
	}

	async #infer(url: URL, init: RequestInit): Promise<Response> {
		const body = JSON.parse(String(init.body)) as InferenceRequestBody;
		const quoted = this.#quote(body.release ?? body.model ?? "");
		const release = this.releases.get(quoted.release) as StoredRelease;
		const inputs = parseInputs(body.inputs, quoted.inputs);
		const outputs = this.model(inputs);
		const units = { calls: 1n, inputUnits: elements(inputs), outputUnits: elements(outputs) };
		const amount = charge(currentPrice(release.prices), units, { nodeFee: NODE_FEE, gatewayFee: GATEWAY_FEE });
		const headers = new Headers(init.headers);
		const header = headers.get(x402Headers.signature);
		const demand = (error?: string, state?: Parameters<typeof offer>[2]): Response =>
			Response.json(
				{},
				{ status: 402, headers: { [x402Headers.required]: encodeHeader(paymentRequired(url.href, offer(this.terms, { amount, known: true }, state), error)) } },
			);
		if (header === null) return demand();
		const payment = decodePayment(header);
		const payload = payment && readBatchPayload(payment.payload);
		if (payload === undefined || payload.type === "refund") return demand("invalid_payload");
		const id = payload.voucher.channelId;
		if (channelId(payload.config, CHAIN_ID) !== id) return demand("channel");
		const channel = this.channels.get(id) ?? { config: payload.config, balance: 0n, charged: 0n, claimed: 0n, exit: noExit };
		if (payload.type === "deposit") {
			channel.balance += payload.deposit.amount;
			this.balance -= payload.deposit.amount;
			this.channels.set(id, channel);
		}
		const state = { ...channel, totalClaimed: channel.claimed, withdrawing: 0n };
		const verdict = checkVoucher(payload.voucher, amount, state, CHAIN_ID, defaultCrypto);
		const message = channelStateMessage(id, state, { withdrawRequestedAt: 0, refundNonce: 0n });
		if (!verdict.ok) return demand(verdict.reason, { channelState: message });
		channel.charged += amount;
		const settlement = channelSettlement({
			chainId: CHAIN_ID,
			payer: payload.config.payer,
			charged: amount,
			state: channelStateMessage(id, { ...state, charged: channel.charged }, { withdrawRequestedAt: 0, refundNonce: 0n }),
		});
		const answer = await this.#answer(body, quoted, payload.config.payer, inputs, outputs, units, amount);
		return Response.json(answer, { headers: { [x402Headers.response]: encodeHeader(settlement) } });
	}

	async #answer(
		body: InferenceRequestBody,
		{ release, priceVersion }: QuoteBody,
		payer: Hex,
		inputs: Tensors,
		outputs: Tensors,
		units: { readonly inputUnits: bigint; readonly outputUnits: bigint },
		amount: bigint,
	): Promise<InferenceResponseBody> {
		const salt = body.salt as Hex;
		const mode = body.mode ?? "fast";
		const require: readonly EvidenceKind[] = body.require ?? [];
		const request = commit({ kind: "inference", version: 1, release, mode, require, inputs: commitTensors(inputs) }, salt);
		const order: Order = {
			callId: callId({ gateway: gatewayAddress, payer, paymentReference: request, request, attempt: 0 }),
			gateway: gatewayAddress,
			node: nodeAddress,
			release,
			priceVersion,
			payer: payerCommitment(payer, salt),
			request,
			mode: modes[mode],
			maxInputUnits: units.inputUnits,
			maxOutputUnits: units.outputUnits,
			nodeFee: NODE_FEE,
			gatewayFee: GATEWAY_FEE,
			deadline: 2_000n,
			...this.dishonest.order,
		};
		const engine = { name: "test", version: "1", artifact: `0x${"33".repeat(32)}` as Hex, options: {} };
		const receipt: Receipt = {
			order: orderDigest(order, CHAIN_ID),
			response: commit({ kind: "inference", version: 1, outputs: commitTensors(outputs) }, salt),
			engine: engineDigest(engine),
			...units,
			charge: amount,
			startedAt: 1_000n,
			finishedAt: 1_001n,
			...this.dishonest.receipt,
		};
		const file: ReceiptFile = {
			version: 1,
			chainId: CHAIN_ID,
			order,
			orderSignature: await gatewayKey.sign({ hash: orderDigest(order, CHAIN_ID) }),
			receipt,
			receiptSignature: await nodeKey.sign({ hash: receiptDigest(receipt, CHAIN_ID) }),
			engine,
			evidence: [],
			holder: { payer, salt },
			request: { require, inputs: fileTensors(inputs) },
			response: { outputs: fileTensors(outputs) },
		};
		const usage = { inputUnits: Number(units.inputUnits), outputUnits: Number(units.outputUnits), charge: amount.toString(), chargeOpg: "" };
		const answer: InferenceResponseBody = { outputs: tensorsToJson(outputs, "list"), usage, callId: order.callId, receiptFile: receiptFileShape.write(file) };
		return this.tamper?.(answer, file) ?? answer;
	}
}

function currentPrice(prices: StoredRelease["prices"]): StoredRelease["prices"][number] {
	const price = prices.at(-1);
	if (price === undefined) throw new Error("a release has a price");
	return price;
}

function fileTensors(tensors: Tensors): NonNullable<ReceiptFile["request"]>["inputs"] {
	return Object.fromEntries(Object.entries(tensors).map(([name, { dtype, shape, bytes }]) => [name, { dtype, shape, data: bytes }]));
}

function elements(tensors: Tensors): bigint {
	return Object.values(parseTensors(tensorsToJson(tensors, "base64"))).reduce((sum, { shape }) => sum + BigInt(shape.reduce((a, b) => a * b, 1)), 0n);
}
