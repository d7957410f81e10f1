/** `freehold model price|terms|transfer|retire|certificate`: what an owner, or several together (`--as`), may do with a model. */
import { formatCertificateFile, formatOpg, type Price } from "@freehold/protocol";
import type { Freehold, ModelAct } from "@freehold/sdk";
import { contracts } from "@freehold/sdk/chain";
import { atomicWriteFile } from "@freehold/service";
import { addressOf } from "../accounts/accounts.js";
import { connectMember, connectVisitor } from "../client/connect.js";
import { agreeToLicence } from "../client/licence-folder.js";
import type { CommandContext } from "../context.js";
import { parseOpg } from "../input/amount.js";
import type { Action } from "../main.js";
import { table } from "../output/output.js";

type Options = Readonly<Record<string, unknown>>;

export const price: Action = async (context, [model = "", amount], options) => {
	if (amount === undefined) return showPrices(context, model);
	const prices = {
		perCall: parseOpg(amount, "price"),
		perInputUnit: parseOpg(String(options["priceInput"] ?? "0"), "--price-input"),
		perOutputUnit: parseOpg(String(options["priceOutput"] ?? "0"), "--price-output"),
	};
	const { freehold } = await connectMember(context);
	const together = await agreed(context, freehold, options, { kind: "price", model, price: prices });
	if (together) return 0;
	const set = await freehold.models.setPrice(model, prices, { signal: context.signal });
	context.output.result(set, () =>
		set.validFrom > Date.now()
			? `${model}: ${formatOpg(prices.perCall)} OPG a call from ${new Date(set.validFrom).toISOString()}; until then the old price holds`
			: `${model}: ${formatOpg(prices.perCall)} OPG a call from now on`,
	);
	return 0;
};

/** Every version of the price of every release: what held when, and what waits for its notice to end. */
async function showPrices(context: CommandContext, model: string): Promise<number> {
	const { freehold } = await connectVisitor(context);
	const { releases = [], model: name } = await freehold.models.show(model, { signal: context.signal });
	const now = Date.now();
	const versions = releases.flatMap(({ version, release, prices }) =>
		prices.map((item) => ({ model: `${name}@${version}`, release, ...item, state: stateOf(item, now) })),
	);
	const day = (time: number | undefined): string => (time === undefined ? "" : new Date(time).toISOString());
	context.output.result({ model: name, prices: versions }, () =>
		table([
			["release", "version", "OPG a call", "a unit in", "a unit out", "from", "until", ""],
			...versions.map((item) => [
				item.model,
				String(item.version),
				...[item.perCall, item.perInputUnit, item.perOutputUnit].map((amount) => formatOpg(BigInt(amount))),
				day(item.from),
				day(item.until),
				item.state,
			]),
		]),
	);
	return 0;
}

function stateOf({ from, until }: { readonly from: number; readonly until?: number }, now: number): "ended" | "in force" | "waits" {
	if (from > now) return "waits";
	return until !== undefined && until <= now ? "ended" : "in force";
}

export const retire: Action = async (context, [model = ""], options) => {
	const { freehold } = await connectMember(context);
	if (await agreed(context, freehold, options, { kind: "retire", model })) return 0;
	const retired = await freehold.models.retire(model, { signal: context.signal });
	context.output.result(retired, () => `${model} is retired. What was answered stays paid and provable.`);
	return 0;
};

export const transfer: Action = async (context, [model = "", receiver = ""], options) => {
	const to = await addressOf(context, receiver);
	const { freehold } = await connectMember(context);
	if (await agreed(context, freehold, options, { kind: "transfer", model, to })) return 0;
	const moved = await freehold.models.transfer(model, to, { signal: context.signal });
	context.output.result(moved, () =>
		[
			`${model} belongs to ${to} since block ${moved.block}`,
			`  what it earned until then stays yours${moved.settled === 0n ? "" : `, with ${formatOpg(moved.settled)} OPG that descendants owed it`}: freehold earnings claim`,
			"  what is anchored from now on is theirs, also of calls that were answered just before",
		].join("\n"),
	);
	return 0;
};

/** With `--as`: agrees to it as a member of the common account, and says what is still missing. */
async function agreed(context: CommandContext, freehold: Freehold, options: Options, act: ModelAct): Promise<boolean> {
	const as = options["as"];
	if (typeof as !== "string") return false;
	const result = await freehold.coOwners.act(await addressOf(context, as), act, { signal: context.signal });
	context.output.result(result, () =>
		result.done
			? `Done: ${result.agreedShares} of the ${result.threshold} shares that it takes have agreed.`
			: `Agreed with ${result.agreedShares} shares; it takes ${result.threshold}. The other members agree with the very same command.`,
	);
	return true;
}

/** Terms of a release are fixed with it; another release may have others. */
export const terms: Action = async (context, [model = ""], options) => {
	const { freehold } = await connectVisitor(context);
	const { signal } = context;
	const { release } = await freehold.licences.show(model, { signal });
	const { terms: stored, licence } = await freehold.client.chain.read(contracts.ModelRegistry, "releaseOf", [release], { signal });
	const { leastBps, leastPerCall, leastPerInputUnit, leastPerOutputUnit } = stored;
	const given = typeof options["childPrice"] === "string" ? { perCall: parseOpg(options["childPrice"], "--child-price") } : undefined;
	const share = sharesNeeded({ leastBps, leastPerCall }, given);
	const body = { release, licence, leastBps, leastPerCall, leastPerInputUnit, leastPerOutputUnit, ...(share === undefined ? {} : { shareNeeded: share }) };
	context.output.result(body, () =>
		[
			`licence           ${licence} (freehold model licence ${model})`,
			`models made from it give it at least ${leastBps / 100} % of their price`,
			...[
				[leastPerCall, "call"],
				[leastPerInputUnit, "input unit"],
				[leastPerOutputUnit, "output unit"],
			].flatMap(([amount, unit]) => (amount === 0n ? [] : [`and at least ${formatOpg(amount as bigint)} OPG for each ${unit as string}`])),
			...(share === undefined ? [] : [share > 10_000 ? "At that price no share is enough." : `At that price: --parent ${model}:${share} (${share / 100} %)`]),
			"These terms are fixed with the release; publish another one to offer others.",
		].join("\n"),
	);
	return 0;
};

/** Least share, in basis points, with which a child at this price keeps the terms. */
function sharesNeeded(terms: { readonly leastBps: number; readonly leastPerCall: bigint }, price: Pick<Price, "perCall"> | undefined): number | undefined {
	if (price === undefined) return undefined;
	if (terms.leastPerCall === 0n) return terms.leastBps;
	if (price.perCall === 0n) return 10_001;
	const byAmount = Number((terms.leastPerCall * 10_000n + price.perCall - 1n) / price.perCall);
	return Math.max(terms.leastBps, byAmount);
}

export const licence: Action = async (context, [model = ""], options) => {
	if (options["accept"] === true) {
		const accepted = await agreeToLicence(context, await connectMember(context), model);
		context.output.result(accepted, () => `${context.output.good("✓")} Accepted: ${accepted.licence} of ${model}. Calls that this account pays take it along.`);
		return 0;
	}
	const { freehold } = await connectVisitor(context);
	const shown = await freehold.licences.show(model, { signal: context.signal });
	context.output.result(shown, () => shown.text.trimEnd());
	return 0;
};

export const certificate: Action = async (context, [model = ""], options) => {
	const { freehold } = await connectVisitor(context, options);
	const file = await freehold.models.certificate(model, { signal: context.signal });
	const text = formatCertificateFile(file);
	const out = typeof options["out"] === "string" ? options["out"] : `${model.replace(/[^a-z0-9.@-]/g, "-")}.certificate.json`;
	await atomicWriteFile(out, text);
	context.output.result({ release: file.release, file: out }, () => `Written to ${out}. Check it anywhere with: freehold certificate verify ${out}`);
	return 0;
};
