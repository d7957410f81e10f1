/** Ranges, names of blobs and records of parts under damage: nothing outside the blob, nothing outside the folder, nothing damaged taken for whole. */
import { createHash } from "node:crypto";
import { resolve, sep } from "node:path";
import { mutateBytes } from "../../../testing/hostile/fuzz/bytes.js";
import { fuzz, type Target } from "../../../testing/hostile/fuzz/fuzzer.js";
import { parseBlobId, parseSha256 } from "../src/blob/blob-name.js";
import { parseRange } from "../src/http/range.js";
import { layoutOf } from "../src/local/layout.js";
import { decodeRecord, encodeRecord } from "../src/local/record.js";

interface Asked {
	readonly header: string;
	readonly size: number;
}
const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString("latin1");

const ranges: Target<Asked> = {
	name: "ranges",
	seeds: () => [
		{ header: "bytes=0-99", size: 1_000 },
		{ header: "bytes=500-", size: 1_000 },
		{ header: "bytes=-1", size: 5 },
		{ header: "bytes=0-0,5-9", size: 10 },
		{ header: "bytes=0-18446744073709551615", size: 4 * 1024 ** 3 },
	],
	mutate: ({ header, size }, random, seeds) => ({
		header: text(
			mutateBytes(
				Buffer.from(header),
				random,
				seeds.map((seed) => Buffer.from(seed.header)),
			),
		),
		size: random.pick([0, 1, size, 2 ** 40, random.below(2_000)]),
	}),
	read: ({ header, size }) => {
		const answer = parseRange(header, size);
		if (answer.kind !== "part") return true;
		const { start, end } = answer.range;
		if (!(Number.isSafeInteger(start) && Number.isSafeInteger(end) && 0 <= start && start < end && end <= size))
			throw new Error(`${start} to ${end} of ${size}`);
		return true;
	},
	isRefusal: () => false,
};

const layout = layoutOf(resolve("/store"));
const names: Target<string> = {
	name: "names of blobs",
	seeds: () => ["ab".repeat(32), `0x${"cd".repeat(32)}`, Buffer.alloc(32, 9).toString("base64url"), Buffer.alloc(32, 255).toString("base64url")],
	mutate: (name, random, seeds) =>
		text(
			mutateBytes(
				Buffer.from(name),
				random,
				[...seeds, "../../etc/passwd", "..%2f", "\0"].map((seed) => Buffer.from(seed)),
			),
		),
	read: (name) => {
		const sha256 = parseSha256(name);
		const blobId = parseBlobId(name);
		const paths = [
			...(sha256 === undefined ? [] : [layout.blob(sha256), layout.record(sha256), layout.walrusId(sha256)]),
			...(blobId === undefined ? [] : [layout.owner(blobId)]),
		];
		for (const path of paths) if (!resolve(path).startsWith(resolve("/store") + sep)) throw new Error(`${path} leaves the folder`);
		return paths.length > 0;
	},
	isRefusal: () => false,
};

const parts = createHash("sha256").update("part").digest();
const record = Uint8Array.from(encodeRecord({ sizeBytes: 1_500_000, parts: Buffer.concat([parts, parts]) }));
const records: Target<Uint8Array> = {
	name: "records of parts",
	seeds: () => [record],
	mutate: mutateBytes,
	read: (bytes) => {
		const read = decodeRecord(Buffer.from(bytes));
		if (read !== undefined && !Buffer.from(record).equals(Buffer.from(bytes))) throw new Error("a damaged record was taken for whole");
		return read !== undefined;
	},
	isRefusal: () => false,
};

fuzz(ranges, names, records);
