/** Stores a blob and dies at the named crash point: `node put-and-crash.mjs FOLDER POINT`. */
import { LocalStore } from "@freehold/storage";

const [folder, point] = process.argv.slice(2);
const ids = { compute: () => new Promise(() => {}), close: async () => {} };
const store = await LocalStore.open(
	{ folder, maxBlobBytes: 2 ** 30, capacityBytes: 2 ** 30, maxWalrusIdBytes: 0 },
	{
		walrusIds: ids,
		events: { corrupt() {}, walrusIdFailed() {} },
		crashPoint(name) {
			if (name === point) process.kill(process.pid, "SIGKILL");
		},
	},
);
await store.put(
	(async function* () {
		yield Buffer.alloc(3 * 1024 * 1024, "freehold");
	})(),
);
