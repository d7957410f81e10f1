import { mkdtemp, rename, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { serveStorage } from "../test/serve.js";

it("is ready while its folder takes writes, and says why when it does not", async () => {
	const folder = await mkdtemp(join(tmpdir(), "freehold-storage-"));
	const storage = await serveStorage(folder);
	try {
		expect(await storage.ready()).toMatchObject({ ready: true, detail: { writes: "yes" } });
		// A folder that cannot be written, also by root.
		await rename(join(folder, "tmp"), join(folder, "elsewhere"));
		await expect.poll(storage.ready, { timeout: 10_000, interval: 100 }).toMatchObject({ ready: false, detail: { writes: "ENOENT" } });
		await rename(join(folder, "elsewhere"), join(folder, "tmp"));
		await expect.poll(storage.ready, { timeout: 10_000, interval: 100 }).toMatchObject({ ready: true });
	} finally {
		await storage.stop();
		await rm(folder, { recursive: true, force: true });
	}
});
