/** What an account remembers of its payment channels between two commands: one file a channel in `FREEHOLD_HOME`, mode 0600, one command at a time. */
import { mkdir, readdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { FreeholdError, type Hex, isHex } from "@freehold/protocol";
import { type Lane, type LaneStore, readLane, writeLane } from "@freehold/sdk";
import { atomicWriteFile, lockFolder, pause } from "@freehold/service";

const LOCK_WAIT_MS = 60_000;
const LOCK_POLL_MS = 50;

export class LaneFolder implements LaneStore {
	readonly #folder: string;

	/** `home` is `FREEHOLD_HOME`. Accounts and chains have folders of their own. */
	constructor(home: string, chainId: number, account: Hex) {
		this.#folder = join(home, "channels", `${chainId}-${account.toLowerCase()}`);
	}

	async get(channelId: Hex): Promise<Lane | undefined> {
		const text = await readFile(this.#path(channelId), "utf8").catch((error: NodeJS.ErrnoException) => {
			if (error.code === "ENOENT") return undefined;
			throw error;
		});
		if (text === undefined) return undefined;
		const lane = parse(text);
		// A damaged file is as good as none: chain and gateway know the state, and no signature is lost with it.
		return lane?.channelId === channelId ? lane : undefined;
	}

	async put(lane: Lane): Promise<void> {
		await mkdir(this.#folder, { recursive: true, mode: 0o700 });
		await atomicWriteFile(this.#path(lane.channelId), `${writeLane(lane)}\n`, 0o600);
	}

	async delete(channelId: Hex): Promise<void> {
		await rm(this.#path(channelId), { force: true });
	}

	async list(): Promise<readonly Lane[]> {
		const names = await readdir(this.#folder).catch(() => []);
		const ids = names.map((name) => name.replace(/\.json$/, "")).filter((name): name is Hex => isHex(name, 32));
		const lanes = await Promise.all(ids.sort().map((id) => this.get(id)));
		return lanes.filter((lane) => lane !== undefined);
	}

	/**
	 * Runs `work` while no other command uses these channels: two vouchers over one state would contradict each other. Waits for its turn; throws
	 * `store.locked` when that takes longer than a minute.
	 */
	async alone<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
		const release = await this.#lock(signal);
		try {
			return await work();
		} finally {
			release();
		}
	}

	async #lock(signal: AbortSignal): Promise<() => void> {
		await mkdir(this.#folder, { recursive: true, mode: 0o700 });
		const deadline = performance.now() + LOCK_WAIT_MS;
		for (;;) {
			try {
				return lockFolder(this.#folder);
			} catch (error) {
				if (!(error instanceof FreeholdError) || error.code !== "store.locked" || performance.now() > deadline) throw error;
			}
			await pause(LOCK_POLL_MS, signal);
		}
	}

	#path(channelId: Hex): string {
		return join(this.#folder, `${channelId}.json`);
	}
}

function parse(text: string): Lane | undefined {
	try {
		return readLane(text);
	} catch {
		return undefined;
	}
}
