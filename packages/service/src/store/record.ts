/** Records of a durable store as bytes. V8's format keeps bigints and byte arrays as they are, and every later version reads it. */
import { deserialize, serialize } from "node:v8";
import { FreeholdError } from "@freehold/protocol";

export function packRecord(record: object | bigint): Uint8Array {
	return serialize(record);
}

/** Throws `store.damaged` when the bytes are no record. */
export function unpackRecord<T>(bytes: Uint8Array): T {
	let record: unknown;
	try {
		record = deserialize(bytes);
	} catch (cause) {
		throw new FreeholdError("store.damaged", {}, { cause });
	}
	if (typeof record !== "bigint" && (typeof record !== "object" || record === null)) throw new FreeholdError("store.damaged");
	return record as T;
}
