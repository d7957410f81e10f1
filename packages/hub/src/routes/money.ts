/** Money as the chain tells it: usage by release and day, an owner's earnings (reconciled with the contract), and the latest paid lines. */
import { royaltiesAbi } from "@freehold/contracts/abi";
import { contractAddresses, type EarningsBody, FreeholdError, type Hex, isHex, parseModelName } from "@freehold/protocol";
import type { ChainClient } from "@freehold/sdk/chain";
import type { Handler } from "@freehold/service";
import type { Connection } from "../database/database.js";
import type { Indexer } from "../indexing/indexer.js";
import { releaseName } from "./models.js";
import { json, wholeNumber } from "./respond.js";

const royalties = { address: contractAddresses.Royalties, abi: royaltiesAbi } as const;
const MAX_DAYS = 3_660;
const MAX_LINES = 500;
/** Days of single releases in one answer; older ones are in the totals. */
const MAX_EARNING_DAYS = 20_000;

export function showUsage(db: Connection): Handler {
	return (request) => {
		const path = `${request.params["namespace"]}/${request.params["name"]}`;
		const model = parseModelName(path) === undefined ? undefined : (db.prepare("SELECT id FROM model WHERE path = ?").get(path) as { id: string } | undefined);
		if (model === undefined) throw new FreeholdError("model.notFound", { model: path });
		const days = wholeNumber(request, "days", { min: 1, max: MAX_DAYS, default: 90 });
		const rows = db
			.prepare(
				`SELECT usageDay.release, major || '.' || minor AS version, day, usageDay.calls, inputUnits, outputUnits, usageDay.gross, usageDay.net
				 FROM usageDay JOIN release ON release.id = usageDay.release WHERE release.model = ? ORDER BY day DESC, usageDay.release LIMIT ?`,
			)
			.all(model.id, days);
		return json({ model: path, days: rows });
	};
}

interface CreditRow {
	readonly release: Hex;
	readonly path: string | null;
	readonly version: string | null;
	readonly day: string;
	readonly direct: string;
	readonly fromDescendants: string;
}

/** Totals come from the index and are held against the contract's own at the same block; `reconciled` says whether they agree to the unit. */
export function showEarnings(db: Connection, client: ChainClient, indexer: Indexer): Handler {
	return async (request) => {
		const address = request.params["address"]?.toLowerCase();
		if (!isHex(address, 20)) throw new FreeholdError("request.invalid", { field: "address", reason: "must be an address" });
		const { height } = indexer;
		if (height === undefined) throw new FreeholdError("service.starting", { service: "The hub" });
		const index = readEarnings(db, address);
		const [claimable, owed] = await Promise.all([
			client.read(royalties, "claimable", [address], { block: height, signal: request.signal }),
			Promise.all(index.releases.map((release) => client.read(royalties, "owed", [release], { block: height, signal: request.signal }))),
		]);
		const body: EarningsBody = {
			address,
			claimable: claimable.toString(),
			upstream: owed.reduce((sum, amount) => sum + amount, 0n).toString(),
			claimed: index.claimed.toString(),
			byModel: index.byModel,
			byDay: index.byDay,
			reconciled: index.credited - index.claimed === claimable,
			height: Number(height),
		};
		return json(body);
	};
}

interface IndexedEarnings {
	readonly credited: bigint;
	readonly claimed: bigint;
	/** Releases of models that the address owns now. */
	readonly releases: readonly Hex[];
	readonly byModel: EarningsBody["byModel"];
	readonly byDay: NonNullable<EarningsBody["byDay"]>;
}

/** One reading of the index, before anything is awaited, so that all of it is of one block. */
function readEarnings(db: Connection, address: Hex): IndexedEarnings {
	const credits = db
		.prepare(
			"SELECT credit.release, model.path, release.major || '.' || release.minor AS version, day, direct, fromDescendants FROM credit LEFT JOIN release ON release.id = credit.release LEFT JOIN model ON model.id = release.model WHERE credit.owner = ? ORDER BY day DESC, credit.release",
		)
		.all(address) as CreditRow[];
	const models = new Map<string, { direct: bigint; fromDescendants: bigint }>();
	const owned = db.prepare("SELECT path FROM model WHERE owner = ?").all(address) as { path: string }[];
	for (const { path } of owned) models.set(path, { direct: 0n, fromDescendants: 0n });
	let credited = 0n;
	for (const row of credits) {
		const path = row.path ?? row.release;
		const sums = models.get(path) ?? { direct: 0n, fromDescendants: 0n };
		sums.direct += BigInt(row.direct);
		sums.fromDescendants += BigInt(row.fromDescendants);
		credited += BigInt(row.direct) + BigInt(row.fromDescendants);
		models.set(path, sums);
	}
	const claim = db.prepare("SELECT total FROM claim WHERE owner = ?").get(address) as { total: string } | undefined;
	const releases = db.prepare("SELECT release.id FROM release JOIN model ON model.id = release.model WHERE model.owner = ?").all(address) as { id: Hex }[];
	return {
		credited,
		claimed: BigInt(claim?.total ?? "0"),
		releases: releases.map(({ id }) => id),
		byDay: credits.slice(0, MAX_EARNING_DAYS).map(({ release, path, version, day, direct, fromDescendants }) => ({
			day,
			release,
			model: path === null || version === null ? release : `${path}@${version}`,
			direct,
			fromDescendants,
		})),
		byModel: [...models].map(([model, { direct, fromDescendants }]) => {
			const totals = db.prepare("SELECT calls, gross FROM model WHERE path = ?").get(model) as { calls: number; gross: string } | undefined;
			return {
				model,
				calls: totals?.calls ?? 0,
				gross: totals?.gross ?? "0",
				net: (direct + fromDescendants).toString(),
				direct: direct.toString(),
				fromDescendants: fromDescendants.toString(),
			};
		}),
	};
}

interface LineRow {
	readonly id: number;
	readonly release: string;
	readonly [column: string]: unknown;
}

export function listCalls(db: Connection): Handler {
	return (request) => {
		const limit = wholeNumber(request, "limit", { min: 1, max: MAX_LINES, default: 50 });
		const before = wholeNumber(request, "cursor", { min: 1, max: Number.MAX_SAFE_INTEGER, default: Number.MAX_SAFE_INTEGER });
		const rows = db.prepare("SELECT * FROM line WHERE id < ? ORDER BY id DESC LIMIT ?").all(before, limit) as LineRow[];
		const last = rows.at(-1);
		return json({
			lines: rows.map((row) => ({ ...row, model: releaseName(db, row.release) })),
			...(rows.length === limit && last !== undefined ? { cursor: String(last.id) } : {}),
		});
	};
}
