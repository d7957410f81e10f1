/** What each event of the chain means to the index. Called in order, inside the transaction that also moves the cursor, so each counts exactly once. */
import { bigintToBytes, type Hex, skeleton, toHex } from "@freehold/protocol";
import type { ChainEvent } from "@freehold/sdk/chain";
import { type Connection, sortable } from "../database/database.js";
import { indexTexts } from "../search/vocabulary.js";
import { refreshShown } from "./shown.js";
import { addStanding } from "./standing.js";

export interface EventPlace {
	readonly block: bigint;
	/** Unix milliseconds. */
	readonly time: number;
}

type Args = Readonly<Record<string, unknown>>;
type Apply = (db: Connection, args: Args, place: EventPlace, event: ChainEvent) => void;

/** Events that the index does not know change nothing in it. */
export function applyEvent(db: Connection, event: ChainEvent, place: EventPlace): void {
	if (Object.hasOwn(handlers, event.name)) handlers[event.name]?.(db, event.args, place, event);
}

const handlers: Readonly<Record<string, Apply>> = {
	ModelCreated(db, args, { time }) {
		const path = `${text(args, "namespace")}/${text(args, "name")}`;
		db.prepare("INSERT INTO model (id, path, namespace, name, owner, createdAt, updatedAt) VALUES (?, ?, ?, ?, ?, ?, ?)").run(
			modelKey(args["modelId"]),
			path,
			text(args, "namespace"),
			text(args, "name"),
			address(args, "owner"),
			time,
			time,
		);
		indexTexts(db, modelKey(args["modelId"]), { path, title: "", task: "", tags: "", card: "" });
	},

	/** ERC-721: who holds the token owns the model. The mint stands before `ModelCreated`, which names the owner itself. */
	Transfer(db, args) {
		if (typeof args["tokenId"] !== "bigint") return;
		db.prepare("UPDATE model SET owner = ? WHERE id = ?").run(address(args, "to"), modelKey(args["tokenId"]));
	},

	ReleasePublished(db, args, { time }) {
		const release = text(args, "release");
		const data = args["data"] as {
			readonly major: number;
			readonly minor: number;
			readonly format: number;
			readonly modes: number;
			readonly manifest: Hex;
			readonly licence: string;
			readonly parents: readonly { readonly release: Hex; readonly bps: number }[];
		};
		const model = modelKey(args["modelId"]);
		db.prepare("INSERT INTO release (id, model, major, minor, manifest, format, modes, licence, publishedAt) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)").run(
			release,
			model,
			data.major,
			data.minor,
			data.manifest,
			data.format,
			data.modes,
			data.licence,
			time,
		);
		for (const [position, parent] of data.parents.entries())
			db.prepare("INSERT INTO parent (release, position, parent, bps) VALUES (?, ?, ?, ?)").run(release, position, parent.release, parent.bps);
		db.prepare("UPDATE model SET updatedAt = ? WHERE id = ?").run(time, model);
		refreshShown(db, model);
	},

	PriceSet(db, args) {
		db.prepare("INSERT INTO price (release, version, perCall, perCallRank, perInputUnit, perOutputUnit, validFrom) VALUES (?, ?, ?, ?, ?, ?, ?)").run(
			text(args, "release"),
			Number(args["version"]),
			String(args["perCall"]),
			sortable(amount(args, "perCall")),
			String(args["perInputUnit"]),
			String(args["perOutputUnit"]),
			Number(args["validFrom"]) * 1000,
		);
	},

	PriceWithdrawn(db, args) {
		db.prepare("UPDATE price SET withdrawn = 1 WHERE release = ? AND version = ?").run(text(args, "release"), Number(args["version"]));
	},

	ReleaseRetired(db, args) {
		const release = text(args, "release");
		db.prepare("UPDATE release SET retiredAt = ? WHERE id = ?").run(Number(args["retiredAt"]) * 1000, release);
		const row = db.prepare("SELECT model FROM release WHERE id = ?").get(release) as { model: string } | undefined;
		if (row !== undefined) refreshShown(db, row.model);
	},

	LinePaid(db, args, { block, time }, event) {
		const release = text(args, "release");
		const calls = Number(args["calls"]);
		const net = amount(args, "ownerAmount");
		const gross = net + amount(args, "nodeFee") + amount(args, "gatewayFee");
		db.prepare(
			`INSERT INTO line (gateway, seq, position, release, priceVersion, node, calls, ownerAmount, nodeFee, gatewayFee, protocolFee, time, block, "transaction") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		).run(
			address(args, "gateway"),
			String(args["seq"]),
			Number(args["index"]),
			release,
			Number(args["priceVersion"]),
			address(args, "node"),
			calls,
			net.toString(),
			String(args["nodeFee"]),
			String(args["gatewayFee"]),
			String(args["protocolFee"]),
			time,
			Number(block),
			event.transactionHash,
		);
		addWork(db, address(args, "node"), calls, amount(args, "nodeFee"));
		addWork(db, address(args, "gateway"), calls, amount(args, "gatewayFee") - amount(args, "protocolFee"));
		addUsage(db, release, dayOf(time), { calls, inputUnits: amount(args, "inputUnits"), outputUnits: amount(args, "outputUnits"), gross, net });
		const model = db.prepare("SELECT model.id, model.owner FROM release JOIN model ON model.id = release.model WHERE release.id = ?").get(release) as
			| { id: string; owner: string }
			| undefined;
		if (model === undefined) return;
		const fees = { nodeFee: amount(args, "nodeFee"), gatewayFee: amount(args, "gatewayFee"), protocolFee: amount(args, "protocolFee") };
		addStanding(db, model.id, { owner: model.owner, node: address(args, "node"), gateway: address(args, "gateway"), calls, ...fees }, time);
	},

	OwnerCredited(db, args, { time }) {
		const key = [address(args, "owner"), text(args, "release"), dayOf(time)] as const;
		const column = args["fromDescendants"] === true ? "fromDescendants" : "direct";
		db.prepare("INSERT INTO credit (owner, release, day, direct, fromDescendants) VALUES (?, ?, ?, '0', '0') ON CONFLICT DO NOTHING").run(...key);
		const row = db.prepare("SELECT direct, fromDescendants FROM credit WHERE owner = ? AND release = ? AND day = ?").get(...key) as {
			direct: string;
			fromDescendants: string;
		};
		db.prepare(`UPDATE credit SET ${column} = ? WHERE owner = ? AND release = ? AND day = ?`).run(
			(BigInt(row[column]) + amount(args, "amount")).toString(),
			...key,
		);
	},

	Claimed(db, args) {
		const owner = address(args, "owner");
		const row = db.prepare("SELECT total FROM claim WHERE owner = ?").get(owner) as { total: string } | undefined;
		const total = BigInt(row?.total ?? "0") + amount(args, "amount");
		db.prepare("INSERT INTO claim (owner, total) VALUES (?, ?) ON CONFLICT (owner) DO UPDATE SET total = excluded.total").run(owner, total.toString());
	},

	NamespaceClaimed(db, args) {
		const name = text(args, "namespace");
		db.prepare("INSERT INTO namespace (name, owner, skeleton) VALUES (?, ?, ?)").run(name, address(args, "owner"), skeleton(name));
	},
	NamespaceTransferred(db, args) {
		db.prepare("UPDATE namespace SET owner = ? WHERE name = ?").run(address(args, "to"), text(args, "namespace"));
	},

	Registered(db, args) {
		db.prepare(
			"INSERT INTO operator (operator, roles, endpoint, nodeFee, bond) VALUES (?, ?, ?, ?, '0') ON CONFLICT (operator) DO UPDATE SET roles = excluded.roles, endpoint = excluded.endpoint, nodeFee = excluded.nodeFee",
		).run(address(args, "operator"), Number(args["roles"]), text(args, "endpoint"), String(args["nodeFee"]));
	},
	RolesSet: (db, args) => setOperator(db, args, "roles", Number(args["roles"])),
	EndpointSet: (db, args) => setOperator(db, args, "endpoint", text(args, "endpoint")),
	NodeFeeSet: (db, args) => setOperator(db, args, "nodeFee", String(args["nodeFee"])),
	Bonded: (db, args) => setBond(db, args),
	BondWithdrawn: (db, args) => setBond(db, args),
	Slashed: (db, args) => setBond(db, args),
	KeyAdded(db, args) {
		db.prepare(
			"INSERT INTO operatorKey (operator, key, validFrom) VALUES (?, ?, ?) ON CONFLICT (operator, key) DO UPDATE SET validFrom = excluded.validFrom, validUntil = NULL",
		).run(address(args, "operator"), address(args, "key"), Number(args["validFrom"]) * 1000);
	},
	KeyRevoked(db, args) {
		db.prepare("UPDATE operatorKey SET validUntil = ? WHERE operator = ? AND key = ?").run(
			Number(args["validUntil"]) * 1000,
			address(args, "operator"),
			address(args, "key"),
		);
	},
};

/** What an operator earned by its work; one that is node and gateway earns both. */
function addWork(db: Connection, operator: Hex, calls: number, earned: bigint): void {
	const before = db.prepare("SELECT earned FROM work WHERE operator = ?").get(operator) as { earned: string } | undefined;
	db.prepare(
		"INSERT INTO work (operator, calls, earned) VALUES (?, ?, ?) ON CONFLICT (operator) DO UPDATE SET calls = calls + excluded.calls, earned = excluded.earned",
	).run(operator, calls, (BigInt(before?.earned ?? "0") + earned).toString());
}

interface UsageAdded {
	readonly calls: number;
	readonly inputUnits: bigint;
	readonly outputUnits: bigint;
	readonly gross: bigint;
	readonly net: bigint;
}

function addUsage(db: Connection, release: string, day: string, added: UsageAdded): void {
	db.prepare("INSERT INTO usageDay (release, day, calls, inputUnits, outputUnits, gross, net) VALUES (?, ?, 0, '0', '0', '0', '0') ON CONFLICT DO NOTHING").run(
		release,
		day,
	);
	const before = db.prepare("SELECT inputUnits, outputUnits, gross, net FROM usageDay WHERE release = ? AND day = ?").get(release, day) as Record<
		"inputUnits" | "outputUnits" | "gross" | "net",
		string
	>;
	const plus = (key: "inputUnits" | "outputUnits" | "gross" | "net"): string => (BigInt(before[key]) + added[key]).toString();
	db.prepare("UPDATE usageDay SET calls = calls + ?, inputUnits = ?, outputUnits = ?, gross = ?, net = ? WHERE release = ? AND day = ?").run(
		added.calls,
		plus("inputUnits"),
		plus("outputUnits"),
		plus("gross"),
		plus("net"),
		release,
		day,
	);
	const totals = db.prepare("SELECT model, gross, net FROM release WHERE id = ?").get(release) as { model: string; gross: string; net: string } | undefined;
	if (totals === undefined) return;
	db.prepare("UPDATE release SET calls = calls + ?, gross = ?, net = ? WHERE id = ?").run(
		added.calls,
		(BigInt(totals.gross) + added.gross).toString(),
		(BigInt(totals.net) + added.net).toString(),
		release,
	);
	const model = db.prepare("SELECT gross FROM model WHERE id = ?").get(totals.model) as { gross: string };
	const gross = BigInt(model.gross) + added.gross;
	db.prepare("UPDATE model SET calls = calls + ?, gross = ? WHERE id = ?").run(added.calls, gross.toString(), totals.model);
}

function setOperator(db: Connection, args: Args, column: "roles" | "endpoint" | "nodeFee", value: string | number): void {
	db.prepare(`UPDATE operator SET ${column} = ? WHERE operator = ?`).run(value, address(args, "operator"));
}

/** `Bonded` stands before `Registered` when an operator joins. */
function setBond(db: Connection, args: Args): void {
	db.prepare(
		"INSERT INTO operator (operator, roles, endpoint, nodeFee, bond) VALUES (?, 0, '', '0', ?) ON CONFLICT (operator) DO UPDATE SET bond = excluded.bond",
	).run(address(args, "operator"), String(args["bond"]));
}

function dayOf(time: number): string {
	return new Date(time).toISOString().slice(0, 10);
}

function modelKey(value: unknown): Hex {
	if (typeof value !== "bigint") throw new TypeError("an event has no model id");
	return toHex(bigintToBytes(value, 32));
}

function text(args: Args, name: string): string {
	const value = args[name];
	if (typeof value !== "string") throw new TypeError(`an event has no ${name}`);
	return value;
}

function address(args: Args, name: string): Hex {
	return text(args, name).toLowerCase() as Hex;
}

function amount(args: Args, name: string): bigint {
	return BigInt(args[name] as bigint | number);
}
