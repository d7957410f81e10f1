/** `0x4f50…0003`: enough to tell apart; the whole is copied. */
export function shortHash(hash: string, lead = 6, tail = 4): string {
	return hash.length <= lead + tail + 1 ? hash : `${hash.slice(0, lead)}…${hash.slice(-tail)}`;
}
