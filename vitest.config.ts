import { defineConfig } from "vitest/config";

const deep = process.env["FREEHOLD_DEEP"] === "1";

export default defineConfig({
	test: {
		include: ["packages/*/{src,test}/**/*.test.ts", "apps/*/src/**/*.test.ts", "testing/**/*.test.ts", "models/**/*.test.ts", "training/**/*.test.ts"],
		exclude: ["**/node_modules/**", "**/dist/**"],
		// Two cores: real processes are started by the tests themselves.
		maxWorkers: 2,
		pool: "forks",
		// A Walrus id for the thousand shards of its own network takes a second of one core; the encoder's own tests say their number.
		env: { FREEHOLD_STORAGE_WALRUS_SHARDS: "10" },
		// Compiled packages are loaded by Node itself, as programs load them; by the runner, module by module, each file of tests took a second longer.
		server: { deps: { external: [/packages\/[a-z]+\/dist\//] } },
		setupFiles: ["testing/guard/children.ts"],
		testTimeout: deep ? 600_000 : 60_000,
		hookTimeout: 180_000,
		retry: 0,
	},
});
