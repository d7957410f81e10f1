/** `freehold node …`: offer a machine, see what it earns, change its key, leave. */
import { chmod, copyFile, mkdir, readFile, rename, rm, stat } from "node:fs/promises";
import { join, resolve } from "node:path";
import { FreeholdError, formatOpg, type Hex, type NodesBody, nodeRoutes, toHex } from "@freehold/protocol";
import { connect, type Freehold, type OperatorView } from "@freehold/sdk";
import {
	createDigestSigner,
	durationOption,
	fetchJson,
	nativeCrypto,
	OPERATOR_FILE,
	pause,
	readKeyFile,
	readOperatorFile,
	readOrCreateKeyFile,
	urlOption,
	writeOperatorFile,
} from "@freehold/service";
import { privateKeyToAccount } from "viem/accounts";
import { addressOf } from "../accounts/accounts.js";
import { connectMember, connectVisitor } from "../client/connect.js";
import type { CommandContext } from "../context.js";
import { parseOpg } from "../input/amount.js";
import type { Action } from "../main.js";
import { table } from "../output/output.js";
import { crashPointsOfRoles } from "../roles/run-role.js";
import { writeJson } from "../supervisor/data-folder.js";

/** Left on a gateway's own account for its transactions. */
const GAS_RESERVE = 10n ** 18n;
const SWITCH_DEADLINE_MS = 60_000;
const LOOK_MS = 250;
const OPERATOR_KEY = "operator.key";
/** Signs a gateway's orders, once there was a rotation. */
const ORDER_KEY = "order.key";
/** Longer than what is under way: an order is anchored while its key is good. */
const OVERLAP = { inference: "60s", gateway: "6m" } as const;
/** Which key is on its way out, while a rotation is under way. */
const ROTATION = "rotation.json";

export const crashPoints: Action = async ({ output }) => {
	const points = await crashPointsOfRoles();
	output.result(points, () => points.map(({ role, name }) => `${role.padEnd(10)} ${name}`).join("\n"));
	return 0;
};

/** All nodes, or with an address (or `--account`) one operator in full. */
export const status: Action = async (context, [who]) => {
	const { freehold } = await connectVisitor(context);
	const name = who ?? context.account;
	if (name === undefined) {
		const nodes = await freehold.nodes.list({ signal: context.signal });
		context.output.result({ nodes }, () => (nodes.length === 0 ? "No operator yet." : table([HEADINGS, ...nodes.map(row)])));
		return 0;
	}
	const operator = await addressOf(context, name);
	const [view, nodes] = await Promise.all([freehold.nodes.show({ operator, signal: context.signal }), freehold.nodes.list({ signal: context.signal })]);
	const known = nodes.find((node) => node.operator === operator);
	const alive = known?.heartbeats.some((beat) => beat.alive) ?? false;
	const calls = known?.calls ?? 0;
	const earned = BigInt(known?.earned ?? "0");
	context.output.result({ ...view, alive, calls, earned }, () =>
		table([
			["operator", view.operator],
			["roles", view.roles.join(", ")],
			["endpoint", view.endpoint],
			["alive", alive ? "yes" : "no heartbeat"],
			["asks", `${formatOpg(view.nodeFee)} OPG a call`],
			["bond", `${formatOpg(view.bond)} OPG${view.active ? "" : ", too little to be asked"}`],
			...(view.unbondsAt === undefined ? [] : [["leaving", `${formatOpg(view.unbonding)} OPG from ${new Date(view.unbondsAt).toISOString()}`]]),
			["calls", String(calls)],
			["earned", `${formatOpg(earned)} OPG`],
			["claimable", `${formatOpg(view.credit)} OPG (freehold earnings claim)`],
		]),
	);
	return 0;
};

const HEADINGS = ["operator", "roles", "endpoint", "asks", "alive", "calls", "earned"];

function row(node: NodesBody["nodes"][number]): readonly string[] {
	const alive = node.heartbeats.some((beat) => beat.alive) ? "yes" : "–";
	return [node.operator, node.roles.join(","), node.endpoint, formatOpg(BigInt(node.nodeFee)), alive, String(node.calls), formatOpg(BigInt(node.earned))];
}

export const register: Action = async (context, [role = ""], options) => {
	if (role !== "inference" && role !== "gateway")
		throw new FreeholdError("request.invalid", { field: "role", reason: `${role} cannot be registered here; inference and gateway can` });
	const endpoint = urlOption({ help: "", group: "" }).parse(String(options["endpoint"]), "--endpoint");
	const bond = parseOpg(String(options["bond"]), "--bond");
	const folder = folderOf(options, role);
	await mkdir(folder, { recursive: true });
	const member = await connectMember(context);
	const common = { role, endpoint, bond, signal: context.signal } as const;
	const registered =
		role === "gateway"
			? await registerGateway(member.freehold, folder, common)
			: await registerNode(member.freehold, member.address, folder, { ...common, nodeFee: parseOpg(String(options["nodeFee"]), "--node-fee") });
	context.output.result({ ...registered, role, folder }, () =>
		[
			`${context.output.good("✓")} ${registered.operator} is registered for ${role} with a bond of ${formatOpg(registered.bond)} OPG`,
			`  key  ${registered.key}, in ${folder}`,
			`  run  freehold node run ${role} --network ${context.network ?? member.network.gatewayUrl} --data ${folder} --public-url ${endpoint}`,
		].join("\n"),
	);
	return 0;
};

type Common = { readonly role: "inference" | "gateway"; readonly endpoint: string; readonly bond: bigint; readonly signal: AbortSignal };

/** The account stays the operator and may stay off the machine; the machine gets a key of its own. */
async function registerNode(freehold: Freehold, operator: Hex, folder: string, offer: Common & { readonly nodeFee: bigint }) {
	const { address: key } = createDigestSigner(await readOrCreateKeyFile(join(folder, "node.key")));
	const registered = await freehold.nodes.register({ ...offer, key });
	await writeOperatorFile(join(folder, OPERATOR_FILE), operator);
	return registered;
}

/** A gateway's own key anchors its batches and is its operator, by the contract; the account pays its bond. */
async function registerGateway(freehold: Freehold, folder: string, { signal, ...offer }: Common) {
	const privateKey = await readOrCreateKeyFile(join(folder, "gateway.key"));
	const own = connect({ network: freehold.client.network, account: privateKeyToAccount(toHex(privateKey)), crypto: nativeCrypto });
	const address = own.client.account().address.toLowerCase() as Hex;
	const staked = await own.nodes.show({ operator: address, signal }).then(
		({ bond, unbonding }) => bond - unbonding,
		(error: unknown) => {
			if (error instanceof FreeholdError && error.code === "node.notRegistered") return 0n;
			throw error;
		},
	);
	const needed = (offer.bond > staked ? offer.bond - staked : 0n) + GAS_RESERVE;
	const balance = await freehold.client.chain.balance(address, { signal });
	if (balance < needed) await freehold.client.transactor().send({ key: `fund ${address} ${balance}`, to: address, value: needed - balance }, { signal });
	const orders = join(folder, ORDER_KEY);
	const key = (await exists(orders)) ? { key: createDigestSigner(await readKeyFile(orders)).address } : {};
	return own.nodes.register({ ...offer, ...key, signal });
}

export const unbond: Action = async (context, [amount]) => {
	const { freehold } = await connectMember(context);
	const view = await freehold.nodes.unbond({ signal: context.signal, ...(amount === undefined ? {} : { amount: parseOpg(amount, "amount") }) });
	context.output.result(view, () => describeNotice(view));
	return 0;
};

function describeNotice({ unbonding, unbondsAt, active }: OperatorView): string {
	const from = unbondsAt === undefined ? "" : ` Take it out from ${new Date(unbondsAt).toISOString()} with: freehold node withdraw`;
	return `${formatOpg(unbonding)} OPG are on their way out${active ? "" : "; the machine is asked no more"}.${from}`;
}

export const withdraw: Action = async (context, _args, options) => {
	const { freehold } = await connectMember(context);
	const to = options["to"];
	const withdrawn = await freehold.nodes.withdrawBond({ signal: context.signal, ...(typeof to === "string" ? { to: await addressOf(context, to) } : {}) });
	context.output.result(withdrawn, () => `${formatOpg(withdrawn.amount)} OPG came out of the bond; ${formatOpg(withdrawn.left.bond)} OPG stay in.`);
	return 0;
};

/**
 * A new key for a node, or for the orders of a gateway: registered first, put into the folder, taken over by the program while it runs; the old one ends when
 * what it signed has been anchored. Broken off anywhere it can be run again: it goes on with the key that is being introduced.
 */
export const rotate: Action = async (context, [role = "inference"], options) => {
	if (role !== "inference" && role !== "gateway")
		throw new FreeholdError("request.invalid", { field: "role", reason: `${role} has no key to rotate; inference and gateway have` });
	const folder = folderOf(options, role);
	const overlapMs = durationOption({ help: "", group: "" }).parse(String(options["overlap"] ?? OVERLAP[role]), "--overlap");
	const { freehold, operator } = role === "gateway" ? await gatewayOf(context, folder) : await operatorOf(context, folder);
	const introduced = role === "gateway" ? introduceOrderKey : introduceKey;
	const old = await introduced(freehold, operator, folder, context.signal);
	const fresh = createDigestSigner(await readKeyFile(join(folder, role === "gateway" ? ORDER_KEY : "node.key"))).address;
	const view = await freehold.nodes.show({ operator, signal: context.signal });
	const switched = await untilSigning(role, view.endpoint, fresh, context);
	if (overlapMs > 0) {
		const when = switched ? "now" : `from the ${role === "gateway" ? "gateway" : "node"}'s next start on`;
		context.output.note(`${fresh} signs ${when}. The old key ends in ${overlapMs / 1000} s, when what it signed is anchored.`);
		await pause(overlapMs, context.signal);
	}
	await freehold.nodes.revokeKey(old, { signal: context.signal });
	await rm(join(folder, ROTATION), { force: true });
	context.output.result({ operator, key: fresh, revoked: old, running: switched }, () =>
		[
			`${context.output.good("✓")} ${fresh} signs for ${operator}; ${old} signs no more, and what it signed stays provable`,
			...(old === operator && role === "inference"
				? [`  The operator's own key is in ${join(folder, OPERATOR_KEY)}. Keep it elsewhere: it holds bond and earnings.`]
				: []),
		].join("\n"),
	);
	return 0;
};

/** Puts a registered new key into the folder; gives the one that it takes over from. What an earlier try did is not done again. */
async function introduceKey(freehold: Freehold, operator: Hex, folder: string, signal: AbortSignal): Promise<Hex> {
	const path = (name: string): string => join(folder, name);
	const begun = await readFile(path(ROTATION), "utf8").catch(() => undefined);
	const current = createDigestSigner(await readKeyFile(path("node.key"))).address;
	const old = begun === undefined ? current : (JSON.parse(begun) as { readonly old: Hex }).old;
	if (old !== current) return old;
	await writeJson(path(ROTATION), { version: 1, old });
	const fresh = createDigestSigner(await readOrCreateKeyFile(path("node.key.next"))).address;
	await freehold.nodes.addKey(fresh, { signal });
	if (old === operator) {
		// Until now the machine's key was the operator itself. That key is kept apart, for its owner to take away.
		await copyFile(path("node.key"), path(OPERATOR_KEY));
		await chmod(path(OPERATOR_KEY), 0o600);
	}
	await writeOperatorFile(path(OPERATOR_FILE), operator);
	await rename(path("node.key.next"), path("node.key"));
	return old;
}

/** The same for the orders of a gateway, whose own key stays its operator and claims its vouchers: orders are signed by a key beside it. */
async function introduceOrderKey(freehold: Freehold, operator: Hex, folder: string, signal: AbortSignal): Promise<Hex> {
	const path = (name: string): string => join(folder, name);
	const begun = await readFile(path(ROTATION), "utf8").catch(() => undefined);
	const current = (await exists(path(ORDER_KEY))) ? createDigestSigner(await readKeyFile(path(ORDER_KEY))).address : operator;
	const old = begun === undefined ? current : (JSON.parse(begun) as { readonly old: Hex }).old;
	if (old !== current) return old;
	await writeJson(path(ROTATION), { version: 1, old });
	const fresh = createDigestSigner(await readOrCreateKeyFile(path(`${ORDER_KEY}.next`))).address;
	await freehold.nodes.addKey(fresh, { signal });
	await rename(path(`${ORDER_KEY}.next`), path(ORDER_KEY));
	return old;
}

/** A gateway's own key signs for it. */
async function gatewayOf(context: CommandContext, folder: string): Promise<{ readonly freehold: Freehold; readonly operator: Hex }> {
	const { network } = await connectVisitor(context);
	const account = privateKeyToAccount(toHex(await readKeyFile(join(folder, "gateway.key"))));
	return { freehold: connect({ network, account, crypto: nativeCrypto }), operator: account.address.toLowerCase() as Hex };
}

/** The operator of a node's folder with a way to sign for it: its own key in the folder, or `--account`. */
async function operatorOf(context: CommandContext, folder: string): Promise<{ readonly freehold: Freehold; readonly operator: Hex }> {
	const named = await readOperatorFile(join(folder, OPERATOR_FILE));
	const own = (await exists(join(folder, OPERATOR_KEY))) ? OPERATOR_KEY : named === undefined ? "node.key" : undefined;
	if (own !== undefined && context.account === undefined) {
		const { network } = await connectVisitor(context);
		const account = privateKeyToAccount(toHex(await readKeyFile(join(folder, own))));
		const operator = account.address.toLowerCase() as Hex;
		return { freehold: connect({ network, account, crypto: nativeCrypto }), operator };
	}
	const { freehold, address } = await connectMember(context);
	if (named !== undefined && named !== address)
		throw new FreeholdError("config.invalid", { option: "--account", reason: `the node in ${folder} belongs to ${named}, not to ${address}` });
	return { freehold, operator: address };
}

/** True when the program says that it signs with the key; false when it does not run. */
async function untilSigning(role: "inference" | "gateway", endpoint: string, key: Hex, { signal }: CommandContext): Promise<boolean> {
	const deadline = performance.now() + SWITCH_DEADLINE_MS;
	const path = role === "gateway" ? "/ready" : nodeRoutes.engines.path;
	for (;;) {
		const answer = await fetchJson(`${endpoint}${path}`, { what: role === "gateway" ? "The gateway" : "The node", deadlineMs: 5_000, signal }).catch(
			(error: unknown) => {
				if (error instanceof FreeholdError && (error.code === "network.down" || error.code === "service.starting")) return undefined;
				throw error;
			},
		);
		if (answer === undefined) return false;
		const { key: signs, detail } = answer as { readonly key?: unknown; readonly detail?: { readonly orderKey?: unknown } };
		if ((role === "gateway" ? detail?.orderKey : signs) === key) return true;
		if (performance.now() > deadline)
			throw new FreeholdError("upstream.timeout", {
				what: `The ${role === "gateway" ? "gateway" : "node"} at ${endpoint}`,
				seconds: SWITCH_DEADLINE_MS / 1000,
			});
		await pause(LOOK_MS, signal);
	}
}

function folderOf(options: Readonly<Record<string, unknown>>, role: string): string {
	const given = options["nodeData"];
	return resolve(typeof given === "string" ? given : `.freehold/${role}`);
}

function exists(path: string): Promise<boolean> {
	return stat(path).then(
		() => true,
		() => false,
	);
}
