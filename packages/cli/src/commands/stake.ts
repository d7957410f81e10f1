/** `freehold validator bond|delegate|unbond|withdraw|claim|unjail|status`: who stands behind which validator, with how much. */
import { join, resolve } from "node:path";
import { possessionMessage, readValidatorKey } from "@freehold/ledger";
import { FreeholdError, formatOpg, fromHex, type Hex, toHex } from "@freehold/protocol";
import { type ChainClient, contracts, createChainClient, createTransactor } from "@freehold/sdk/chain";
import { encodeFunctionData } from "viem";
import { addressOf, openAccount } from "../accounts/accounts.js";
import { findNetwork } from "../accounts/network.js";
import type { CommandContext } from "../context.js";
import { parseOpg } from "../input/amount.js";
import type { Action } from "../main.js";
import { table } from "../output/output.js";

type Options = Readonly<Record<string, unknown>>;
const { abi, address: SET } = contracts.ValidatorSet;
const FOR_EVER = 2n ** 64n - 1n;
const HTTP = /^https?:\/\//;

/** Bonds the account as a validator, with the key in CometBFT's folder. */
export const bond: Action = async (context, [home = ""], options) => {
	const amount = parseOpg(String(options["amount"] ?? ""), "--amount");
	const commission = percentOf(options["commission"]);
	const key = await readValidatorKey(resolve(home));
	const member = await connectAccount(context, options);
	const chainId = await member.chain.chainId({ signal: context.signal });
	const possession = toHex(key.sign(possessionMessage(BigInt(chainId), fromHex(member.me))));
	await approve(member, context, amount);
	const publicKey = toHex(key.publicKey);
	const transaction = await member.send(SET, encodeFunctionData({ abi, functionName: "bond", args: [publicKey, possession, commission, amount] }));
	const { endsAt } = await member.chain.read(contracts.ValidatorSet, "currentEpoch", [], { signal: context.signal });
	const fromMs = Number(endsAt) * 1000;
	context.output.result({ operator: member.me, publicKey, bond: amount, transaction, from: fromMs }, () =>
		[
			`${member.me} is bonded with ${formatOpg(amount)} OPG; its key votes from the epoch that begins about ${new Date(fromMs).toISOString()}`,
			`  keep ${join(home, "config/priv_validator_key.json")} in one place only: two that sign cost the place and a part of every stake behind it`,
		].join("\n"),
	);
	return 0;
};

/** Stands behind a validator with a part of the account's money. */
export const delegate: Action = async (context, [who = "", opg = ""], options) => {
	const amount = parseOpg(opg, "amount");
	const operator = await addressOf(context, who);
	const member = await connectAccount(context, options);
	await approve(member, context, amount);
	const transaction = await member.send(SET, encodeFunctionData({ abi, functionName: "delegate", args: [operator, amount] }));
	context.output.result({ operator, amount, transaction }, () => `${formatOpg(amount)} OPG of ${member.me} stand behind ${operator}`);
	return 0;
};

/** Gives notice; without an amount of everything. `--from`: whose validator; the account's own where nothing is said. */
export const unbond: Action = async (context, [opg], options) => {
	const member = await connectAccount(context, options);
	const operator = options["from"] === undefined ? member.me : await addressOf(context, String(options["from"]));
	const stake = await member.chain.read(contracts.ValidatorSet, "stakeOf", [operator, member.me], { signal: context.signal });
	const amount = opg === undefined ? stake : parseOpg(opg, "amount");
	if (amount <= 0n || amount > stake)
		throw new FreeholdError("request.invalid", { field: "amount", reason: `must be more than 0 and at most the stake, ${formatOpg(stake)} OPG` });
	const transaction = await member.send(SET, encodeFunctionData({ abi, functionName: "undelegate", args: [operator, amount] }));
	const [, , times] = await member.chain.read(contracts.ValidatorSet, "leavingOf", [member.me], { signal: context.signal });
	const freeAt = Number(times.at(-1) ?? 0n) * 1000;
	context.output.result(
		{ operator, amount, freeAt, transaction },
		() => `${formatOpg(amount)} OPG leave ${operator} and can be taken out from ${new Date(freeAt).toISOString()}; until then they answer for its faults`,
	);
	return 0;
};

/** Pays out what has waited long enough. */
export const withdraw: Action = async (context, _args, options) => {
	const member = await connectAccount(context, options);
	const [, amounts, times] = await member.chain.read(contracts.ValidatorSet, "leavingOf", [member.me], { signal: context.signal });
	const now = BigInt(Math.floor(Date.now() / 1000));
	const due = amounts.reduce((sum, amount, index) => ((times[index] ?? now) <= now ? sum + amount : sum), 0n);
	const to = options["to"] === undefined ? member.me : await addressOf(context, String(options["to"]));
	const transaction = await member.send(SET, encodeFunctionData({ abi, functionName: "withdraw", args: [to] }));
	context.output.result({ to, amount: due, transaction }, () => `${formatOpg(due)} OPG are with ${to}`);
	return 0;
};

/** Pays rewards of the validators that the account stands behind, and its own commission. */
export const claim: Action = async (context, [...who], options) => {
	const member = await connectAccount(context, options);
	const operators = who.length === 0 ? await operatorsOf(member.chain, context.signal) : await Promise.all(who.map((name) => addressOf(context, name)));
	const credit = await member.chain.read(contracts.ValidatorSet, "credit", [member.me], { signal: context.signal });
	const rewards = await Promise.all(
		operators.map((operator) => member.chain.read(contracts.ValidatorSet, "rewardOf", [operator, member.me], { signal: context.signal })),
	);
	const amount = rewards.reduce((sum, reward) => sum + reward, credit);
	const to = options["to"] === undefined ? member.me : await addressOf(context, String(options["to"]));
	const mine = operators.filter((_, index) => rewards[index] !== 0n);
	const transaction = await member.send(SET, encodeFunctionData({ abi, functionName: "claim", args: [mine, to] }));
	context.output.result({ to, amount, transaction }, () => `${formatOpg(amount)} OPG are with ${to}`);
	return 0;
};

/** Ends the account's jail. */
export const unjail: Action = async (context, _args, options) => {
	const member = await connectAccount(context, options);
	const transaction = await member.send(SET, encodeFunctionData({ abi, functionName: "unjail" }));
	context.output.result({ operator: member.me, transaction }, () => `${member.me} may vote again from the next epoch on`);
	return 0;
};

/** The set and its candidates; with an operator that one in full, with what the account has behind it. */
export const status: Action = async (context, [who], options) => {
	const chain = createChainClient({ rpcUrl: await rpcUrlOf(context, options) });
	const { signal } = context;
	if (who === undefined) {
		const operators = await operatorsOf(chain, signal);
		const [epoch, ...validators] = await Promise.all([
			chain.read(contracts.ValidatorSet, "currentEpoch", [], { signal }),
			...operators.map((operator) => viewOf(chain, operator, signal)),
		]);
		const sum = validators.reduce((total, { power }) => total + power, 0n);
		const result = { epoch: { number: epoch.number, endsAt: Number(epoch.endsAt) * 1000 }, power: sum, validators };
		context.output.result(result, () =>
			epoch.endsAt === 0n
				? "One sequencer orders this network: there is no set to join."
				: table([["operator", "power", "stake", "own", "commission", ""], ...validators.map(rowOf)]),
		);
		return 0;
	}
	const operator = await addressOf(context, who);
	const view = await viewOf(chain, operator, signal);
	if (view.publicKey === `0x${"00".repeat(32)}`)
		throw new FreeholdError("request.invalid", { field: "operator", reason: `${operator} has bonded no validator` });
	context.output.result(view, () =>
		table([
			["operator", view.operator],
			["key", view.publicKey],
			["power", `${view.power}`],
			["stake", `${formatOpg(view.stake)} OPG, ${formatOpg(view.own)} of its own`],
			["leaving", `${formatOpg(view.leaving)} OPG`],
			["commission", `${view.commissionBps / 100} %`],
			["state", stateOf(view)],
			["credit", `${formatOpg(view.credit)} OPG (freehold validator claim)`],
		]),
	);
	return 0;
};

interface ValidatorView {
	readonly operator: Hex;
	readonly publicKey: Hex;
	readonly power: bigint;
	readonly stake: bigint;
	readonly own: bigint;
	readonly leaving: bigint;
	readonly commissionBps: number;
	/** Unix milliseconds; null for ever; 0 while it may vote. */
	readonly jailedUntil: number | null;
	readonly credit: bigint;
}

async function viewOf(chain: ChainClient, operator: Hex, signal: AbortSignal): Promise<ValidatorView> {
	const [record, own, credit] = await Promise.all([
		chain.read(contracts.ValidatorSet, "validatorOf", [operator], { signal }),
		chain.read(contracts.ValidatorSet, "stakeOf", [operator, operator], { signal }),
		chain.read(contracts.ValidatorSet, "credit", [operator], { signal }),
	]);
	const { publicKey, power, active, leaving, commissionBps, jailedUntil } = record;
	const until = jailedUntil === FOR_EVER ? null : Number(jailedUntil) * 1000;
	return { operator, publicKey, power, stake: active.tokens, own, leaving: leaving.tokens, commissionBps, jailedUntil: until, credit };
}

function rowOf(view: ValidatorView): readonly string[] {
	return [view.operator, `${view.power}`, formatOpg(view.stake), formatOpg(view.own), `${view.commissionBps / 100} %`, stateOf(view)];
}

function stateOf({ jailedUntil, power }: ValidatorView): string {
	if (jailedUntil === null) return "signed two blocks: out for ever";
	if (jailedUntil > 0) return `jailed; may come back from ${new Date(jailedUntil).toISOString()} (freehold validator unjail)`;
	return power > 0n ? "votes" : "waits for the next epoch";
}

/** Everybody in the set, and everybody who may be in the next one. */
async function operatorsOf(chain: ChainClient, signal: AbortSignal): Promise<readonly Hex[]> {
	const [active, candidates] = await Promise.all([
		chain.read(contracts.ValidatorSet, "activeOperators", [], { signal }),
		chain.read(contracts.ValidatorSet, "candidateOperators", [], { signal }),
	]);
	return [...new Set([...active, ...candidates].map((operator) => operator.toLowerCase() as Hex))];
}

interface Member {
	readonly chain: ChainClient;
	readonly me: Hex;
	/** Hash of the transaction once it is in a block. */
	readonly send: (to: Hex, data: Hex) => Promise<Hex>;
}

/** Needs no gateway: with `--rpc-url` any ledger of the network does. */
async function connectAccount(context: CommandContext, options: Options): Promise<Member> {
	const chain = createChainClient({ rpcUrl: await rpcUrlOf(context, options) });
	const account = await openAccount(context);
	const transactor = createTransactor({ client: chain, signer: account });
	let sent = 0;
	const send = async (to: Hex, data: Hex): Promise<Hex> => (await transactor.send({ key: `validator ${sent++}`, to, data }, { signal: context.signal })).hash;
	return { chain, me: account.address.toLowerCase() as Hex, send };
}

async function rpcUrlOf(context: CommandContext, options: Options): Promise<string> {
	const given = options["rpcUrl"];
	if (given === undefined) return (await findNetwork(context)).rpcUrl;
	if (typeof given !== "string" || !HTTP.test(given) || !URL.canParse(given))
		throw new FreeholdError("config.invalid", { option: "--rpc-url", reason: "must be the address of a ledger, http://…" });
	return given;
}

async function approve({ chain, me, send }: Member, { signal }: CommandContext, amount: bigint): Promise<void> {
	const [allowed, balance] = await Promise.all([chain.read(contracts.OPG, "allowance", [me, SET], { signal }), chain.balance(me, { signal })]);
	if (balance <= amount) throw new FreeholdError("payment.insufficient", { given: balance, needed: amount, field: "amount" });
	if (allowed < amount) await send(contracts.OPG.address, encodeFunctionData({ abi: contracts.OPG.abi, functionName: "approve", args: [SET, amount] }));
}

/** Hundredths of a percent. */
function percentOf(given: unknown): number {
	const percent = Number(given ?? 5);
	const bps = Math.round(percent * 100);
	if (!(percent >= 0 && percent <= 50) || Math.abs(bps - percent * 100) > 1e-6)
		throw new FreeholdError("config.invalid", { option: "--commission", reason: "must be 0 to 50 percent, with two decimals at most" });
	return bps;
}
