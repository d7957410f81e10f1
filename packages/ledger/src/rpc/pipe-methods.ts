/** How an inference node learns which calls of contracts it has to answer. Anyone may read it: the transactions that ask are public. */
import type { NumberedRequest } from "../pipe/request-book.js";
import { hexOf } from "../transaction/decode.js";
import type { Methods, RpcContext } from "./context.js";
import { addressParameter } from "./parameters.js";
import { invalidParams, limitExceeded, serverError } from "./rpc-error.js";

const MAX_WAIT_MS = 30_000;
const MAX_WAITERS = 256;
const MAX_REQUESTS = 64;

export function pipeMethods({ pipe, later, closing }: RpcContext): Methods {
	let waiters = 0;
	return {
		freehold_modelRequests: async ([operator, after, timeout], asker) => {
			if (pipe === undefined) throw serverError("this ledger orders no blocks: ask the one that it follows");
			const address = hexOf(addressParameter(operator, "operator"));
			const number = wholeNumber(after, "number", Number.MAX_SAFE_INTEGER);
			const timeoutMs = wholeNumber(timeout, "timeout", MAX_WAIT_MS);
			const { requests } = pipe;
			// A number of an earlier life of this ledger is above all of this one's.
			const from = number > requests.newest ? 0 : number;
			const found = requests.of(address, from);
			if (found.length > 0 || timeoutMs === 0) return view(found);
			if (waiters >= MAX_WAITERS) throw limitExceeded(`${MAX_WAITERS} calls wait already`);
			waiters++;
			try {
				return await new Promise((resolve) => {
					const gone = asker.signal();
					const end = (): void => {
						stopListening();
						stopTimer();
						gone.removeEventListener("abort", end);
						closing.removeEventListener("abort", end);
						resolve(view(requests.of(address, from)));
					};
					const stopTimer = later(timeoutMs, end);
					const stopListening = requests.onRequest(() => {
						if (requests.of(address, from).length > 0) end();
					});
					gone.addEventListener("abort", end, { once: true });
					closing.addEventListener("abort", end, { once: true });
					if (gone.aborted || closing.aborted) end();
				});
			} finally {
				waiters--;
			}
		},
	};
}

function view(requests: readonly NumberedRequest[]): readonly object[] {
	return requests.slice(0, MAX_REQUESTS).map(({ number, id, transaction, index, kind, payer, request, step, attempt }) => ({
		number,
		id,
		transaction,
		index,
		kind,
		payer,
		request,
		step,
		attempt,
	}));
}

function wholeNumber(value: unknown, name: string, most: number): number {
	if (typeof value !== "number" || !Number.isInteger(value) || value < 0 || value > most) throw invalidParams(`${name}: must be a whole number up to ${most}`);
	return value;
}
