/** How results that are in no block are told to the contract at `0x…F4`, and how they are paid for (`contracts/solidity/pipe/LiveAnswers.sol`). */
import { concatBytes, encodeWords, fromHex, type Hex, type LiveAnswer } from "@freehold/protocol";
import { selector } from "../delivery.js";

const PRESUME = selector("presume(bytes32,(bytes32,uint64,uint8,address,bytes32,address,uint8,bytes32,uint32,uint64,uint64,bool,bytes))");
const PAY = selector("payLive((address,bytes32,uint32,uint64,uint64)[])");
/** Words of a delivery before its output. */
const HEAD_WORDS = 13;
const WORD = 32;
const NOTHING: Hex = `0x${"00".repeat(32)}`;

/** The parts of an answer that stand for another call as well, where the same was asked. */
export type Presumed = Omit<LiveAnswer, "id"> & { readonly kind: number; readonly payer: Hex };

/** The call by which the protocol presumes that a result was delivered for the call `id`. */
export function encodePresumption(id: Hex, { kind, payer, operator, release, priceVersion, inputUnits, outputUnits, ok, output }: Presumed): Uint8Array {
	const bytes = fromHex(output);
	const head = encodeWords([
		...[NOTHING, 0, kind, payer, NOTHING, operator, 0, release, priceVersion],
		...[BigInt(inputUnits), BigInt(outputUnits), ok ? 1 : 0, HEAD_WORDS * WORD, bytes.length],
	]);
	return concatBytes(PRESUME, encodeWords([id, 2 * WORD]), head, bytes, new Uint8Array((WORD - (bytes.length % WORD)) % WORD));
}

export type Owed = Pick<LiveAnswer, "operator" | "release" | "priceVersion" | "inputUnits" | "outputUnits">;

export function encodePayment(answers: readonly Owed[]): Uint8Array {
	const words = answers.flatMap(({ operator, release, priceVersion, inputUnits, outputUnits }) => [
		...[operator, release, priceVersion],
		...[BigInt(inputUnits), BigInt(outputUnits)],
	]);
	return concatBytes(PAY, encodeWords([WORD, answers.length, ...words]));
}
