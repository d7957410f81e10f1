/** Records after a bad disk: told as what they are, whatever the bytes. */
import { FreeholdError } from "@freehold/protocol";
import { mutateBytes } from "../../../../testing/hostile/fuzz/bytes.js";
import { fuzz } from "../../../../testing/hostile/fuzz/fuzzer.js";
import { packRecord, unpackRecord } from "./record.js";

const record = {
	order: { callId: `0x${"ca".repeat(32)}`, priceVersion: 2, nodeFee: 10n ** 17n },
	inputs: { X: { dtype: "float32", shape: [1, 3], bytes: new Uint8Array(12).fill(7) } },
	payment: { kind: "channel", channelId: `0x${"11".repeat(32)}`, maxClaimableAmount: 10n ** 18n },
	require: ["signed"],
	answerKey: undefined,
	seq: 41,
};

fuzz({
	name: "stored records",
	seeds: () => [record, { seq: 1, lines: [], root: "0x" }, { cursor: 5n }].map((each) => Uint8Array.from(packRecord(each))),
	mutate: (bytes, random, seeds) => mutateBytes(bytes as Uint8Array, random, seeds as readonly Uint8Array[]),
	read: (bytes) => {
		unpackRecord<object>(bytes as Uint8Array);
		return true;
	},
	isRefusal: (error) => error instanceof FreeholdError && error.code === "store.damaged",
});
