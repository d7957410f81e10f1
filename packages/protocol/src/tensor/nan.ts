/** NaN has one spelling in a tensor, so that equal values are equal bytes on every machine. */
import type { Dtype } from "./dtype.js";

/** Index of the first NaN that is not the canonical one; -1 when there is none. */
export function findForeignNan(dtype: Dtype, bytes: Uint8Array): number {
	return walk(dtype, bytes, false);
}

/** Rewrites every NaN, in place, to the canonical one. */
export function canonicalizeNans(dtype: Dtype, bytes: Uint8Array): void {
	walk(dtype, bytes, true);
}

function walk(dtype: Dtype, bytes: Uint8Array, rewrite: boolean): number {
	const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
	if (dtype === "float32") {
		for (let offset = 0; offset + 4 <= bytes.length; offset += 4) {
			const bits = view.getUint32(offset, true);
			if ((bits & 0x7fffffff) <= 0x7f800000 || bits === 0x7fc00000) continue;
			if (!rewrite) return offset / 4;
			view.setUint32(offset, 0x7fc00000, true);
		}
	} else if (dtype === "float64") {
		for (let offset = 0; offset + 8 <= bytes.length; offset += 8) {
			const high = view.getUint32(offset + 4, true);
			const low = view.getUint32(offset, true);
			const magnitude = high & 0x7fffffff;
			const isNan = magnitude > 0x7ff00000 || (magnitude === 0x7ff00000 && low !== 0);
			if (!isNan || (high === 0x7ff80000 && low === 0)) continue;
			if (!rewrite) return offset / 8;
			view.setUint32(offset + 4, 0x7ff80000, true);
			view.setUint32(offset, 0, true);
		}
	} else if (dtype === "float16") {
		for (let offset = 0; offset + 2 <= bytes.length; offset += 2) {
			const bits = view.getUint16(offset, true);
			if ((bits & 0x7fff) <= 0x7c00 || bits === 0x7e00) continue;
			if (!rewrite) return offset / 2;
			view.setUint16(offset, 0x7e00, true);
		}
	}
	return -1;
}
