/**
 * Releases that bring their engine down again and again. A failed call costs its caller nothing, so without this a hostile file could keep every engine
 * restarting for free.
 */

export interface Strikes {
	/** Milliseconds until the release may be tried again; 0 when it may be now. */
	waitMs(release: string): number;
	/** Times in a row that the release brought its engine down. */
	count(release: string): number;
	strike(release: string): void;
	clear(release: string): void;
}

const ALLOWED = 2;
const FIRST_WAIT_MS = 15_000;
const LONGEST_WAIT_MS = 600_000;
const MOST_REMEMBERED = 10_000;

export function newStrikes(now: () => number): Strikes {
	const records = new Map<string, { count: number; until: number }>();
	return {
		waitMs: (release) => Math.max(0, (records.get(release)?.until ?? 0) - now()),
		count: (release) => records.get(release)?.count ?? 0,
		strike(release) {
			const count = (records.get(release)?.count ?? 0) + 1;
			const wait = count <= ALLOWED ? 0 : Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** (count - ALLOWED - 1));
			records.delete(release);
			records.set(release, { count, until: now() + wait });
			const oldest = records.keys().next();
			if (records.size > MOST_REMEMBERED && !oldest.done) records.delete(oldest.value);
		},
		clear: (release) => {
			records.delete(release);
		},
	};
}
