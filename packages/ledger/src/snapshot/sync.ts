/** Snapshots as the engine asks for them: offering ours, taking another's. */
import type { LedgerApplication } from "../application/application.js";
import { ResponseApplySnapshotChunk_Result, ResponseOfferSnapshot_Result } from "../generated/abci_pb.js";
import type { StateStore } from "../state/state-store.js";
import { IncomingSnapshot, type OfferedSnapshot, SnapshotKeeper } from "./keeper.js";
import { readSnapshot } from "./snapshot.js";

export interface SnapshotSyncOptions {
	/** Folder of the snapshots that are offered. */
	readonly folder: string;
	/** Consensus blocks from one snapshot to the next; 0 for none. */
	readonly everyBlocks: number;
}

export interface SnapshotSyncModules {
	readonly application: LedgerApplication;
	/** A view of the store as of the last commit, which does not move. */
	readonly openView: () => StateStore;
	/** Of the network's genesis: what a snapshot need not be believed for. */
	readonly genesis: () => Promise<{ readonly header: Uint8Array; readonly digest: Uint8Array }>;
	readonly events: SnapshotEvents;
}

export interface SnapshotEvents {
	/** A snapshot could not be written, or one that was given is wrong. */
	readonly snapshotFailed: (error: unknown) => void;
	readonly restored: (height: bigint) => void;
}

type ChunkAnswer = { readonly result: ResponseApplySnapshotChunk_Result; readonly refetchChunks?: number[]; readonly rejectSenders?: string[] };

export class SnapshotSync {
	readonly keeper: SnapshotKeeper;
	readonly #options: SnapshotSyncOptions;
	readonly #modules: SnapshotSyncModules;
	#incoming: IncomingSnapshot | undefined;

	constructor(options: SnapshotSyncOptions, modules: SnapshotSyncModules) {
		this.#options = options;
		this.#modules = modules;
		this.keeper = new SnapshotKeeper(options.folder);
	}

	/** After each commit. */
	committed(height: bigint): void {
		const { everyBlocks } = this.#options;
		if (everyBlocks > 0 && height % BigInt(everyBlocks) === 0n) this.keeper.take(this.#modules.openView, this.#modules.events.snapshotFailed);
	}

	offer(offered: OfferedSnapshot | undefined, appHash: Uint8Array): ResponseOfferSnapshot_Result {
		const { ACCEPT, REJECT, REJECT_FORMAT, ABORT } = ResponseOfferSnapshot_Result;
		// A ledger that has a chain goes on with it.
		if (!this.#modules.application.chain.isEmpty) return ABORT;
		if (offered === undefined) return REJECT;
		const incoming = IncomingSnapshot.accept(offered, appHash);
		if (typeof incoming === "string") return incoming === "format" ? REJECT_FORMAT : REJECT;
		this.#incoming = incoming;
		return ACCEPT;
	}

	async apply(index: number, chunk: Uint8Array, sender: string): Promise<ChunkAnswer> {
		const { ACCEPT, RETRY, REJECT_SNAPSHOT, ABORT } = ResponseApplySnapshotChunk_Result;
		const incoming = this.#incoming;
		if (incoming === undefined) return { result: ABORT };
		if (!incoming.take(index, chunk)) return { result: RETRY, refetchChunks: [index], rejectSenders: sender === "" ? [] : [sender] };
		const chunks = incoming.whole();
		if (chunks === undefined) return { result: ACCEPT };
		this.#incoming = undefined;
		const { application, genesis, events } = this.#modules;
		try {
			const snapshot = readSnapshot(chunks, incoming.appHash);
			application.restore(incoming.height, snapshot, await genesis());
			events.restored(incoming.height);
			return { result: ACCEPT };
		} catch (error) {
			events.snapshotFailed(error);
			return { result: REJECT_SNAPSHOT };
		}
	}
}
