/** The verifier of the Python client shares no line with this one: both must say the same of a file whose validators have changed, and of every change of its way. */
import { spawnSync } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { formatCertificateFile, formatReceiptFile, isHex } from "@freehold/protocol";
import { nativeCrypto } from "@freehold/service";
import { describe, expect, it } from "vitest";
import { verifyCertificateText } from "../src/certificate/certificate.js";
import { verifyReceiptText } from "../src/receipt/verify-receipt.js";
import { changedSets, makeCertificate } from "./genuine-certificate.js";
import { makeReceipt } from "./genuine-receipt.js";

const CLIENT = fileURLToPath(new URL("../../../clients/python", import.meta.url));
const python = "python3";
const hasPeers = spawnSync(python, ["-c", "import requests, eth_account, onnx"], { timeout: 30_000 }).status === 0;
const deep = process.env["FREEHOLD_DEEP"] === "1";
const NOW = 1_760_000_000_000 + 86_400_000;
const PROGRAM = `
import json, sys
from freehold._verify.certificate import verify_certificate_text
from freehold._verify.receipt import verify_text
job = json.load(open(sys.argv[1]))
judge = verify_certificate_text if job["what"] == "certificate" else verify_text
print(json.dumps([judge(text, job["checkpoint"], trust_now=now).outcome for text, now in job["files"]]))
`;

type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

/** Every file in which one value below `root` is another one. */
function* changed(text: string, root: readonly string[]): Generator<string> {
	const paths: (string | number)[][] = [];
	const walk = (value: Json, path: (string | number)[]): void => {
		if (Array.isArray(value)) for (const [index, item] of value.entries()) walk(item, [...path, index]);
		else if (typeof value === "object" && value !== null) for (const [key, item] of Object.entries(value)) walk(item, [...path, key]);
		else paths.push(path);
	};
	walk(
		root.reduce((value, key) => (value as { [key: string]: Json })[key] as Json, JSON.parse(text) as Json),
		[...root],
	);
	for (const path of paths) {
		const file = JSON.parse(text) as Json;
		let parent = file;
		for (const key of path.slice(0, -1)) parent = (parent as { [key: string]: Json })[key] as Json;
		const holder = parent as { [key: string]: Json };
		const last = String(path.at(-1));
		holder[last] = other(holder[last] ?? null);
		yield JSON.stringify(file);
	}
}

function other(value: Json): Json {
	if (typeof value === "number") return value + 1;
	if (typeof value !== "string") return null;
	if (/^\d+$/.test(value)) return (BigInt(value) + 1n).toString();
	if (!isHex(value) || value.length < 4) return `${value}00`;
	return `${value.slice(0, -1)}${value.endsWith("0") ? "1" : "0"}`;
}

/** What the verifier in Python says of these files. */
async function inPython(job: { readonly what: "receipt" | "certificate"; readonly checkpoint: object; readonly files: readonly unknown[] }): Promise<unknown> {
	const dir = await mkdtemp(join(tmpdir(), "freehold-python-"));
	try {
		const path = join(dir, "job.json");
		await writeFile(path, JSON.stringify(job));
		const env = { ...process.env, PYTHONPATH: CLIENT, PYTHONDONTWRITEBYTECODE: "1" };
		const { stdout, stderr } = spawnSync(python, ["-c", PROGRAM, path], { env, encoding: "utf8", timeout: 120_000 });
		expect(stderr).toBe("");
		return JSON.parse(stdout);
	} finally {
		await rm(dir, { recursive: true, force: true });
	}
}

describe.skipIf(!hasPeers)("the verifier in Python [requests, eth-account, onnx]", () => {
	it("judges a way over changed sets as this one does, and refuses it with any value changed", async () => {
		const { file, checkpoint } = await makeReceipt({
			checkpointKind: "validators",
			pathSets: [
				[0, 1, 2],
				[1, 2, 3],
			],
			validatorPowers: [10n, 10n, 10n],
			signers: [0, 1, 2],
		});
		const text = formatReceiptFile(file);
		const { anchor } = file;
		if (anchor === undefined) throw new Error("no anchor");
		const { lightPath = [], ...stripped } = anchor;
		const shorter = (path: typeof lightPath) => formatReceiptFile({ ...file, anchor: { ...anchor, lightPath: path } });
		const files: readonly (readonly [string, number | null])[] = [
			[text, NOW],
			[text, null],
			[text, NOW + 7 * 86_400_000],
			[text, 1_759_000_000_000],
			[formatReceiptFile({ ...file, anchor: stripped }), NOW],
			[shorter(lightPath.slice(1)), NOW],
			[shorter(lightPath.slice(0, 1)), NOW],
			[shorter([...lightPath].reverse()), NOW],
			[shorter([]), NOW],
			// Every third one in each run: Python's arithmetic is slow.
			...[...changed(text, ["anchor", "lightPath"])].filter((_, index) => deep || index % 3 === 0).map((each) => [each, NOW] as const),
		];
		expect(files.length).toBeGreaterThan(deep ? 90 : 35);
		const here = files.map(([each, now]) => verifyReceiptText(each, { checkpoint, crypto: nativeCrypto, ...(now === null ? {} : { trustNow: now }) }).outcome);
		expect(here.slice(0, 3)).toEqual(["meets", "unanchored", "unanchored"]);
		// Without the checkpoint's own block nothing is wrong with the way, and nothing joins it to the checkpoint.
		expect(here[5]).toBe("unanchored");
		expect(new Set(here.slice(3).toSpliced(2, 1))).toEqual(new Set(["forged"]));
		expect(await inPython({ what: "receipt", checkpoint, files })).toEqual(here);
	}, 150_000);

	it("judges certificates as this one does, with and without a way, and refuses them with any value changed", async () => {
		const { file, checkpoint } = await makeCertificate(changedSets);
		const text = formatCertificateFile(file);
		const { lightPath = [], ...stripped } = file;
		const files: readonly (readonly [string, number | null])[] = [
			[text, NOW],
			[text, null],
			[text, NOW + 7 * 86_400_000],
			[formatCertificateFile(stripped), NOW],
			[formatCertificateFile({ ...file, lightPath: lightPath.slice(1) }), NOW],
			[formatCertificateFile({ ...file, lightPath: lightPath.slice(0, 1) }), NOW],
			[text.replace("base/digits", "base/digit5"), NOW],
			// The way's values are judged by the same code as a receipt's: a few of them.
			...[...changed(text, [])].filter((_, index) => deep || index % 9 === 0).map((each) => [each, NOW] as const),
		];
		expect(files.length).toBeGreaterThan(deep ? 150 : 20);
		const here = files.map(
			([each, now]) => verifyCertificateText(each, { checkpoint, crypto: nativeCrypto, ...(now === null ? {} : { trustNow: now }) }).outcome,
		);
		expect(here.slice(0, 3)).toEqual(["genuine", "expired", "expired"]);
		expect(here[4]).toBe("elsewhere");
		expect(new Set(here.slice(3).toSpliced(1, 1))).toEqual(new Set(["forged"]));
		expect(await inPython({ what: "certificate", checkpoint, files })).toEqual(here);
		const plain = await makeCertificate();
		const plainFiles = [[formatCertificateFile(plain.file), null]];
		expect(await inPython({ what: "certificate", checkpoint: plain.checkpoint, files: plainFiles })).toEqual(["genuine"]);
		expect(await inPython({ what: "certificate", checkpoint: { ...plain.checkpoint, height: 30 }, files: plainFiles })).toEqual(["older"]);
	}, 150_000);
});
