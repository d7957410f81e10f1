/** Pauses within long work of the main thread: blocks are made and others are answered in between. */
export interface PaceOptions {
	/** Milliseconds, rising. */
	readonly now: () => number;
	/** Lets other work run. */
	readonly breathe: () => Promise<void>;
}

/** Work without a pause, in milliseconds, after which others come first. */
const STRETCH_MS = 8;

/** To be awaited between small steps of long work; it pauses when it is time. */
export type Step = () => Promise<void> | undefined;

export function pacer({ now, breathe }: PaceOptions): Step {
	let from = now();
	return () => {
		if (now() - from < STRETCH_MS) return undefined;
		return breathe().then(() => {
			from = now();
		});
	};
}
