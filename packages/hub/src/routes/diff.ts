/** What changed between two releases of a model: files, schema, licence, parents, and the card line by line. Releases never change, so neither do answers. */
import { FreeholdError, type Hex, type ManifestFile, type ReleaseDiffBody, type TensorSpec } from "@freehold/protocol";
import type { Handler } from "@freehold/service";
import { createTwoFilesPatch } from "diff";
import type { Connection } from "../database/database.js";
import type { ReleaseContent } from "../indexing/indexer.js";
import { findRelease, releaseName } from "./models.js";
import { json } from "./respond.js";

/** A patch that takes longer is left out: the cards are there to read. */
const PATCH_TIMEOUT_MS = 200;
const FOREVER_SECONDS = 31_536_000;

interface Side {
	readonly id: Hex;
	readonly name: string;
	readonly licence: string;
	readonly content: ReleaseContent;
	readonly card: string;
	readonly parents: readonly { readonly release: Hex; readonly bps: number }[];
}

export function showDiff(db: Connection): Handler {
	return (request) => {
		const to = readSide(db, request.params["release"], "release");
		const from = readSide(db, request.query.get("from") ?? undefined, "from");
		const body: ReleaseDiffBody = {
			from: { release: from.id, model: from.name },
			to: { release: to.id, model: to.name },
			files: diffFiles(from.content.files, to.content.files),
			inputs: diffSpecs(from.content.inputs, to.content.inputs),
			outputs: diffSpecs(from.content.outputs, to.content.outputs),
			...(from.licence === to.licence ? {} : { licence: { from: from.licence, to: to.licence } }),
			parents: {
				added: to.parents.filter((parent) => !from.parents.some(({ release, bps }) => release === parent.release && bps === parent.bps)),
				removed: from.parents.filter((parent) => !to.parents.some(({ release, bps }) => release === parent.release && bps === parent.bps)),
			},
			...cardPatch(from, to),
		};
		return json(body, FOREVER_SECONDS);
	};
}

function readSide(db: Connection, id: string | undefined, field: string): Side {
	if (id === undefined) throw new FreeholdError("request.invalid", { field, reason: "must be the id of the release to compare with" });
	const release = findRelease(db, id);
	const row = db.prepare("SELECT licence, content, card FROM release WHERE id = ?").get(release.id) as {
		licence: string;
		content: string | null;
		card: string | null;
	};
	const name = releaseName(db, release.id);
	if (row.content === null) throw new FreeholdError("service.starting", { service: `The index of ${name}` });
	const parents = db.prepare("SELECT parent AS release, bps FROM parent WHERE release = ? ORDER BY position").all(release.id) as {
		release: Hex;
		bps: number;
	}[];
	return { id: release.id, name, licence: row.licence, content: JSON.parse(row.content) as ReleaseContent, card: row.card ?? "", parents };
}

function diffFiles(from: readonly ManifestFile[], to: readonly ManifestFile[]): ReleaseDiffBody["files"] {
	const before = new Map(from.map((file) => [file.path, file]));
	const after = new Map(to.map((file) => [file.path, file]));
	return [...new Set([...before.keys(), ...after.keys()])].sort().flatMap((path) => {
		const [old, now] = [before.get(path), after.get(path)];
		if (old?.sha256 === now?.sha256) return [];
		return [
			{ path, change: old === undefined ? "added" : now === undefined ? "removed" : "changed", ...(old ? { from: old } : {}), ...(now ? { to: now } : {}) },
		];
	});
}

function diffSpecs(from: readonly TensorSpec[], to: readonly TensorSpec[]): ReleaseDiffBody["inputs"] {
	const text = (specs: readonly TensorSpec[]): ReadonlySet<string> => new Set(specs.map((spec) => JSON.stringify(spec)));
	const [before, after] = [text(from), text(to)];
	return { added: to.filter((spec) => !before.has(JSON.stringify(spec))), removed: from.filter((spec) => !after.has(JSON.stringify(spec))) };
}

function cardPatch(from: Side, to: Side): Pick<ReleaseDiffBody, "card"> {
	if (from.card === to.card) return {};
	const card = createTwoFilesPatch(`${from.name}/card.md`, `${to.name}/card.md`, from.card, to.card, "", "", { context: 3, timeout: PATCH_TIMEOUT_MS });
	return card === undefined ? {} : { card };
}
