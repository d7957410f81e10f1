/** Who opens a call and who answers it, as the contract at `0x…F4` says it of the newest block (`contracts/solidity/pipe/NodePool.sol`): the same on every ledger. */
import { equalBytes, fromHex, type Hex } from "@freehold/protocol";
import type { Block } from "../block/block.js";
import type { BlockEnv, StateMachine } from "../execution/types.js";
import { keccak256 } from "../state/keccak.js";
import { hexOf } from "../transaction/decode.js";
import { INFERENCE_ADDRESS, selector } from "./delivery.js";

/** Of the contract. */
export const ATTEMPTS = 3;
export const ATTEMPT_MS = 15_000;
/** After so long a call that nobody answered can be opened again. */
export const OPENING_MS = 120_000;

/** A node's clock of seconds, and the block's, agree to less than this. */
const MARGIN_MS = 1_000;
const OPENING_OF = selector("openingOf(bytes32)");
const OPENER = selector("opener(bytes32,uint256)");
const ASSIGNED = selector("assigned(bytes32,uint8)");
const OPENED = keccak256(Buffer.from("Opened(bytes32,address)"));
const DELIVERED = keccak256(Buffer.from("Delivered(bytes32,address,bytes32,bool,uint256)"));
const VIEW_GAS = 5_000_000n;
const NOBODY = new Uint8Array(20);
const NOBODY_HEX: Hex = "0x";

export interface Turn {
	readonly step: "open" | "answer";
	/** `0x` when there is nobody. */
	readonly operator: Hex;
	readonly attempt: number;
	/** Unix milliseconds when the next one's turn begins. */
	readonly dueAt: number;
}

export interface SortitionModules {
	readonly state: Pick<StateMachine, "call">;
	/** Of the block that would come next. */
	readonly env: () => BlockEnv;
}

export class Sortition {
	readonly #modules: SortitionModules;

	constructor(modules: SortitionModules) {
		this.#modules = modules;
	}

	/**
	 * Whose turn it is with a call that was first seen at `seenAt`; undefined when all have had theirs. Unix milliseconds. An answer's turns are counted from the block
	 * that opened the call, so that every ledger counts the same; an opening's from when this ledger saw the call, `openMs` each, `openTurns` of them.
	 */
	turn(id: Hex, seenAt: number, now: number, { openMs, openTurns }: { readonly openMs: number; readonly openTurns: number }): Turn | undefined {
		const opening = this.#opening(id);
		if (opening === undefined) {
			const attempt = Math.floor(Math.max(0, now - seenAt) / openMs);
			if (attempt >= openTurns) return undefined;
			return { step: "open", operator: this.#address(OPENER, id, attempt), attempt, dueAt: seenAt + (attempt + 1) * openMs };
		}
		const attempt = Math.floor(Math.max(0, now - opening.openedAt - MARGIN_MS) / ATTEMPT_MS);
		if (attempt >= ATTEMPTS) return undefined;
		const operator = attempt === 0 ? opening.operator : this.#address(ASSIGNED, id, attempt);
		return { step: "answer", operator, attempt, dueAt: opening.openedAt + (attempt + 1) * ATTEMPT_MS + MARGIN_MS };
	}

	#opening(id: Hex): { readonly operator: Hex; readonly openedAt: number } | undefined {
		const output = this.#view(Buffer.concat([OPENING_OF, fromHex(id)]));
		if (output === undefined || equalBytes(output.subarray(12, 32), NOBODY)) return undefined;
		return { operator: hexOf(output.subarray(12, 32)), openedAt: 1_000 * Number(BigInt(hexOf(output.subarray(32, 64)))) };
	}

	#address(view: Uint8Array, id: Hex, count: number): Hex {
		const output = this.#view(Buffer.concat([view, fromHex(id), fromHex(`0x${count.toString(16).padStart(64, "0")}`)]));
		if (output === undefined || equalBytes(output.subarray(12, 32), NOBODY)) return NOBODY_HEX;
		return hexOf(output.subarray(12, 32));
	}

	#view(data: Uint8Array): Uint8Array | undefined {
		const nothing = { value: 0n, gasPrice: 0n, accessList: [], authorizationList: [], strict: false } as const;
		const outcome = this.#modules.state.call({ ...nothing, from: NOBODY, to: INFERENCE_ADDRESS, data, gasLimit: VIEW_GAS }, this.#modules.env());
		return outcome.kind === "executed" && outcome.success ? outcome.output : undefined;
	}
}

/** Calls that a block opened, and calls that a result was delivered for in it. */
export function eventsIn({ receipts }: Pick<Block, "receipts">): { readonly opened: readonly Hex[]; readonly delivered: readonly Hex[] } {
	const ofContract = receipts.flatMap(({ logs }) => logs.filter(({ address }) => equalBytes(address, INFERENCE_ADDRESS)));
	const ids = (wanted: Uint8Array): readonly Hex[] =>
		ofContract.flatMap(({ topics: [event, id] }) => (event !== undefined && id !== undefined && equalBytes(event, wanted) ? [hexOf(id)] : []));
	return { opened: ids(OPENED), delivered: ids(DELIVERED) };
}
