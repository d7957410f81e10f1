import { chmod, mkdtemp, readFile, rm, stat, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createKeyFile, readKeyFile, readOrCreateKeyFile } from "./key-file.js";

let folder: string;
beforeEach(async () => {
	folder = await mkdtemp(join(tmpdir(), "freehold-key-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

describe("a key file", () => {
	it("is made once, for its owner only, and read back", async () => {
		const path = join(folder, "sub", "node.key");
		const key = await readOrCreateKeyFile(path);
		expect((await stat(path)).mode & 0o777).toBe(0o600);
		expect(await readKeyFile(path)).toEqual(key);
		expect(await readOrCreateKeyFile(path)).toEqual(key);
		await expect(createKeyFile(path)).rejects.toMatchObject({ code: "config.invalid" });
		expect(await readKeyFile(path)).toEqual(key);
	});

	it("that others can read is refused", async () => {
		const path = join(folder, "node.key");
		await createKeyFile(path);
		await chmod(path, 0o640);
		await expect(readKeyFile(path)).rejects.toThrow(/can be read or changed by others/);
	});

	it("with other content is refused without showing it", async () => {
		const path = join(folder, "node.key");
		await writeFile(path, "super-secret-passphrase", { mode: 0o600 });
		const refusal = await readKeyFile(path).catch((error: unknown) => error);
		expect(String(refusal)).toMatch(/64 hex digits/);
		expect(String(refusal)).not.toContain("super-secret");
		expect(await readFile(path, "utf8")).toBe("super-secret-passphrase");
	});

	it("is not followed through a link", async () => {
		const path = join(folder, "node.key");
		await createKeyFile(path);
		await symlink(path, join(folder, "link.key"));
		await expect(readKeyFile(join(folder, "link.key"))).rejects.toMatchObject({ code: "config.invalid" });
	});
});
