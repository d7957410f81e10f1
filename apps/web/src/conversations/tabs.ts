/** What the tabs of one browser tell each other of conversations, and whose turn it is to write one. */

const NAME = "freehold.conversations";
const channel = typeof BroadcastChannel === "undefined" ? undefined : new BroadcastChannel(NAME);

/** After a conversation was written here. */
export function tellTabs(id: string): void {
	channel?.postMessage(id);
}

/** When another tab has written one. */
export function hearTabs(listener: (id: string) => void): void {
	channel?.addEventListener("message", ({ data }) => {
		if (typeof data === "string") listener(data);
	});
}

/** One tab at a time. A browser without locks does as before. */
export function alone<T>(name: string, work: () => Promise<T>): Promise<T> {
	return navigator.locks === undefined ? work() : (navigator.locks.request(`${NAME} ${name}`, work) as Promise<T>);
}

/** Whether a tab, this one included, does such work now. */
export async function isBusy(name: string): Promise<boolean> {
	const { held = [] } = (await navigator.locks?.query()) ?? {};
	return held.some((lock) => lock.name === `${NAME} ${name}`);
}
