/** Uploads a file in parts and dies at the named crash point: `node upload-and-crash.mjs FOLDER POINT`. */
import { join } from "node:path";
import { planUpload } from "@freehold/protocol";
import { LocalStore, Uploads } from "@freehold/storage";

const [folder, point] = process.argv.slice(2);
const MIB = 1024 * 1024;
const room = { maxBlobBytes: 2 ** 30, capacityBytes: 2 ** 30 };
const crashPoint = (name) => {
	if (name === point) process.kill(process.pid, "SIGKILL");
};
const store = await LocalStore.open(
	{ folder, ...room, maxWalrusIdBytes: 0 },
	{
		walrusIds: { compute: () => new Promise(() => {}), close: async () => {} },
		events: { corrupt() {}, walrusIdFailed() {} },
		crashPoint: () => undefined,
	},
);
const uploads = await Uploads.open(
	{ folder: join(folder, "uploads"), ...room, maxOpen: 1, restMs: 0, lifetimeMs: 3_600_000 },
	{ store, now: () => 1_000_000, crashPoint },
);
const bytes = Buffer.alloc(2 * MIB + 9, "freehold");
const plan = planUpload(bytes, { partBytes: MIB });
const { upload } = await uploads.begin(plan);
for (const part of plan.parts.keys())
	await uploads.putPart(
		upload,
		part,
		(async function* () {
			yield bytes.subarray(part * MIB, (part + 1) * MIB);
		})(),
	);
await uploads.complete(upload);
