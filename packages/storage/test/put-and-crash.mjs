/** Stores a blob, loses its record, gets its Walrus id, and dies at the named crash point: `node put-and-crash.mjs FOLDER POINT`. */
import { rmSync } from "node:fs";
import { join } from "node:path";
import { LocalStore } from "@freehold/storage";

const [folder, point] = process.argv.slice(2);
const ids = { compute: async () => new Uint8Array(32).fill(7), close: async () => {} };
const store = await LocalStore.open(
	{ folder, maxBlobBytes: 2 ** 30, capacityBytes: 2 ** 30, maxWalrusIdBytes: 2 ** 30 },
	{
		walrusIds: ids,
		events: { corrupt() {}, walrusIdFailed() {} },
		crashPoint(name) {
			if (name === point) process.kill(process.pid, "SIGKILL");
		},
	},
);
const { info } = await store.put(
	(async function* () {
		yield Buffer.alloc(3 * 1024 * 1024, "freehold");
	})(),
);
const { sha256 } = info;
rmSync(join(folder, "blobs", sha256.slice(2, 4), `${sha256.slice(2)}.record`));
await store.find({ sha256 });
await store.walrusId(sha256);
