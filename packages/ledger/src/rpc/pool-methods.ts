/** What waits in the pool, in geth's shapes: by sender, then by nonce. */
import { hexOf } from "../transaction/decode.js";
import type { Transaction } from "../transaction/transaction.js";
import type { Methods, RpcContext } from "./context.js";
import { addressParameter } from "./parameters.js";
import { limitExceeded } from "./rpc-error.js";
import { quantity, transactionView } from "./views.js";

/** One answer shows at most this much of the pool. */
const MAX_SHOWN = 5_000;
const MAX_SHOWN_BYTES = 16 * 1024 * 1024;

type BySender = Record<string, Record<string, unknown>>;

export function poolMethods({ application: { pool } }: RpcContext): Methods {
	const show = (view: (tx: Transaction) => unknown, only?: string): { pending: BySender; queued: BySender } => {
		const shown = { pending: {} as BySender, queued: {} as BySender };
		let count = 0;
		let bytes = 0;
		for (const { tx, isPending } of pool.waiting(only)) {
			bytes += tx.raw.length;
			if (++count > MAX_SHOWN || bytes > MAX_SHOWN_BYTES) throw limitExceeded(`the pool holds more than one answer shows (${MAX_SHOWN}): ask by sender`);
			const senders = isPending ? shown.pending : shown.queued;
			const own = senders[tx.from] ?? {};
			own[tx.nonce.toString()] = view(tx);
			senders[tx.from] = own;
		}
		return shown;
	};
	return {
		txpool_content: () => show((tx) => transactionView(tx)),
		txpool_contentFrom: ([sender]) => {
			const from = hexOf(addressParameter(sender));
			const { pending, queued } = show((tx) => transactionView(tx), from);
			return { pending: pending[from] ?? {}, queued: queued[from] ?? {} };
		},
		txpool_inspect: () => show(summary),
		txpool_status: () => {
			let pending = 0;
			for (const { isPending } of pool.waiting()) if (isPending) pending++;
			return { pending: quantity(pending), queued: quantity(pool.size - pending) };
		},
	};
}

function summary({ to, value, gasLimit, maxFeePerGas }: Transaction): string {
	return `${to === undefined ? "contract creation" : hexOf(to)}: ${value} wei + ${gasLimit} gas × ${maxFeePerGas} wei`;
}
