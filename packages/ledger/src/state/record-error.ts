/** A record of the store that is not what was written: a fault of the disk or of the program, never of who asks. */
export class RecordError extends Error {
	override readonly name = "RecordError";

	constructor(what: string) {
		super(`the store has a damaged record: ${what}`);
	}
}
