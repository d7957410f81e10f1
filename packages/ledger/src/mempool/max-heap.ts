/** Binary heap that gives the greatest element first. */
export class MaxHeap<T> {
	readonly #items: T[] = [];
	readonly #compare: (a: T, b: T) => number;

	constructor(compare: (a: T, b: T) => number) {
		this.#compare = compare;
	}

	push(item: T): void {
		const items = this.#items;
		let index = items.length;
		items.push(item);
		while (index > 0) {
			const parent = (index - 1) >> 1;
			const above = items[parent] as T;
			if (this.#compare(item, above) <= 0) break;
			items[index] = above;
			index = parent;
		}
		items[index] = item;
	}

	pop(): T | undefined {
		const items = this.#items;
		const top = items[0];
		const item = items.pop();
		if (item === undefined || items.length === 0) return top;
		let index = 0;
		for (;;) {
			let child = 2 * index + 1;
			if (child >= items.length) break;
			if (child + 1 < items.length && this.#compare(items[child + 1] as T, items[child] as T) > 0) child++;
			if (this.#compare(items[child] as T, item) <= 0) break;
			items[index] = items[child] as T;
			index = child;
		}
		items[index] = item;
		return top;
	}
}
