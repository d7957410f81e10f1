/** What a transaction should offer, and what others paid. */
import { nextBaseFee } from "../block/base-fee.js";
import type { Block } from "../block/block.js";
import { effectiveTip } from "../transaction/transaction.js";
import type { Methods, RpcContext } from "./context.js";
import { pacer } from "./pace.js";
import { blockNumberParameter, existingHeader } from "./parameters.js";
import { invalidParams, serverError } from "./rpc-error.js";
import { quantity } from "./views.js";

/** Suggested when nobody has paid more lately. Wei per gas. */
const LEAST_TIP = 100_000n;
const GREATEST_TIP = 500_000_000_000n;
const SAMPLED_BLOCKS = 20n;
const SAMPLE_PERCENTILE = 60;
const MAX_HISTORY = 1_024n;
const MAX_PERCENTILES = 100;

export function feeMethods({ application, pace }: RpcContext): Methods {
	const { chain } = application;
	let suggestion: { readonly head: string; readonly tip: bigint } | undefined;

	const suggestedTip = (): bigint => {
		const { id, header } = chain.head;
		if (suggestion?.head === id) return suggestion.tip;
		const tips: bigint[] = [];
		for (let number = header.number; number > 0n && number > header.number - SAMPLED_BLOCKS; number--) {
			// A ledger that began from a snapshot has no transactions from before it.
			const block = chain.block(number);
			if (block === undefined) break;
			for (const tx of block.transactions) tips.push(effectiveTip(tx, block.header.baseFeePerGas));
		}
		tips.sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
		const usual = tips[Math.floor((tips.length * SAMPLE_PERCENTILE) / 100)] ?? LEAST_TIP;
		const tip = usual < LEAST_TIP ? LEAST_TIP : usual > GREATEST_TIP ? GREATEST_TIP : usual;
		suggestion = { head: id, tip };
		return tip;
	};

	return {
		eth_gasPrice: () => quantity(application.nextBaseFee() + suggestedTip()),
		eth_maxPriorityFeePerGas: () => quantity(suggestedTip()),
		eth_blobBaseFee: () => "0x1",
		eth_feeHistory: async ([count, newest, percentiles]) => {
			const wanted =
				typeof count === "number"
					? BigInt(Math.trunc(count))
					: typeof count === "string" && /^(0x[0-9a-fA-F]{1,8}|[0-9]{1,8})$/.test(count)
						? BigInt(count)
						: undefined;
			if (wanted === undefined || wanted < 0n) throw invalidParams("block count: must be a quantity");
			const shares = percentileParameter(percentiles);
			const head = chain.head.header.number;
			const named = blockNumberParameter(newest, chain);
			const last = named === "pending" ? head : named;
			if (last > head) throw serverError(`request beyond head block: requested ${last}, head ${head}`);
			const capped = wanted > MAX_HISTORY ? MAX_HISTORY : wanted;
			const first = last - (capped > last + 1n ? last + 1n : capped) + 1n;
			const fees: string[] = [];
			const ratios: number[] = [];
			const rewards: string[][] = [];
			const step = pacer(pace);
			for (let number = first; number <= last; number++) {
				await step();
				const { baseFeePerGas, gasUsed, gasLimit } = existingHeader(chain, number);
				fees.push(quantity(baseFeePerGas));
				ratios.push(Number(gasUsed) / Number(gasLimit));
				if (shares !== undefined) rewards.push(rewardsAt(chain.peek(number), shares));
			}
			if (capped > 0n) fees.push(quantity(nextBaseFee(existingHeader(chain, last))));
			return {
				oldestBlock: quantity(capped === 0n ? 0n : first),
				baseFeePerGas: fees,
				gasUsedRatio: ratios,
				baseFeePerBlobGas: fees.map(() => "0x1"),
				blobGasUsedRatio: ratios.map(() => 0),
				...(shares === undefined ? {} : { reward: rewards }),
			};
		},
	};
}

function percentileParameter(value: unknown): readonly number[] | undefined {
	if (value === undefined || value === null) return undefined;
	if (!Array.isArray(value) || value.length > MAX_PERCENTILES) throw invalidParams(`percentiles: must be a list of at most ${MAX_PERCENTILES}`);
	let before = 0;
	return value.map((share: unknown) => {
		if (typeof share !== "number" || !(share >= before && share <= 100)) throw invalidParams("percentiles: must rise from 0 to 100");
		before = share;
		return share;
	});
}

/** Tips at percentiles of the block's gas. */
function rewardsAt(block: Block | undefined, shares: readonly number[]): string[] {
	if (block === undefined || block.transactions.length === 0) return shares.map(() => "0x0");
	const { header, transactions, receipts } = block;
	const paid = transactions.map((tx, index) => ({ tip: effectiveTip(tx, header.baseFeePerGas), gas: receipts[index]?.gasUsed ?? 0n }));
	paid.sort((a, b) => (a.tip < b.tip ? -1 : a.tip > b.tip ? 1 : 0));
	let at = 0;
	let gas = paid[0]?.gas ?? 0n;
	return shares.map((share) => {
		const threshold = BigInt(Math.trunc((Number(header.gasUsed) * share) / 100));
		while (gas < threshold && at < paid.length - 1) gas += paid[++at]?.gas ?? 0n;
		return quantity(paid[at]?.tip ?? 0n);
	});
}
