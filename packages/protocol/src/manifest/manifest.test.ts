import { describe, expect, it } from "vitest";
import { toHex, utf8 } from "../bytes/bytes.js";
import { defaultHashes } from "../crypto/crypto.js";
import { isManifestPath, type Manifest, manifestDigest, manifestText, parseManifest } from "./manifest.js";

const manifest: Manifest = {
	version: 1,
	release: "base/digits@1.0",
	format: "onnx",
	files: [
		{ path: "model.onnx", sha256: `0x${"ab".repeat(32)}`, bytes: 12 },
		{ path: "card.md", sha256: `0x${"cd".repeat(32)}`, bytes: 3 },
	],
	inputs: [{ name: "X", dtype: "float32", shape: ["N", 64] }],
	outputs: [{ name: "label", dtype: "int64", shape: null }],
	licence: "Apache-2.0",
	tags: ["digits"],
};

describe("a manifest", () => {
	it("reads back from its canonical text, whose SHA-256 is its digest", () => {
		expect(parseManifest(manifestText(manifest))).toEqual(manifest);
		expect(manifestDigest(manifest)).toBe(toHex(defaultHashes.sha256(utf8(manifestText(manifest)))));
	});

	it("is refused in any other spelling, with a field too many, or with a wrong one, by name", () => {
		const wrong: readonly (readonly [string, unknown])[] = [
			["manifest", JSON.parse(`{"note":1,${manifestText(manifest).slice(1)}`)],
			["release", { ...manifest, release: "base/digits" }],
			["format", { ...manifest, format: "toString" }],
			["files", { ...manifest, files: [] }],
			["files[0].path", { ...manifest, files: [{ ...manifest.files[0], path: "../model.onnx" }] }],
			["files[1].path", { ...manifest, files: [manifest.files[0], manifest.files[0]] }],
			["files[0].sha256", { ...manifest, files: [{ ...manifest.files[0], sha256: "0xAB" }] }],
			["files[0].bytes", { ...manifest, files: [{ ...manifest.files[0], bytes: -1 }] }],
			["inputs[0].shape", { ...manifest, inputs: [{ name: "X", dtype: "float32", shape: [-1] }] }],
			["licence", { ...manifest, licence: "" }],
			["tags", { ...manifest, tags: ["Two Words"] }],
		];
		for (const [field, value] of wrong) expect(() => parseManifest(JSON.stringify(value)), field).toThrow(field);
		expect(() => parseManifest(JSON.stringify(manifest, null, 1))).toThrow("canonical");
		expect(() => parseManifest("{")).toThrow("JSON");
	});

	it("names files by plain relative paths", () => {
		for (const path of ["model.onnx", "a/b_c/D-1.2.txt"]) expect(isManifestPath(path), path).toBe(true);
		for (const path of ["", "/a", "a/", "a//b", ".", "..", "a/../b", ".hidden", "a\\b", "a b", "a..b", "C:x", "x".repeat(201)])
			expect(isManifestPath(path), path).toBe(false);
	});
});
