/** Figures of the last hour from the newest lines. */
import type { PaidLine } from "../../network/queries.js";

const HOUR_MS = 3_600_000;

export interface HourFigures {
	readonly toOwners: bigint;
	readonly calls: number;
	/** More lines than were read lie within the hour. */
	readonly atLeast: boolean;
}

/** `lines`: newest first; `cut`: there are older ones that were not read. */
export function lastHour(lines: readonly PaidLine[], now: number, cut: boolean): HourFigures {
	const recent = lines.filter(({ time }) => time > now - HOUR_MS);
	return {
		toOwners: recent.reduce((sum, { ownerAmount }) => sum + BigInt(ownerAmount), 0n),
		calls: recent.reduce((sum, { calls }) => sum + calls, 0),
		atLeast: cut && recent.length === lines.length,
	};
}
