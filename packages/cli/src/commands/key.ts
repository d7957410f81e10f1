/** `freehold key …`: API keys for programs that hold no account. */
import { FreeholdError, formatOpg, type KeyBody } from "@freehold/protocol";
import type { AcceptedLicence } from "@freehold/sdk";
import { connectMember, type Member } from "../client/connect.js";
import { agreeToLicence } from "../client/licence-folder.js";
import type { CommandContext } from "../context.js";
import { parseOpg } from "../input/amount.js";
import { confirm } from "../input/prompt.js";
import type { Action } from "../main.js";
import { table } from "../output/output.js";

const UNITS: Readonly<Record<string, number>> = { m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 };

export const create: Action = async (context, _, options) => {
	const budget = parseOpg(String(options["budget"]), "--budget");
	const amount = (name: string): bigint | undefined => (options[name] === undefined ? undefined : parseOpg(String(options[name]), `--${name}`));
	const daily = amount("daily");
	const tranche = amount("tranche");
	const models =
		options["models"] === undefined
			? undefined
			: String(options["models"])
					.split(",")
					.map((model) => model.trim());
	const expiresAt = options["expires"] === undefined ? undefined : readExpiry(String(options["expires"]));
	const member = await connectMember(context);
	const licences = await agreeToAll(context, member, models ?? []);
	const made = await member.lanes.alone(context.signal, () =>
		member.freehold.keys.create({
			budget,
			...(options["name"] === undefined ? {} : { name: String(options["name"]) }),
			...(daily === undefined ? {} : { daily }),
			...(tranche === undefined ? {} : { tranche }),
			...(models === undefined ? {} : { models }),
			...(expiresAt === undefined ? {} : { expiresAt }),
			licences,
			signal: context.signal,
			confirmDeposit: (_plan, deposit) => agree(context, deposit),
		}),
	);
	context.output.result(made, () =>
		[
			made.key,
			"",
			`  It may spend ${formatOpg(budget)} OPG${daily === undefined ? "" : `, ${formatOpg(daily)} a day`}${models === undefined ? "" : `, on ${models.join(", ")}`}.`,
			`  What is at risk now is what you signed for: ${formatOpg(BigInt(made.signed) - BigInt(made.charged))} OPG. Nobody can be charged more until you sign again.`,
			"  It is shown once. Give it to a program as its API key:",
			`    OPENAI_BASE_URL=${member.network.gatewayUrl}/v1 OPENAI_API_KEY=${made.key}`,
			...(models === undefined ? [`  A model whose owner wrote a licence of its own also needs: freehold key accept ${made.id.slice(0, 12)} MODEL`] : []),
			`  End it at once with: freehold key revoke ${made.id}`,
		].join("\n"),
	);
	return 0;
};

export const list: Action = async (context) => {
	const { freehold } = await connectMember(context);
	const keys = await freehold.keys.list({ signal: context.signal });
	context.output.result({ keys }, () =>
		keys.length === 0
			? "No API key. Make one with: freehold key create --budget OPG"
			: table([["key", "name", "state", "spent", "of", "today", "signed for", "calls"], ...keys.map(rowOf)]),
	);
	return 0;
};

export const refill: Action = async (context, [id = ""], options) => {
	const member = await connectMember(context);
	const key = await findKey(member, id, context);
	const tranche = options["tranche"] === undefined ? undefined : parseOpg(String(options["tranche"]), "--tranche");
	const filled = await member.lanes.alone(context.signal, () =>
		member.freehold.keys.refill(key.id, { ...(tranche === undefined ? {} : { tranche }), signal: context.signal }),
	);
	context.output.result(filled, () => `Signed: the key can be charged ${formatOpg(BigInt(filled.signed) - BigInt(filled.charged))} OPG from now on.`);
	return 0;
};

export const accept: Action = async (context, [id = "", ...models]) => {
	const member = await connectMember(context);
	const key = await findKey(member, id, context);
	const licences = await agreeToAll(context, member, models);
	const changed = await member.freehold.keys.accept(key.id, licences, { signal: context.signal });
	context.output.result(
		changed,
		() => `${context.output.good("✓")} The key may ask ${models.join(", ")} under ${licences.map(({ licence }) => licence).join(", ")}.`,
	);
	return 0;
};

/** Each licence is shown and asked for, unless the account accepted it before. */
async function agreeToAll(context: CommandContext, member: Member, models: readonly string[]): Promise<readonly AcceptedLicence[]> {
	const accepted: AcceptedLicence[] = [];
	for (const model of models) accepted.push(await agreeToLicence(context, member, model));
	return accepted;
}

export const revoke: Action = async (context, [id = ""]) => {
	const member = await connectMember(context);
	const key = await findKey(member, id, context);
	const revoked = await member.freehold.keys.revoke(key.id, { signal: context.signal });
	context.output.result(revoked, () => `Revoked. It spent ${formatOpg(BigInt(revoked.spent))} OPG; the rest comes back with: freehold channel close`);
	return 0;
};

/** By its id, the beginning of it, or its name. */
async function findKey({ freehold }: Member, text: string, { signal }: CommandContext): Promise<KeyBody> {
	const keys = (await freehold.keys.list({ signal })).filter(
		({ id, name, state }) => id === text || (state !== "revoked" && (name === text || (text.length >= 6 && id.startsWith(text)))),
	);
	const [found, another] = keys;
	if (found === undefined) throw new FreeholdError("key.notFound", { key: text });
	if (another !== undefined) throw new FreeholdError("request.invalid", { field: "key", reason: `${text} means several keys; give the whole id` });
	return found;
}

function rowOf({ id, name, state, spent, budget, spentToday, signed, charged, calls }: KeyBody): readonly string[] {
	const atRisk = BigInt(signed) - BigInt(charged);
	return [
		`${id.slice(0, 12)}…`,
		name,
		state,
		formatOpg(BigInt(spent)),
		formatOpg(BigInt(budget)),
		formatOpg(BigInt(spentToday)),
		formatOpg(atRisk),
		String(calls),
	];
}

async function agree(context: CommandContext, deposit: bigint): Promise<void> {
	if (context.yes) return;
	const question = `Put ${formatOpg(deposit)} OPG into a channel for this key? What is not used comes back with: freehold channel close`;
	if (!(await confirm(question, context.signal))) throw new FreeholdError("payment.declined", { amount: formatOpg(deposit) });
}

/** `30d`, `12h`, or a date. */
function readExpiry(text: string): number {
	const span = /^(\d{1,6})([mhdw])$/.exec(text);
	const at = span === null ? Date.parse(text) : Date.now() + Number(span[1]) * (UNITS[span[2] ?? ""] ?? 0);
	if (!Number.isSafeInteger(at)) throw new FreeholdError("config.invalid", { option: "--expires", reason: "must be like 30d, 12h or 2027-01-31" });
	return at;
}
