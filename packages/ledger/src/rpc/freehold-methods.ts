/** Our own methods: the proof of a block, and waiting for the next one. */
import { lightBlockShape } from "@freehold/protocol";
import { hexOf } from "../transaction/decode.js";
import type { Methods, RpcContext } from "./context.js";
import { quantityParameter } from "./parameters.js";
import { invalidParams, limitExceeded, serverError } from "./rpc-error.js";
import { quantity } from "./views.js";

const MAX_WAIT_MS = 30_000;
const MAX_WAITERS = 1_000;
/** Of one answer to a follower: in number, and in bytes after which no further block is added. */
const MAX_BLOCKS = 64;
const MAX_BLOCKS_BYTES = 4 * 1024 * 1024;

export function freeholdMethods({ application, consensus, genesis, later, closing, engineRuns }: RpcContext): Methods {
	const { chain } = application;
	let waiters = 0;

	const waitForBlock = (after: bigint, timeoutMs: number, signal: () => AbortSignal): Promise<string> => {
		if (waiters >= MAX_WAITERS) throw limitExceeded(`${MAX_WAITERS} calls wait already`);
		waiters++;
		return new Promise((resolve) => {
			const end = (): void => {
				stopListening();
				stopTimer();
				gone.removeEventListener("abort", end);
				closing.removeEventListener("abort", end);
				waiters--;
				resolve(quantity(chain.head.header.number));
			};
			const gone = signal();
			const stopTimer = later(timeoutMs, end);
			const stopListening = application.onBlock(({ header }) => {
				if (header.number > after) end();
			});
			gone.addEventListener("abort", end, { once: true });
			closing.addEventListener("abort", end, { once: true });
			if (gone.aborted || closing.aborted) end();
		});
	};

	return {
		freehold_status: async () => {
			const origin = await consensus.origin();
			if (origin === undefined) throw serverError("the first block is not made yet");
			return {
				chainId: Number(application.chainId),
				consensusHeight: Number(consensus.height()),
				evmNumber: Number(chain.head.header.number),
				...origin,
				...(engineRuns === undefined ? {} : { engine: engineRuns() ? "runs" : "away" }),
			};
		},
		freehold_genesis: () => genesis,
		freehold_getBlocks: async ([from, most]) => {
			const first = heightParameter(from, "from");
			if (typeof most !== "number" || !Number.isInteger(most) || most < 1 || most > MAX_BLOCKS)
				throw invalidParams(`most: must be a whole number from 1 to ${MAX_BLOCKS}`);
			const found: { readonly height: string; readonly block: string; readonly commit: string }[] = [];
			let bytes = 0;
			for (let height = first; found.length < most && bytes < MAX_BLOCKS_BYTES; height++) {
				const encoded = await consensus.encoded(height);
				if (encoded === undefined) break;
				bytes += encoded.block.length;
				found.push({ height: height.toString(), block: hexOf(encoded.block), commit: hexOf(encoded.commit) });
			}
			return found;
		},
		freehold_getLightBlock: async ([height]) => {
			const block = await consensus.lightBlock(heightParameter(height, "height"));
			return block === undefined ? null : lightBlockShape.write(block);
		},
		freehold_getProofBlock: async ([number]) => {
			const evmNumber = quantityParameter(number, "number", 64);
			const madeIn = chain.consensusHeightOf(evmNumber);
			const header = chain.headerRlp(evmNumber);
			const block = madeIn === undefined ? undefined : await consensus.lightBlock(madeIn + 1n);
			return block === undefined || header === undefined ? null : { evmHeader: hexOf(header), lightBlock: lightBlockShape.write(block) };
		},
		freehold_waitForBlock: ([after, timeout], { signal }) => {
			const number = quantityParameter(after, "after", 64);
			if (typeof timeout !== "number" || !(timeout >= 0 && timeout <= MAX_WAIT_MS)) throw invalidParams(`timeout: must be 0 to ${MAX_WAIT_MS} milliseconds`);
			return chain.head.header.number > number ? quantity(chain.head.header.number) : waitForBlock(number, timeout, signal);
		},
	};
}

/** Height of a consensus block: decimal, as a string or a safe integer. */
function heightParameter(value: unknown, name: string): bigint {
	const text = typeof value === "number" && Number.isSafeInteger(value) ? String(value) : value;
	if (typeof text !== "string" || !/^(0|[1-9][0-9]{0,18})$/.test(text)) throw invalidParams(`${name}: must be a decimal string`);
	return BigInt(text);
}
