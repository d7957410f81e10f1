import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import tailwind from "@tailwindcss/vite";
import react from "@vitejs/plugin-react";
import { defineConfig, type Plugin } from "vite";

const out = fileURLToPath(new URL("dist", import.meta.url));
const COMPRESSED = /\.(js|css|html|svg|json|webmanifest)$/;
const LEAST_BYTES = 1_024;

/** The gateway serves each text file compressed once, at build time. */
function compress(): Plugin {
	return {
		name: "compress",
		apply: "build",
		closeBundle() {
			for (const entry of readdirSync(out, { recursive: true, withFileTypes: true })) {
				if (!entry.isFile() || !COMPRESSED.test(entry.name)) continue;
				const path = join(entry.parentPath, entry.name);
				const bytes = readFileSync(path);
				if (bytes.length < LEAST_BYTES) continue;
				writeFileSync(`${path}.gz`, gzipSync(bytes, { level: 9 }));
				writeFileSync(`${path}.br`, brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 10 } }));
			}
		},
	};
}

export default defineConfig({
	plugins: [react(), tailwind(), compress()],
	build: {
		outDir: "dist",
		target: "es2023",
		// Everything stands in files of this origin: the page's policy refuses data: addresses and inline code.
		assetsInlineLimit: 0,
		modulePreload: { polyfill: false },
		manifest: true,
		sourcemap: false,
	},
	server: {
		proxy: Object.fromEntries(["/api", "/v1", "/network.json"].map((path) => [path, process.env["FREEHOLD_GATEWAY"] ?? "http://127.0.0.1:8546"])),
	},
});
