/** Operators with a bond, and the heartbeats that say which of them are alive. A heartbeat is a signed statement, never a transaction. */
import { type Crypto, canonicalJson, concatBytes, FreeholdError, fromHex, type HeartbeatBody, shape, toHex, utf8 } from "@freehold/protocol";
import type { Handler } from "@freehold/service";
import type { Connection } from "../database/database.js";
import { json } from "./respond.js";

/** A heartbeat may be this far from the hub's clock. */
const CLOCK_SKEW_MS = 60_000;
/** An operator is shown as alive for this long after its last heartbeat. */
const ALIVE_MS = 90_000;
const MAX_RELEASES = 10_000;
const MAX_BODY_BYTES = 1024 * 1024;
const ROLE_BITS = { inference: 1, gateway: 2, storage: 4, oracle: 8 } as const;

const bodyShape = shape.object({
	heartbeat: shape.object({
		operator: shape.hex(20),
		role: shape.literal("inference", "gateway", "storage"),
		endpoint: shape.text(256),
		releases: shape.list(shape.hex(32), MAX_RELEASES),
		sentAt: shape.integer(0, Number.MAX_SAFE_INTEGER),
	}),
	signature: shape.hex(65),
});

export function takeHeartbeat(db: Connection, crypto: Crypto, clock: { now(): number }): Handler {
	return async (request) => {
		const { heartbeat, signature } = readBody(await request.json(MAX_BODY_BYTES));
		if (Math.abs(clock.now() - heartbeat.sentAt) > CLOCK_SKEW_MS)
			throw refuse("heartbeat.sentAt", `must be within ${CLOCK_SKEW_MS / 1000} s of the hub's clock`);
		const signer = crypto.recover(personalDigest(canonicalJson(heartbeat), crypto), fromHex(signature));
		if (signer === undefined || !speaksFor(db, heartbeat.operator, toHex(signer), heartbeat.role, clock.now()))
			throw refuse("signature", "is not by a key of a bonded operator with this role");
		db.prepare(
			`INSERT INTO heartbeat (operator, role, endpoint, releases, sentAt) VALUES (?, ?, ?, ?, ?)
			 ON CONFLICT (operator, role) DO UPDATE SET endpoint = excluded.endpoint, releases = excluded.releases, sentAt = excluded.sentAt WHERE excluded.sentAt > heartbeat.sentAt`,
		).run(heartbeat.operator, heartbeat.role, heartbeat.endpoint, JSON.stringify(heartbeat.releases), heartbeat.sentAt);
		return { status: 204 };
	};
}

interface OperatorRow {
	readonly operator: string;
	readonly roles: number;
	readonly endpoint: string;
	readonly nodeFee: string;
	readonly bond: string;
	readonly calls: number | null;
	readonly earned: string | null;
}

interface HeartbeatRow {
	readonly role: string;
	readonly endpoint: string;
	readonly releases: string;
	readonly sentAt: number;
}

export function listNodes(db: Connection, clock: { now(): number }): Handler {
	return () => {
		const operators = db
			.prepare("SELECT operator.*, calls, earned FROM operator LEFT JOIN work USING (operator) ORDER BY operator LIMIT 1000")
			.all() as OperatorRow[];
		return json({
			nodes: operators.map((row) => {
				const beats = db.prepare("SELECT role, endpoint, releases, sentAt FROM heartbeat WHERE operator = ?").all(row.operator) as HeartbeatRow[];
				return {
					operator: row.operator,
					roles: Object.entries(ROLE_BITS).flatMap(([name, bit]) => ((row.roles & bit) === 0 ? [] : [name])),
					endpoint: row.endpoint,
					nodeFee: row.nodeFee,
					bond: row.bond,
					calls: row.calls ?? 0,
					earned: row.earned ?? "0",
					heartbeats: beats.map(({ role, endpoint, releases, sentAt }) => ({
						role,
						endpoint,
						releases: (JSON.parse(releases) as unknown[]).length,
						sentAt,
						alive: clock.now() - sentAt < ALIVE_MS,
					})),
				};
			}),
		});
	};
}

function speaksFor(db: Connection, operator: string, key: string, role: keyof typeof ROLE_BITS, now: number): boolean {
	const row = db.prepare("SELECT roles, bond FROM operator WHERE operator = ?").get(operator) as { roles: number; bond: string } | undefined;
	if (row === undefined || (row.roles & ROLE_BITS[role]) === 0 || BigInt(row.bond) === 0n) return false;
	const interval = db.prepare("SELECT validFrom, validUntil FROM operatorKey WHERE operator = ? AND key = ?").get(operator, key) as
		| { validFrom: number; validUntil: number | null }
		| undefined;
	// Block times are whole seconds, so a key made just now may begin in the hub's future by less than one.
	return interval !== undefined && interval.validFrom <= now + 1_000 && (interval.validUntil === null || now < interval.validUntil);
}

/** EIP-191 digest of a text. */
function personalDigest(text: string, crypto: Crypto): Uint8Array {
	const message = utf8(text);
	return crypto.keccak256(concatBytes(utf8(`\u0019Ethereum Signed Message:\n${message.length}`), message));
}

function readBody(value: unknown): HeartbeatBody {
	try {
		return bodyShape.read(value, "body");
	} catch (error) {
		throw refuse("body", error instanceof Error ? error.message : "is not a heartbeat");
	}
}

function refuse(field: string, reason: string): FreeholdError {
	return new FreeholdError("request.invalid", { field, reason });
}
