/** Dividing a field into parcels whose areas are as the amounts: squarified treemap (Bruls, Huizing, van Wijk, 2000). */

export interface Parcel {
	readonly index: number;
	/** All in 0 … 1 of the field's width and height. */
	readonly left: number;
	readonly top: number;
	readonly width: number;
	readonly height: number;
}

/** `aspect`: width over height of the field. Amounts that are not above zero get no parcel. */
export function divide(amounts: readonly number[], aspect: number): readonly Parcel[] {
	const total = amounts.reduce((sum, amount) => sum + Math.max(0, amount), 0);
	if (total <= 0) return [];
	const items = amounts
		.map((amount, index) => ({ index, area: (Math.max(0, amount) / total) * aspect }))
		.filter(({ area }) => area > 0)
		.sort((a, b) => b.area - a.area);
	const parcels: Parcel[] = [];
	const free = { left: 0, top: 0, width: aspect, height: 1 };
	let row: typeof items = [];
	const flush = (): void => {
		const area = row.reduce((sum, item) => sum + item.area, 0);
		const upright = free.width >= free.height;
		const side = upright ? free.height : free.width;
		const depth = area / side;
		let offset = 0;
		for (const item of row) {
			const length = item.area / depth;
			parcels.push(
				upright
					? { index: item.index, left: free.left / aspect, top: free.top + offset, width: depth / aspect, height: length }
					: { index: item.index, left: (free.left + offset) / aspect, top: free.top, width: length / aspect, height: depth },
			);
			offset += length;
		}
		if (upright) {
			free.left += depth;
			free.width -= depth;
		} else {
			free.top += depth;
			free.height -= depth;
		}
		row = [];
	};
	for (const item of items) {
		const side = Math.min(free.width, free.height);
		if (row.length > 0 && worst([...row, item], side) > worst(row, side)) flush();
		row.push(item);
	}
	if (row.length > 0) flush();
	return parcels;
}

function worst(row: readonly { readonly area: number }[], side: number): number {
	const areas = row.map(({ area }) => area);
	const sum = areas.reduce((total, area) => total + area, 0);
	return Math.max((side ** 2 * Math.max(...areas)) / sum ** 2, sum ** 2 / (side ** 2 * Math.min(...areas)));
}
